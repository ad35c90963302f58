import assert from "node:assert/strict";
import { join } from "node:path";
import { openLimitRecords } from "../../src/records/limit_records.ts";
import { makeSite, type Site } from "./lib.ts";

const PRINTER = ["printer", "--from", "printer@foobar.co.jp", "--network", "192.0.2.7"];

async function ran(site: Site, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await site.run(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test("device: added, changed, shown and deleted with no server", async (t) => {
  await using site = await makeSite();
  const device = (...args: readonly string[]) => ran(site, "device", ...args);
  const shown = async () => JSON.parse(await device("show", "printer", "--json"))[0];

  await t.step("add prints the password alone, and says what it is on standard error", async () => {
    const added = await site.run(["device", "add", ...PRINTER, "--channel", "cram-md5", "--to", "@foobar.co.jp"]);
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /^[a-z]{16}\n$/);
    assert.match(added.stderr, /the password of the device printer@baz\.co\.jp, its user name: it is not shown again/);
    const { created, changed, ...rest } = await shown();
    assert.equal(created, changed);
    assert.deepEqual(rest, {
      ...{ device: "printer@baz.co.jp", disabled: false, lastUsed: null, from: "printer@foobar.co.jp" },
      ...{ networks: ["192.0.2.7"], recipients: ["@foobar.co.jp"], perDay: null, channel: "cram-md5", repair: false },
      ...{ mailsToday: 0, repairs: [] },
    });
  });

  await t.step("set changes what is given and nothing else", async () => {
    const sets = ["--per-day", "200", "--repair", "--network", "192.0.2.0/28", "--network", "2001:db8::/64"];
    assert.equal(await device("set", "printer", ...sets), "printer@baz.co.jp is changed\n");
    const { perDay, repair, networks, recipients, channel } = await shown();
    assert.deepEqual([perDay, repair, networks], [200, true, ["192.0.2.0/28", "2001:db8::/64"]]);
    assert.deepEqual([recipients, channel], [["@foobar.co.jp"], "cram-md5"]);
    await device("set", "printer", "--per-day", "any", "--no-repair", "--any-recipient", "--any-network");
    const cleared = await shown();
    assert.deepEqual([cleared.perDay, cleared.repair, cleared.recipients, cleared.networks], [null, false, [], []]);
  });

  await t.step("passwd, disable and enable", async () => {
    assert.match(await device("passwd", "printer", "--keypad"), /^\d{16}\n$/);
    assert.equal(await device("disable", "printer"), "printer@baz.co.jp is disabled\n");
    assert.match(await device("show", "printer"), /^state: +disabled$/m);
    assert.equal(await device("enable", "printer"), "printer@baz.co.jp is enabled\n");
    assert.match(
      await device("list"),
      /^printer@baz\.co\.jp +active +printer@foobar\.co\.jp +all +cram-md5 +0 +never$/m,
    );
  });

  await t.step("delete takes what hangs on it along, and each act is in the audit log", async () => {
    await ran(site, "limits", "set", "printer", "mails_per_day=3");
    await ran(site, "hold", "add", "printer");
    assert.equal(await device("delete", "printer"), "printer@baz.co.jp is deleted\n");
    assert.deepEqual(JSON.parse(await device("list", "--json")), []);
    assert.equal(await ran(site, "hold", "list"), "No account is on hold\n");
    const audit: { what: string }[] = JSON.parse(await ran(site, "audit", "list", "--json"));
    const acts = audit.map(({ what }) => what).filter((what) => what.startsWith("device.")).toReversed();
    const names = ["add", "set", "set", "password", "disable", "enable", "delete"];
    assert.deepEqual(acts, names.map((name) => `device.${name}`));
  });
});

Deno.test("device: what is wrong is named, and nothing is made", async () => {
  await using site = await makeSite();
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["add", "p"], 64, /--from <ADDRESS>/],
    [["add", "p", "--from", "p@x.jp", "--network", "300.1.1.1"], 64, /"300\.1\.1\.1": a network is an address/],
    [
      ["add", "p", "--from", "p@x.jp", "--per-day", "many"],
      64,
      /--per-day "many": expected a number of mails, or "any"/,
    ],
    [["add", "p", "--from", "p@x.jp", "--channel", "ntlm"], 64, /no channel "ntlm": expected cram-md5, login, tls/],
    [["add", "p", "--from", "p@x.jp", "--channel", "login", "--network", "192.0.2.0/24"], 64, /one address alone/],
    [["add", "a b@@", "--from", "p@x.jp"], 64, /expected USER@REALM/],
    [["set", "p", "--per-day", "3"], 65, /p@baz\.co\.jp: there is no such device/],
    [["delete", "p"], 65, /no such device/],
    [["enroll", "p"], 69, /No server runs/],
  ];
  for (const [args, code, says] of wrong) {
    const ended = await site.run(["device", ...args]);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
    assert.match(ended.stderr, says);
  }
  assert.deepEqual(JSON.parse(await ran(site, "device", "list", "--json")), []);
});

Deno.test("device: names are shared with accounts, and the commands of people leave devices alone", async () => {
  await using site = await makeSite();
  await ran(site, "device", "add", ...PRINTER);
  const twice = await site.run(["device", "add", ...PRINTER]);
  assert.deepEqual([twice.code, /an account has this name/.test(twice.stderr)], [73, true], twice.stderr);
  const added = await site.run(["user", "add", "printer", "--password-stdin"], "correct-horse\n");
  assert.equal(added.code, 73, added.stderr);
  for (const verb of ["show", "delete", "disable"]) {
    assert.equal((await site.run(["user", verb, "printer"])).code, 65, verb);
  }
  assert.match(await ran(site, "device", "show", "printer"), /^networks: +192\.0\.2\.7$/m);
});

Deno.test("user delete: limits, values of its own and the hold go with the account", async () => {
  await using site = await makeSite();
  const add = () => site.run(["user", "add", "shin", "--password-stdin"], "correct-horse\n");
  assert.equal((await add()).code, 0);
  await ran(site, "limits", "set", "shin", "mails_per_day=3");
  await ran(site, "hold", "add", "shin", "--reason", "phone stolen");
  assert.equal(await ran(site, "user", "delete", "shin"), "shin@baz.co.jp is deleted\n");
  const opened = openLimitRecords(join(site.dataDir, "limits"));
  assert.ok(opened.ok);
  using records = opened.value;
  assert.deepEqual([records.holds(), records.ownValues("shin@baz.co.jp").size, records.accounts(9)], [[], 0, []]);
});
