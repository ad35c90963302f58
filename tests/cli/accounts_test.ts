import assert from "node:assert/strict";
import { join } from "node:path";
import { makeSite, SMALL_CONFIG } from "./lib.ts";

Deno.test("sasldblistusers prints what the how-to shows, one line a mechanism", async () => {
  await using site = await makeSite();
  assert.deepEqual(await site.run(["sasldblistusers"]), { code: 0, stdout: "", stderr: "" });
  assert.equal((await site.run(["saslpasswd", "-p", "-u", "baz.co.jp", "shin"], "secret\n")).code, 0);
  assert.equal((await site.run(["saslpasswd", "-c", "-p", "hana@foo.jp"], "secret")).code, 0);
  const { stdout } = await site.run(["sasldblistusers"]);
  assert.equal(
    stdout,
    `user: hana realm: foo.jp mech: PLAIN
user: hana realm: foo.jp mech: CRAM-MD5
user: hana realm: foo.jp mech: DIGEST-MD5
user: hana realm: foo.jp mech: SCRAM-SHA-1
user: hana realm: foo.jp mech: SCRAM-SHA-256
user: shin realm: baz.co.jp mech: PLAIN
user: shin realm: baz.co.jp mech: CRAM-MD5
user: shin realm: baz.co.jp mech: DIGEST-MD5
user: shin realm: baz.co.jp mech: SCRAM-SHA-1
user: shin realm: baz.co.jp mech: SCRAM-SHA-256
`,
  );
});

Deno.test("saslpasswd -d takes an account out of the listing, a new password brings it back", async () => {
  await using site = await makeSite();
  await site.run(["saslpasswd", "-p", "shin"], "one\n");
  assert.equal((await site.run(["saslpasswd", "-d", "shin"])).code, 0);
  assert.equal((await site.run(["sasldblistusers"])).stdout, "");
  assert.equal((await site.run(["auth", "test", "shin", "--password-stdin"], "one")).code, 1);
  assert.equal((await site.run(["saslpasswd", "-p", "shin"], "two\n")).code, 0);
  assert.match((await site.run(["sasldblistusers"])).stdout, /^user: shin realm: baz\.co\.jp mech: PLAIN$/m);
  assert.equal((await site.run(["auth", "test", "shin", "--password-stdin"], "two")).code, 0);
  const unknown = await site.run(["saslpasswd", "-d", "nobody"]);
  assert.deepEqual([unknown.code, unknown.stderr], [65, "dokodemo: There is no account nobody@baz.co.jp\n"]);
});

Deno.test("saslpasswd takes one realm only", async () => {
  await using site = await makeSite();
  const { code, stderr } = await site.run(["saslpasswd", "-p", "-u", "a.jp", "shin@b.jp"], "x\n");
  assert.equal(code, 64);
  assert.match(stderr, /two realms/);
});

Deno.test("an account from its beginning to its end", async () => {
  await using site = await makeSite();
  const login = (password: string) => site.run(["auth", "test", "shin@baz.co.jp", "--password-stdin"], password);

  assert.equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
  const added = await site.run(["user", "add", "shin@baz.co.jp", "--password-stdin"], "first\nsecond line\n");
  assert.deepEqual(added, { code: 0, stdout: "shin@baz.co.jp added\n", stderr: "" });
  assert.equal((await login("first")).code, 0);
  assert.equal((await login("wrong")).code, 1);

  const again = await site.run(["user", "add", "shin", "--password-stdin"], "x");
  assert.equal(again.code, 73);
  assert.match(again.stderr, /the account exists/);

  assert.equal((await site.run(["user", "passwd", "shin", "--password-stdin"], "new\r\n")).code, 0);
  assert.equal((await login("first")).code, 1);
  assert.equal((await login("new")).code, 0);

  assert.equal((await site.run(["user", "disable", "shin"])).code, 0);
  assert.equal((await login("new")).code, 1);
  assert.match((await site.run(["user", "list"])).stdout, /^shin@baz\.co\.jp +disabled /m);
  assert.equal((await site.run(["user", "enable", "shin"])).code, 0);
  assert.equal((await login("new")).code, 0);

  const [shown] = JSON.parse((await site.run(["user", "show", "shin", "--json"])).stdout);
  assert.equal(shown.account, "shin@baz.co.jp");
  assert.equal(shown.disabled, false);
  assert.equal(shown.sendsAs[0], "shin@baz.co.jp");
  assert.deepEqual(shown.schemes, ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"]);
  assert.doesNotMatch(JSON.stringify(shown), /hash|salt|key/i);
  assert.match((await site.run(["user", "show", "shin"])).stdout, /^mechanisms: +PLAIN, LOGIN, CRAM-MD5,/m);

  assert.equal((await site.run(["user", "delete", "shin"])).code, 0);
  assert.equal((await login("new")).code, 1);
  assert.equal((await site.run(["user", "show", "shin"])).code, 65);
});

Deno.test("a list of one realm, in JSON", async () => {
  await using site = await makeSite();
  for (const name of ["b@x.jp", "a@x.jp", "c@y.jp"]) {
    await site.run(["user", "add", name, "--password-stdin"], "secret");
  }
  const listed = JSON.parse((await site.run(["user", "list", "--realm", "X.jp", "--json"])).stdout);
  assert.deepEqual(listed.map(({ account }: { account: string }) => account), ["a@x.jp", "b@x.jp"]);
});

Deno.test("names and passwords that cannot be are refused", async () => {
  await using site = await makeSite();
  const cases = [
    ["a b@x.jp", "secret", 65],
    ["@x.jp", "secret", 64],
    ["shin", "", 65],
    ["shin", "\n", 65],
    ["shin", "with\x07bell", 65],
  ] as const;
  for (const [name, password, code] of cases) {
    const ended = await site.run(["user", "add", name, "--password-stdin"], password);
    assert.equal(ended.code, code, `${JSON.stringify(name)} ${JSON.stringify(password)}: ${ended.stderr}`);
    if (password !== "" && password !== "\n") assert.ok(!ended.stderr.includes(password), "the password is shown");
  }
  assert.equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
});

Deno.test("with several stores one has to be chosen", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[sasl]
pwcheck_method = ["sasldb", "old"]
[backend.old]
type = "sasldb"
file = "old.db"
`);
  const undecided = await site.run(["user", "list"]);
  assert.equal(undecided.code, 64);
  assert.match(undecided.stderr, /--backend \(sasldb, old\)/);
  const add = ["user", "add", "shin", "--password-stdin", "--backend", "old"];
  assert.equal((await site.run(add, "secret")).code, 0);
  assert.equal((await Deno.stat(join(site.dataDir, "old.db"))).isFile, true);
  const { stdout } = await site.run(["auth", "test", "shin", "--password-stdin"], "secret");
  assert.match(
    stdout,
    /backend sasldb .*rejected: unknown-user.*\nbackend old .*accepted[^]*accepted: the account is shin@baz\.co\.jp\n/,
  );
});

Deno.test("files made by root belong to the owner of data_dir", async () => {
  await using site = await makeSite();
  await Deno.mkdir(site.dataDir, { mode: 0o711 });
  const root = Deno.uid() === 0;
  if (root) {
    // The way to the folder has to be open to that owner too.
    await Deno.chmod(site.folder, 0o755);
    await Deno.chown(site.dataDir, 65_534, 65_534);
  }
  const { code, stderr } = await site.run(["user", "add", "shin", "--password-stdin"], "secret");
  assert.equal(code, 0, stderr);
  const { uid, gid, mode } = await Deno.stat(join(site.dataDir, "sasldb"));
  assert.deepEqual([uid, gid], root ? [65_534, 65_534] : [Deno.uid(), Deno.gid()]);
  assert.equal((mode ?? 0) & 0o777, 0o600);
});

Deno.test("data_dir is made where it is missing, open to nobody but on the way to its sockets", async () => {
  await using site = await makeSite();
  await site.run(["user", "list"]);
  assert.equal(((await Deno.stat(site.dataDir)).mode ?? 0) & 0o777, 0o711);
});

Deno.test("a damaged store is refused and left as it is", async () => {
  await using site = await makeSite();
  await Deno.mkdir(site.dataDir);
  const file = join(site.dataDir, "sasldb");
  await Deno.writeTextFile(file, "not a database, and longer than a header of one hundred octets: ".repeat(20));
  const before = await Deno.readTextFile(file);
  const { code, stderr } = await site.run(["user", "list"]);
  assert.equal(code, 65);
  assert.match(stderr, /^dokodemo: Cannot open account store .*sasldb: /);
  assert.equal(await Deno.readTextFile(file), before);
});
