import assert from "node:assert/strict";
import { join } from "node:path";
import { failure, login, open } from "../records/lib.ts";
import { makeSite, type Site } from "./lib.ts";

const acts = async (site: Site) => {
  const rows = JSON.parse((await site.run(["audit", "list", "--json"])).stdout);
  return rows.map(({ what, target, detail }: Record<string, string>) => [what, target, detail].join(" ").trim())
    .toReversed();
};

const SESSION = { backend: "sasldb", version: null, administrator: false, remote: "192.0.2.7", userAgent: "x" };

Deno.test("each change of an account is in the audit log, and what failed is not", async () => {
  await using site = await makeSite();
  assert.equal((await site.run(["audit", "list", "--json"])).stdout, "[]\n");
  for (
    const [args, password] of [
      [["user", "add", "shin", "--password-stdin"], "one"],
      [["user", "add", "shin", "--password-stdin"], "two"],
      [["user", "passwd", "shin@BAZ.co.jp", "--password-stdin"], "two"],
      [["user", "disable", "shin"], ""],
      [["user", "enable", "shin"], ""],
      [["user", "enable", "nobody"], ""],
      [["saslpasswd", "-d", "shin"], ""],
      [["saslpasswd", "-p", "shin"], "three"],
      [["saslpasswd", "-p", "hana"], "three"],
      [["user", "delete", "shin"], ""],
      [["user", "delete", "shin"], ""],
    ] as const
  ) await site.run(args, password);
  assert.deepEqual(await acts(site), [
    "account.add shin@baz.co.jp",
    "account.password shin@baz.co.jp",
    "account.disable shin@baz.co.jp",
    "account.enable shin@baz.co.jp",
    "account.disable shin@baz.co.jp",
    "account.password shin@baz.co.jp it was disabled, and is enabled",
    "account.add hana@baz.co.jp",
    "account.delete shin@baz.co.jp",
  ]);
  const { stdout } = await site.run(["audit", "list", "--count", "2"]);
  assert.match(
    stdout,
    /^TIME +WHO +FROM +WHAT +TARGET +DETAIL\n\S+Z +command +local +account\.delete +shin@baz\.co\.jp\n\S+Z +command +local +account\.add +hana@baz\.co\.jp\n$/,
  );
  for (const count of ["0", "-1", "x", "1.5"]) {
    assert.equal((await site.run(["audit", "list", "--count", count])).code, 64, count);
  }
});

Deno.test("an import is in the audit log, with each account", async () => {
  await using site = await makeSite();
  const file = join(site.folder, "htpasswd");
  await Deno.writeTextFile(file, "a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nb:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
  await Deno.chmod(file, 0o600);
  await site.run(["import", "htpasswd", file, "--dry-run"]);
  assert.deepEqual(await acts(site), []);
  const imported = await site.run(["import", "htpasswd", file]);
  assert.equal(imported.code, 0, imported.stderr);
  assert.deepEqual(await acts(site), [
    `account.import ${file} 2 accounts in it`,
    `account.add a@baz.co.jp imported from ${file}`,
    `account.add b@baz.co.jp imported from ${file}`,
  ]);
});

Deno.test("with a deleted account goes what hangs on it; a disabled one loses its sessions alone", async () => {
  await using site = await makeSite();
  await site.run(["admin", "new", "shin", "--password-stdin"], "secret");
  await using records = open(join(site.dataDir, "records"));
  const account = "shin@baz.co.jp";
  const now = Date.now();
  const state = () => [
    records.sessions.of(account, now).length,
    records.administrators.has(account),
    records.authentications.list({ account }, { before: null, count: 9 }).length,
  ];
  records.sessions.add({ ...SESSION, account }, now);
  records.authentications.note(login(), now);
  records.authentications.note(failure(), now);
  assert.deepEqual(state(), [1, true, 2]);
  assert.equal((await site.run(["saslpasswd", "-d", "shin"])).code, 0);
  assert.deepEqual(state(), [0, true, 2]);
  records.sessions.add({ ...SESSION, account }, now);
  assert.equal((await site.run(["user", "passwd", "shin", "--password-stdin"], "new")).code, 0);
  assert.deepEqual(state(), [0, true, 2]);
  records.sessions.add({ ...SESSION, account }, now);
  assert.equal((await site.run(["user", "delete", "shin"])).code, 0);
  assert.deepEqual(state(), [0, false, 0]);
});

Deno.test("a records file that cannot be used stops no change", async () => {
  await using site = await makeSite();
  await Deno.mkdir(site.dataDir);
  await Deno.writeTextFile(join(site.dataDir, "records"), "no database");
  const added = await site.run(["user", "add", "shin", "--password-stdin"], "secret");
  assert.equal(added.code, 0);
  assert.match(added.stderr, /^dokodemo: Warning: this is not in the audit log: Cannot open records [^\n]*\n$/);
  assert.equal((await site.run(["user", "show", "shin"])).code, 0);
});

Deno.test("what root does is written to a file of the owner of data_dir", async () => {
  await using site = await makeSite();
  const [uid, gid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
  const owner = uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid, gid };
  await Deno.mkdir(site.dataDir, { mode: 0o711 });
  await Deno.chmod(site.folder, 0o755);
  await Deno.chown(site.dataDir, owner.uid, owner.gid);
  assert.equal((await site.run(["user", "add", "shin", "--password-stdin"], "secret")).code, 0);
  const { uid: found, mode } = await Deno.stat(join(site.dataDir, "records"));
  assert.deepEqual([found, (mode ?? 0) & 0o777], [owner.uid, 0o600]);
});
