import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { join } from "node:path";
import { startDns } from "../lib/dns_server.ts";
import { rsaPair } from "../lib/dkim_keys.ts";
import { makeSite, type Site } from "./lib.ts";

interface ShownRecord {
  readonly selector: string;
  readonly "in_use": boolean;
  readonly kind: string;
  readonly name: string;
  readonly value: string;
  readonly zone: string;
}

async function show(site: Site, ...args: readonly string[]): Promise<readonly ShownRecord[]> {
  const { code, stdout, stderr } = await site.run(["dkim", "show", "foobar.co.jp", "--json", ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("dkim new makes both keys for their owner only, and prints what publishes them", async () => {
  await using site = await makeSite();
  const made = await site.run(["dkim", "new", "foobar.co.jp", "--selector", "one"]);
  assert.equal(made.code, 0, made.stderr);
  const folder = join(site.dataDir, "dkim", "foobar.co.jp");
  assert.deepEqual((await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted(), [
    "one.ed25519.pem",
    "one.rsa.pem",
  ]);
  const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
  assert.equal(await mode(join(site.dataDir, "dkim")), 0o700);
  assert.equal(await mode(folder), 0o700);
  assert.equal(await mode(join(folder, "one.rsa.pem")), 0o600);
  assert.equal(await mode(join(folder, "one.ed25519.pem")), 0o600);

  const [rsa, ed25519] = await show(site);
  const publicOf = async (kind: string) => {
    const key = createPublicKey(createPrivateKey(await Deno.readTextFile(join(folder, `one.${kind}.pem`))));
    return key.export({ type: "spki", format: "der" });
  };
  assert.equal(rsa?.name, "one._domainkey.foobar.co.jp");
  assert.equal(rsa?.value, `v=DKIM1; k=rsa; p=${(await publicOf("rsa")).toString("base64")}`);
  assert.equal(ed25519?.name, "one-ed25519._domainkey.foobar.co.jp");
  assert.equal(ed25519?.value, `v=DKIM1; k=ed25519; p=${(await publicOf("ed25519")).subarray(-32).toString("base64")}`);
  for (const { name, value, zone } of [rsa, ed25519]) {
    assert.ok(made.stdout.includes(`\n${zone}\n`) && made.stdout.includes(`\n${name}\n${value}\n`), made.stdout);
  }
  assert.doesNotMatch(made.stdout + JSON.stringify([rsa, ed25519]), /PRIVATE/);

  const again = await site.run(["dkim", "new", "foobar.co.jp", "--selector", "one"]);
  assert.deepEqual([again.code, await show(site)], [65, [rsa, ed25519]]);
  assert.match(again.stderr, /already: name another one with --selector/);
});

Deno.test("dkim new names keys by year and month", async () => {
  await using site = await makeSite();
  const before = new Date().toISOString().slice(0, 7);
  const { stdout } = await site.run(["dkim", "new", "foobar.co.jp", "--json"]);
  const after = new Date().toISOString().slice(0, 7);
  const [first]: readonly ShownRecord[] = JSON.parse(stdout);
  assert.ok([before, after].includes(first?.selector ?? ""), stdout);
});

Deno.test("dkim check and use: a record that is right, wrong, missing, and name servers that do not answer", async () => {
  await using site = await makeSite();
  await site.run(["dkim", "new", "foobar.co.jp", "--selector", "one"]);
  const [rsa, ed25519] = await show(site);
  assert.ok(rsa !== undefined && ed25519 !== undefined);
  await using dns = await startDns({});
  const publish = (rsaText: readonly string[], ed25519Text: readonly string[]) => {
    dns.zone.set(rsa.name, { txt: rsaText });
    dns.zone.set(ed25519.name, { txt: ed25519Text });
  };
  const resolver = ["--resolver", `127.0.0.1:${dns.port}`];
  const check = (...args: readonly string[]) => site.run(["dkim", "check", "foobar.co.jp", ...resolver, ...args]);
  const use = () => site.run(["dkim", "use", "foobar.co.jp", "one", ...resolver]);

  const missing = await check();
  assert.equal(missing.code, 65);
  assert.equal(
    missing.stdout,
    [rsa, ed25519].map(({ name }) => `wrong: ${name}: there is no TXT record of this name\n`).join(""),
  );
  publish([rsaPair().record], [ed25519.value]);
  const other = await check();
  assert.equal(other.code, 65);
  assert.equal(
    other.stdout,
    `wrong: ${rsa.name}: p= is another key than the one that signs here\nOK: ${ed25519.name}\n`,
  );
  const refused = await use();
  assert.equal(refused.code, 65);
  assert.match(refused.stderr, /Nothing was changed/);
  assert.deepEqual((await show(site)).map(({ in_use }) => in_use), [false, false]);

  dns.zone.set(rsa.name, { rcode: "SERVFAIL" });
  const down = await check("--json");
  assert.equal(down.code, 75);
  const outcomes: readonly { readonly outcome: string }[] = JSON.parse(down.stdout);
  assert.deepEqual(outcomes.map(({ outcome }) => outcome), ["unknown", "right"]);
  assert.equal((await use()).code, 75);

  publish([`${rsa.value}; t=y`], [ed25519.value]);
  const trying = await check("--selector", "one");
  assert.equal(trying.code, 0);
  assert.match(trying.stdout, /^warning: one\._domainkey\.foobar\.co\.jp: t=y: /);

  publish([rsa.value], [ed25519.value]);
  const right = await use();
  assert.deepEqual([right.code, right.stderr], [0, ""]);
  assert.match(right.stdout, /Mail of foobar\.co\.jp is signed with one when the server starts\n$/);
  assert.deepEqual((await show(site)).map(({ in_use }) => in_use), [true, true]);

  // From here on the keys in use are meant, and not those that are prepared.
  await site.run(["dkim", "new", "foobar.co.jp", "--selector", "two"]);
  const checked = await check();
  assert.deepEqual([checked.code, checked.stdout], [0, `OK: ${rsa.name}\nOK: ${ed25519.name}\n`]);
  assert.equal((await check("--selector", "two")).code, 65);
  assert.equal((await show(site, "--selector", "two")).length, 2);

  const list = await site.run(["dkim", "list", "--json"]);
  assert.deepEqual(JSON.parse(list.stdout), [{ domain: "foobar.co.jp", in_use: "one", selectors: ["one", "two"] }]);
  assert.equal((await site.run(["dkim", "stop", "foobar.co.jp"])).code, 0);
  assert.match((await site.run(["dkim", "list"])).stdout, /^DOMAIN +IN USE +SELECTORS\nfoobar\.co\.jp +- +one two\n$/);
});

Deno.test("dkim: what is no domain, selector or name server, and keys that are not there", async () => {
  await using site = await makeSite();
  const cases: readonly (readonly [args: readonly string[], code: number, text: RegExp])[] = [
    [["new", "../etc"], 64, /"\.\.\/etc" is no domain/],
    [["new", "localhost"], 64, /"localhost" is no domain/],
    [["new", "foobar.co.jp", "--selector", "../x"], 64, /"\.\.\/x" is no selector/],
    [["new", "foobar.co.jp", "--selector", "One"], 64, /"One" is no selector/],
    [["check", "foobar.co.jp", "--resolver", "dns.example"], 64, /--resolver: expected an address/],
    [["check", "foobar.co.jp"], 65, /There are no keys of foobar\.co\.jp: dokodemo dkim new foobar\.co\.jp makes them/],
    [["use", "foobar.co.jp", "one"], 65, /There are no keys of foobar\.co\.jp/],
    [["show", "foobar.co.jp", "--selector", "one"], 65, /There are no keys of foobar\.co\.jp with the selector one/],
    [["stop", "foobar.co.jp"], 65, /Nothing is signed for foobar\.co\.jp/],
  ];
  for (const [args, code, text] of cases) {
    const ended = await site.run(["dkim", ...args]);
    assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assert.match(ended.stderr, text);
  }
  assert.deepEqual(JSON.parse((await site.run(["dkim", "list", "--json"])).stdout), []);
});

Deno.test("[dkim]: a listed domain without a key in use is a mistake, and others are not signed for", async () => {
  await using site = await makeSite(
    'hostname = "mail.foobar.co.jp"\ndata_dir = "data"\n[dkim]\nfolder = "keys"\ndomains = ["foobar.co.jp"]\n',
  );
  const before = await site.run(["check"]);
  assert.equal(before.code, 78);
  assert.match(before.stdout, /mistake: dkim\.domains\[0\]: foobar\.co\.jp has no key in use/);
  await site.run(["dkim", "new", "foobar.co.jp", "--selector", "one"]);
  await site.run(["dkim", "use", "foobar.co.jp", "one", "--force"]);
  await Deno.stat(join(site.folder, "keys/foobar.co.jp/one.rsa.pem"));
  assert.equal((await site.run(["check"])).code, 0);
  await site.run(["dkim", "new", "baz.co.jp", "--selector", "one"]);
  const other = await site.run(["dkim", "use", "baz.co.jp", "one", "--force"]);
  assert.match(other.stderr, /baz\.co\.jp is not in \[dkim\] domains/);
  await Deno.chmod(join(site.folder, "keys/foobar.co.jp/one.rsa.pem"), 0o644);
  const open = await site.run(["check"]);
  assert.equal(open.code, 78);
  assert.match(open.stdout, /everybody can read .*one\.rsa\.pem: run chmod 600 on it/);
});
