import assert from "node:assert/strict";
import { join } from "node:path";
import { completeDkim, dkimSchema } from "../../src/config/dkim.ts";
import { isSelector, listDomains, readActiveKeys } from "../../src/config/dkim_keys.ts";
import type { DkimDomain } from "../../src/config/config.ts";
import type { Findings } from "../../src/config/files.ts";
import { ed25519Pair, rsaPair, writeKeys } from "../lib/dkim_keys.ts";

const PLACE = { folder: "/etc/dokodemo", dataDir: "/var/lib/dokodemo" };

async function withFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await check(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("[dkim]: the folder, and the domains that are signed for", () => {
  const keys = new Map<string, DkimDomain>(
    ["foobar.co.jp", "baz.co.jp"].map((domain) => [domain, { domain, keys: [] }]),
  );
  const complete = (section: unknown, known: ReadonlyMap<string, DkimDomain> | null = keys) => {
    const findings: Findings = { mistakes: [], warnings: [] };
    const { folder, domains, keys } = completeDkim(dkimSchema.parse(section), { ...PLACE, keys: known }, findings);
    return [folder, domains, [...keys.keys()], findings.mistakes.map(({ path }) => path.join("."))];
  };
  assert.deepEqual(complete({}), ["/var/lib/dokodemo/dkim", null, ["foobar.co.jp", "baz.co.jp"], []]);
  assert.deepEqual(complete({ folder: "keys", domains: ["BAZ.co.jp"] }), [
    ...["/etc/dokodemo/keys", ["baz.co.jp"], ["baz.co.jp"], []],
  ]);
  assert.deepEqual(complete({ domains: ["baz.co.jp", "example.net"] }).slice(2), [["baz.co.jp"], ["dkim.domains.1"]]);
  // Without a look at the files nothing is known.
  assert.deepEqual(complete({ domains: ["example.net"] }, null).slice(2), [[], []]);
});

Deno.test("isSelector: one label, with room for what is put behind it", () => {
  for (const text of ["one", "2026-11", "a", "x".repeat(54)]) assert.ok(isSelector(text), text);
  for (const text of ["", "-a", "a-", "a.b", "A", "a_b", "..", "one-ed25519", "a/b", "x".repeat(55)]) {
    assert.ok(!isSelector(text), text);
  }
});

Deno.test("readActiveKeys: the keys in use, those of either kind", async () => {
  await withFolder(async (folder) => {
    await writeKeys(folder, "foobar.co.jp", { selector: "one", rsa: rsaPair(), ed25519: ed25519Pair() });
    await writeKeys(folder, "baz.co.jp", { selector: "old", rsa: rsaPair(1024) });
    await writeKeys(folder, "unused.example", { selector: "one", ed25519: ed25519Pair() });
    await Deno.remove(join(folder, "unused.example/active"));
    await Deno.writeTextFile(join(folder, "README"), "not a key\n");
    const { keys, mistakes } = await readActiveKeys(folder);
    assert.deepEqual(mistakes, []);
    const shown = [...keys.values()].map(({ domain, keys }) => [domain, keys.map(({ selector }) => selector)]);
    assert.deepEqual(shown, [["baz.co.jp", ["old"]], ["foobar.co.jp", ["one", "one-ed25519"]]]);
    const domains = await listDomains(folder);
    assert.deepEqual(domains.ok && domains.value.map(({ domain, active }) => [domain, active]), [
      ["baz.co.jp", "old"],
      ["foobar.co.jp", "one"],
      ["unused.example", null],
    ]);
  });
});

Deno.test("readActiveKeys: no folder has no keys", async () => {
  await withFolder(async (folder) => {
    assert.deepEqual(await readActiveKeys(join(folder, "none")), { keys: new Map(), mistakes: [] });
  });
});

Deno.test("readActiveKeys: a key in use that is not there, not readable or no good is a mistake", async () => {
  const good = rsaPair().pem;
  const cases: readonly (readonly [pem: string, mode: number, problem: RegExp])[] = [
    ["no key\n", 0o600, /one\.rsa\.pem: it holds no private key in PEM form$/],
    [good.slice(0, 400), 0o600, /one\.rsa\.pem: it holds no private key in PEM form$/],
    [ed25519Pair().pem, 0o600, /one\.rsa\.pem: it holds no key of the kind rsa$/],
    [rsaPair(512).pem, 0o600, /one\.rsa\.pem: a key of 512 bits is too short \(RFC 8301\), make one of 2048$/],
    [good, 0o644, /^everybody can read .*one\.rsa\.pem: run chmod 600 on it$/],
  ];
  await withFolder(async (folder) => {
    for (const [pem, mode, problem] of cases) {
      await writeKeys(folder, "foobar.co.jp", { selector: "one", rsa: { pem, record: "" }, ed25519: ed25519Pair() });
      await Deno.chmod(join(folder, "foobar.co.jp/one.rsa.pem"), mode);
      const { keys, mistakes } = await readActiveKeys(folder);
      assert.deepEqual([keys.size, mistakes.length], [0, 1], problem.source);
      assert.match(mistakes[0] ?? "", problem);
    }
    await Deno.writeTextFile(join(folder, "foobar.co.jp/active"), "two\n");
    assert.deepEqual((await readActiveKeys(folder)).mistakes, [
      `${folder}/foobar.co.jp/active names a selector that has no key`,
    ]);
  });
});
