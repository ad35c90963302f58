import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { requirePrograms, runOrThrow } from "../servers/lib.ts";
import { cyrusFile, entry, FIXTURE, oldSecrets, PASSWORDS } from "../backends/cyrus_lib.ts";
import { hashOf } from "../backends/unix_lib.ts";
import { makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

/** Of "tanstaaf". */
const APR1 = "$apr1$abcdefgh$KDuMdnVwATAvF6l2DoY9f/";
/** Of "password". */
const SHA = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";

async function write(site: Site, content: string | Uint8Array, mode = 0o600): Promise<string> {
  const file = join(site.folder, "source");
  await Deno.writeFile(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  await Deno.chmod(file, mode);
  return file;
}

async function accepts(site: Site, name: string, password: string, mech = "PLAIN"): Promise<boolean> {
  const { code, stderr } = await site.run(["auth", "test", name, "--mech", mech, "--password-stdin"], password);
  ok(code === 0 || code === 1, stderr);
  return code === 0;
}

Deno.test("import sasldb: every account with all mechanisms, then left alone, then replaced", async () => {
  await using site = await makeSite();
  const file = await write(site, await Deno.readFile(FIXTURE));
  const dry = await site.run(["import", "sasldb", file, "--dry-run"]);
  deepEqual(dry, { code: 0, stdout: "Nothing was changed. It would be: 5 imported\n", stderr: "" });
  equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
  deepEqual(await site.run(["import", "sasldb", file]), { code: 0, stdout: "5 imported\n", stderr: "" });
  for (const { user: { local, realm }, password } of PASSWORDS) {
    const name = `${local}@${realm}`;
    equal(await accepts(site, name, password, "SCRAM-SHA-256"), true, name);
    equal(await accepts(site, name, `${password}x`, "SCRAM-SHA-256"), false, name);
  }
  equal(((await Deno.stat(join(site.dataDir, "sasldb"))).mode ?? 0) & 0o777, 0o600);
  await site.run(["user", "passwd", "shin", "--password-stdin"], "changed since");
  const again = await site.run(["import", "sasldb", file]);
  equal(again.code, 0);
  match(again.stdout, /^shin@baz\.co\.jp: exists, left as it is .*$/m);
  match(again.stdout, /^0 imported, 5 there already$/m);
  equal(await accepts(site, "shin", "changed since"), true);
  const over = await site.run(["import", "sasldb", file, "--overwrite"]);
  match(over.stdout, /^0 imported, 5 replaced$/m);
  equal(await accepts(site, "shin", "changed since"), false);
  equal(await accepts(site, "shin", "Kumquat42!", "DIGEST-MD5"), true);
});

Deno.test("import sasldb --realm puts all into one realm, and two of one name are told", async () => {
  await using site = await makeSite();
  const file = await write(site, await Deno.readFile(FIXTURE));
  const { code, stdout } = await site.run(["import", "sasldb", file, "--realm", "New.Example", "--json"]);
  equal(code, 0);
  const rows = JSON.parse(stdout);
  deepEqual(rows.map(({ account }: { account: string }) => account).sort(), [
    ...["alice", "bob", "hana", "shin", "taro"].map((local) => `${local}@new.example`),
  ]);
  deepEqual(rows[0], { account: rows[0].account, result: "imported", verifiers: true, why: null });
  equal(await accepts(site, "bob@new.example", "pässwörd-ünïcode", "CRAM-MD5"), true);
  const wrong = await site.run(["import", "sasldb", file, "--realm", "a@b"]);
  equal(wrong.code, 64);
});

requirePrograms(["db5.3_load"])("import sasldb: what SASL 1.5 left behind, and what cannot be taken", async () => {
  await using site = await makeSite();
  const old = { user: { local: "old", realm: "baz.co.jp" }, password: "old, 'Secret' 9" };
  const secrets = [...oldSecrets(old)].map(([mechanism, value]) => entry(["old", "baz.co.jp", mechanism], value));
  const octets = new TextEncoder();
  const file = await write(
    site,
    await cyrusFile([
      ...secrets,
      entry(["latin", "baz.co.jp", "userPassword"], Uint8Array.of(0x70, 0xe4, 0x73)),
      entry(["with space", "baz.co.jp", "userPassword"], octets.encode("x")),
      entry(["bell", "baz.co.jp", "userPassword"], octets.encode("a\x07")),
      entry(["otp", "baz.co.jp", "cmusaslsecretOTP"], octets.encode("x")),
      entry(["latin", "baz.co.jp", "cmusaslsecretOTP"], octets.encode("x")),
      entry(["twice", "baz.co.jp", "userPassword"], octets.encode("lower")),
      entry(["twice", "BAZ.co.jp", "userPassword"], octets.encode("upper")),
    ]),
  );
  const { code, stdout, stderr } = await site.run(["import", "sasldb", file]);
  equal(code, 65);
  match(stdout, /^old@baz\.co\.jp: imported: a secret of SASL 1\.5$/m);
  match(stdout, /^latin@baz\.co\.jp: imported: its password is not UTF-8 and was taken as ISO-8859-1$/m);
  match(stdout, /^3 imported, 4 not possible$/m);
  match(stdout, /^1 account without all verifiers, /m);
  match(stderr, /with space@baz\.co\.jp: Cannot import it: an account cannot have this name/);
  match(stderr, /bell@baz\.co\.jp: Cannot import it: SASLprep/);
  match(stderr, /otp@baz\.co\.jp: "cmusaslsecretOTP" is of no form/);
  match(stderr, /twice@.*: Cannot import it: the file has another account of this name/i);
  equal(await accepts(site, "latin", "päs", "CRAM-MD5"), true);
  equal(await accepts(site, "twice", "lower"), true);
  equal(await accepts(site, "twice", "upper"), false);
  for (const mech of ["CRAM-MD5", "PLAIN", "SCRAM-SHA-256", "DIGEST-MD5"]) {
    equal(await accepts(site, "old", old.password, mech), true, mech);
    equal(await accepts(site, "old", "wrong", mech), false, mech);
  }
});

Deno.test("import shadow: hashes, locked and expired accounts, and what has no password", async () => {
  await using site = await makeSite();
  const hash = await hashOf("tanstaaf");
  const file = await write(
    site,
    `root:${hash}:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
taro:${hash}:19000:0:99999:7:::
locked:!${hash}:19000:0:99999:7:::
expired:${hash}:19000:0:99999:7::19001:
aged:${hash}:19000:0:30:7:::
never:!!:19000::::::
strange:$99$salt$hash:19000::::::
des:rl.3StKT.4T8M:19000::::::
`,
  );
  const { code, stdout, stderr } = await site.run(["import", "shadow", file]);
  equal(code, 65);
  match(stdout, /^locked@baz\.co\.jp: imported: locked there, so disabled here$/m);
  match(stdout, /^expired@baz\.co\.jp: imported: expired there, so disabled here$/m);
  match(stdout, /^root: left out: root is never imported$/m);
  for (const name of ["daemon", "never"]) match(stdout, new RegExp(`^${name}: left out: it has no password$`, "m"));
  match(stdout, /^4 imported, 3 without a password, 2 not possible$/m);
  match(stderr, /strange: Cannot import it: its hash is of an unknown form/);
  match(stderr, /des: Cannot import it: its hash is DES, .*--allow-des/);
  equal(await accepts(site, "taro", "tanstaaf", "SCRAM-SHA-256"), false, "it has no verifiers yet");
  equal(await accepts(site, "taro", "wrong"), false);
  equal(await accepts(site, "taro", "tanstaaf"), true);
  equal(await accepts(site, "taro", "tanstaaf", "SCRAM-SHA-256"), false, "another account has none yet");
  await site.run(["user", "delete", "aged"]);
  for (const mech of ["CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]) {
    equal(await accepts(site, "taro", "tanstaaf", mech), true, mech);
  }
  equal(await accepts(site, "locked", "tanstaaf"), false);
  equal((await site.run(["user", "enable", "locked"])).code, 0);
  equal(await accepts(site, "locked", "tanstaaf"), true);
});

requirePrograms(["htpasswd"])("import htpasswd: each form that htpasswd makes", async () => {
  await using site = await makeSite();
  const password = "tanstaaf";
  const lines: string[] = ["# a comment", ""];
  for (
    const [name, ...options] of [["md5", "-m"], ["bcrypt", "-B", "-C", "5"], ["sha", "-s"], ["sha256", "-2"], [
      "sha512",
      "-5",
    ]]
  ) {
    const made = await runOrThrow("htpasswd", { args: ["-n", "-i", ...options, `${name}@x.jp`], input: password });
    lines.push(made.trim());
  }
  const des = (await runOrThrow("htpasswd", { args: ["-n", "-i", "-d", "des"], input: password })).trim().split("\n")
    .at(-1);
  const file = await write(site, `${lines.join("\n")}\n${des}\n`);
  const first = await site.run(["import", "htpasswd", file, "--realm", "y.jp"]);
  equal(first.code, 65);
  match(first.stdout, /^5 imported, 1 not possible$/m);
  const second = await site.run(["import", "htpasswd", file, "--realm", "y.jp", "--allow-des"]);
  equal(second.code, 0);
  for (const name of ["md5@x.jp", "bcrypt@x.jp", "sha@x.jp", "sha256@x.jp", "sha512@x.jp", "des@y.jp"]) {
    equal(await accepts(site, name, "wrong"), false, name);
    equal(await accepts(site, name, password), true, name);
    const [shown] = JSON.parse((await site.run(["user", "show", name, "--json"])).stdout);
    deepEqual([shown.imported, shown.schemes.length], [false, 4], name);
  }
});

Deno.test("with upgrade_imported = false the hash stays as it is, and the import says so", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}[sasl]\nupgrade_imported = false\n`);
  const file = await write(site, `taro:${APR1}\njiro:${SHA}\n`);
  const { code, stdout } = await site.run(["import", "htpasswd", file]);
  equal(code, 0);
  match(stdout, /^2 accounts without all verifiers, which a new password makes \(sasl\.upgrade_imported is false\)/m);
  equal(await accepts(site, "taro", "tanstaaf"), true);
  equal(await accepts(site, "jiro", "password"), true);
  const [shown] = JSON.parse((await site.run(["user", "show", "taro", "--json"])).stdout);
  deepEqual([shown.imported, shown.schemes], [true, []]);
  match((await site.run(["user", "show", "taro"])).stdout, /^imported: +the hash of another system/m);
});

Deno.test("files that cannot be read, are something else, or are open to everybody", async () => {
  await using site = await makeSite();
  const missing = await site.run(["import", "sasldb", join(site.folder, "none")]);
  equal(missing.code, 65);
  match(missing.stderr, /^dokodemo: Cannot read .*none: there is no such file\n$/);
  const text = await write(site, "neither one nor the other\n");
  for (const [kind, why] of [["sasldb", "too short"], ["shadow", "shadow\\(5\\)"], ["htpasswd", "name:hash"]]) {
    const ended = await site.run(["import", kind ?? "", text]);
    equal(ended.code, 65, kind);
    match(ended.stderr, new RegExp(`^dokodemo: Cannot read .*source: .*${why}`));
  }
  const open = await write(site, `taro:${APR1}\n`, 0o644);
  const warned = await site.run(["import", "htpasswd", open]);
  equal(warned.code, 0);
  match(warned.stderr, /^dokodemo: Warning: everybody can read the passwords in .*source; chmod 600 it$/m);
  equal((await site.run(["import", "htpasswd", await write(site, "")])).stdout, "0 imported\n");
  equal((await site.run(["import"])).code, 64);
  equal((await site.run(["import", "sasldb"])).code, 64);
  deepEqual(JSON.parse((await site.run(["import", "htpasswd", await write(site, ""), "--json"])).stdout), []);
});

Deno.test("a realm that nobody can log in to is warned of", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}[sasl]\nrealms = ["baz.co.jp"]\n`);
  const file = await write(site, await Deno.readFile(FIXTURE));
  const { code, stderr } = await site.run(["import", "sasldb", file]);
  equal(code, 0);
  equal(stderr, "dokodemo: Warning: nobody in the realm example.org can log in, since sasl.realms does not name it\n");
});
