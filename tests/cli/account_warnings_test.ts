import assert from "node:assert/strict";
import { join } from "node:path";
import { maildirWarnings, realmWarnings } from "../../src/cli/account_warnings.ts";
import { makeSite, SMALL_CONFIG } from "./lib.ts";

/** A configuration with mail for people here. */
const LOCAL = `hostname = "mail.foobar.co.jp"
local_domains = ["foobar.co.jp"]
postmaster = "shin"
data_dir = "data"
`;
const MAILDIR = '[delivery.local]\nmaildir = "mail/{user}"\n';

function configOf(realms: readonly string[]) {
  return { defaultRealm: "baz.co.jp", sasl: { realms } };
}

Deno.test("accounts of one name in two realms share a folder unless the template tells them apart", () => {
  const accounts = ["shin@baz.co.jp", "aki@baz.co.jp", "shin@foobar.co.jp", "Shin@baz.co.jp"];
  const config = configOf([]);
  assert.deepEqual(maildirWarnings("/mail/{user}/Maildir", { accounts, config }), [
    "delivery.local.maildir: shin@baz.co.jp, shin@foobar.co.jp share /mail/shin/Maildir; put {realm} or {account} into it",
  ]);
  assert.deepEqual(maildirWarnings("/mail/{realm}/{user}", { accounts, config }), []);
  assert.deepEqual(maildirWarnings("/mail/{account}", { accounts, config }), []);
  const many = ["a.example", "b.example", "c.example", "d.example", "e.example"].map((realm) => `shin@${realm}`);
  const [warning = ""] = maildirWarnings("/mail/{user}", { accounts: many, config });
  assert.match(warning, / shin@c\.example and 2 more share \/mail\/shin;/);
});

Deno.test("two served realms are warned of before there are accounts that share a folder", () => {
  const warnings = (template: string, realms: readonly string[]) =>
    maildirWarnings(template, { accounts: ["shin@baz.co.jp"], config: configOf(realms) });
  assert.deepEqual(warnings("/mail/{user}", ["foobar.co.jp"]), [
    "delivery.local.maildir: accounts of one name in baz.co.jp, foobar.co.jp would share a folder; put {realm} or {account} into it",
  ]);
  assert.deepEqual(warnings("/mail/{realm}/{user}", ["foobar.co.jp"]), []);
  assert.deepEqual(warnings("/mail/{account}", ["foobar.co.jp"]), []);
  assert.deepEqual(warnings("/mail/{user}", ["BAZ.co.jp"]), []);
  assert.deepEqual(warnings("/mail/{user}", []), []);
});

Deno.test("check warns of accounts that share a Maildir", async () => {
  await using site = await makeSite(LOCAL + MAILDIR);
  for (const account of ["shin@foobar.co.jp", "shin@baz.co.jp"]) {
    const { code } = await site.run(["user", "add", account, "--password-stdin"], "secret\n");
    assert.equal(code, 0);
  }
  const { code, stdout } = await site.run(["check"]);
  assert.equal(code, 0);
  assert.match(stdout, /^warning: delivery\.local\.maildir: shin@baz\.co\.jp, shin@foobar\.co\.jp share /m);
});

Deno.test("check warns of a postmaster that no store has, once there is a store, and makes none", async () => {
  await using site = await makeSite(LOCAL.replace('"shin"', '"ghost"') + MAILDIR);
  assert.doesNotMatch((await site.run(["check"])).stdout, /postmaster/);
  await assert.rejects(Deno.stat(join(site.dataDir, "sasldb")), Deno.errors.NotFound);
  await site.run(["user", "add", "shin", "--password-stdin"], "secret\n");
  const { code, stdout } = await site.run(["check"]);
  assert.equal(code, 0);
  assert.match(stdout, /^warning: postmaster: there is no account ghost@foobar\.co\.jp, so mail .* is refused$/m);
  await site.run(["user", "add", "Ghost", "--password-stdin"], "secret\n");
  assert.doesNotMatch((await site.run(["check"])).stdout, /postmaster/, "mail is delivered without regard to case");
});

Deno.test("check does not warn of a postmaster that another kind of backend may have", async () => {
  await using site = await makeSite(`${LOCAL.replace('"shin"', '"ghost"')}${MAILDIR}[sasl]
pwcheck_method = ["sasldb", "passwd"]
[backend.passwd]
file = "/etc/passwd"
`);
  await site.run(["user", "add", "shin", "--password-stdin"], "secret\n");
  assert.doesNotMatch((await site.run(["check"])).stdout, /postmaster/);
});

Deno.test("a backend that does not look at the realm is warned of unless one realm alone reaches it", () => {
  const warnings = (realms: readonly string[], own: readonly string[], ignoresRealm = true) => {
    const config = { ...configOf(realms), backends: [{ name: "staff", realms: own }] };
    return realmWarnings(config, [{ name: "staff", ignoresRealm }, { name: "other" }]);
  };
  const text =
    "backend.staff: it does not look at the realm, so it accepts taro@any.realm as well: set realms in its section";
  assert.deepEqual(warnings([], []), [text]);
  assert.deepEqual(warnings(["foobar.co.jp"], []), [text]);
  assert.deepEqual(warnings(["baz.co.jp"], []), []);
  assert.deepEqual(warnings([], ["baz.co.jp"]), []);
  assert.deepEqual(warnings([], [], false), []);
});

Deno.test("check warns of an ldap section whose template and filter do not have the realm", async () => {
  const check = async (keys: string) => {
    await using site = await makeSite(`${SMALL_CONFIG}[sasl]
pwcheck_method = ["ldap"]
[backend.ldap]
url = "ldap://127.0.0.1:1"
${keys}
`);
    return (await site.run(["check"])).stdout.includes("backend.ldap: it does not look at the realm");
  };
  assert.equal(await check('template = "uid={user},dc=example,dc=org"'), true);
  assert.equal(await check('template = "uid={user},dc=example,dc=org"\nrealms = ["baz.co.jp"]'), false);
  assert.equal(await check('template = "uid={user},ou={domain},dc=example,dc=org"'), false);
  assert.equal(await check('base = "dc=example,dc=org"\nfilter = "(uid={user})"'), true);
  assert.equal(await check('base = "dc=example,dc=org"\nfilter = "(mail={address})"'), false);
});

Deno.test("user add, user show and saslpasswd warn of a realm in which nobody can log in", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}[sasl]
realms = ["foobar.co.jp"]
[backend.sasldb]
realms = ["baz.co.jp"]
`);
  const run = async (...args: readonly string[]) => {
    const { code, stderr } = await site.run(args, "secret\n");
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const unserved =
    "dokodemo: Warning: nobody in the realm else.example can log in, since sasl.realms does not name it\n";
  const unasked =
    "dokodemo: Warning: nobody in the realm foobar.co.jp can log in, since backend.sasldb.realms does not name it\n";
  assert.equal(await run("user", "add", "shin@Else.Example", "--password-stdin"), unserved);
  assert.equal(await run("user", "show", "shin@else.example"), unserved);
  assert.equal(await run("saslpasswd", "-p", "-u", "else.example", "yuki"), unserved);
  assert.equal(await run("user", "add", "shin@foobar.co.jp", "--password-stdin"), unasked);
  assert.equal(await run("user", "add", "shin@BAZ.co.jp", "--password-stdin"), "");
  assert.equal(await run("user", "disable", "shin@else.example"), "");
});
