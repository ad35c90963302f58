import assert from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import { checkConfig, loadConfig } from "../../src/config/load.ts";
import { tempDir } from "../spool/fixture.ts";

const MODULES = new Map([["sasldb", SASLDB]]);
const HOST = 'hostname = "mail.foobar.co.jp"\ndefault_realm = "baz.co.jp"\n';

function check(text: string) {
  return checkConfig(HOST + text, { folder: "/etc/dokodemo", modules: MODULES });
}

function mistakesOf(text: string): readonly string[] {
  const loaded = check(text);
  return loaded.ok ? [] : loaded.mistakes;
}

Deno.test("[[route]]: each kind of place, with its conditions and its timetable", () => {
  const loaded = check(`
[[route]]
name = "partner"
recipient_domains = ["Partner.example", "*.例え.jp"]
sender_domains = ["foobar.co.jp"]
smarthost = { address = "mx.partner.example:25", tls = "never", ca_file = "ca.pem", concurrency = 3 }
retry = ["1min", "5min"]
give_up = "1d"
concurrency = 2
[[route]]
name = "direct"
accounts = ["bulk", "x@b.jp"]
mx = true
[[route]]
name = "boxes"
recipient_domains = ["a.example"]
lmtp = "unix:/run/dovecot/lmtp"
[[route]]
name = "boxes6"
recipient_domains = ["b.example"]
lmtp = "[::1]:24"
[[route]]
name = "archive"
recipient_domains = ["c.example"]
maildir = "archive/Maildir"
[[route]]
name = "hole"
recipient_domains = ["d.example"]
discard = true
[[route]]
name = "no"
recipient_domains = ["e.example"]
fail = "554 5.7.1 No mail goes there"
`);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { routes } = loaded.config;
  const [partner, direct] = routes;
  assert.deepEqual(partner, {
    name: "partner",
    when: {
      recipientDomains: ["partner.example", "*.xn--r8jz45g.jp"],
      accounts: [],
      senderDomains: ["foobar.co.jp"],
    },
    to: { kind: "smarthost", smarthost: partner?.to.kind === "smarthost" ? partner.to.smarthost : null },
    retryMs: [60_000, 300_000],
    giveUpMs: 86_400_000,
    concurrency: 2,
  });
  assert.ok(partner.to.kind === "smarthost");
  const { host, port, tls, caFile, concurrency } = partner.to.smarthost;
  assert.deepEqual([host, port, tls, caFile, concurrency], [
    ...["mx.partner.example", 25, "never", "/etc/dokodemo/ca.pem", 3],
  ]);
  assert.deepEqual(direct?.when.accounts, ["bulk@baz.co.jp", "x@b.jp"]);
  assert.deepEqual(routes.slice(1).map(({ to }) => to), [
    { kind: "mx" },
    { kind: "lmtp", address: { path: "/run/dovecot/lmtp" } },
    { kind: "lmtp", address: { host: "::1", port: 24 } },
    { kind: "maildir", maildir: "/etc/dokodemo/archive/Maildir" },
    { kind: "discard" },
    { kind: "fail", reply: "554 5.7.1 No mail goes there", enhanced: "5.7.1" },
  ]);
});

Deno.test("[[route]]: mistakes", () => {
  const to = "mx = true";
  const when = 'recipient_domains = ["a.example"]';
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [`name = "a"\n${to}`, [
      "route[0]: expected a condition: recipient_domains, accounts or sender_domains ([delivery] is for all the rest)",
    ]],
    [`name = "a"\n${when}`, ["route[0]: expected one of smarthost, mx, lmtp, maildir, discard, fail, found none"]],
    [`name = "a"\n${when}\n${to}\ndiscard = true`, [
      "route[0]: expected one of smarthost, mx, lmtp, maildir, discard, fail, found mx and discard",
    ]],
    [`name = "mx"\n${when}\n${to}`, ["route[0].name: mx is the name of a way that is always there"]],
    [`name = "a"\n${when}\n${to}\n[[route]]\nname = "a"\n${when}\n${to}`, [
      "route[1].name: route[0] has the name a too",
    ]],
    [`${when}\n${to}`, ['route[0].name: expected a name of letters, digits, ".", "-" and "_", found nothing']],
    [`name = "a"\nrecipient_domains = []\n${to}`, [
      "route[0].recipient_domains: expected one at least, found an empty list",
    ]],
    [`name = "a"\nrecipient_domains = ["a b"]\n${to}`, [
      'route[0].recipient_domains[0]: expected a domain such as "example.net", or "*.example.net" for those below it, found "a b"',
    ]],
    [`name = "a"\n${when}\nfail = "450 4.7.1 Later"`, [
      'route[0].fail: expected codes and a text in ASCII, such as "550 5.7.1 No mail goes there", found "450 4.7.1 Later"',
    ]],
    [`name = "a"\n${when}\nfail = "No"`, [
      'route[0].fail: expected codes and a text in ASCII, such as "550 5.7.1 No mail goes there", found "No"',
    ]],
    [`name = "a"\n${when}\nmx = false`, ["route[0].mx: expected true, found false"]],
    [`name = "a"\n${when}\nlmtp = "unix:lmtp"`, [
      'route[0].lmtp: expected a socket such as "unix:/run/dovecot/lmtp", or a host and a port, found "unix:lmtp"',
    ]],
    [`name = "a"\n${when}\nmaildir = "/m/{usr}"`, [
      "route[0].maildir: {usr} stands for nothing, expected {user}, {realm} or {account}",
    ]],
    [`name = "a"\n${when}\nsmarthost = { adress = "x:25" }`, [
      "route[0].smarthost.adress: unknown key, did you mean address?",
      'route[0].smarthost.address: expected a host and a port such as "smtp.example.net:587", found nothing',
    ]],
  ];
  for (const [text, mistakes] of cases) assert.deepEqual(mistakesOf(`[[route]]\n${text}\n`), mistakes, text);
});

Deno.test("[delivery.local]: exactly one of maildir and lmtp", () => {
  const loaded = check('[delivery.local]\nlmtp = "127.0.0.1:24"\n');
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.config.delivery.local, {
    to: { kind: "lmtp", address: { host: "127.0.0.1", port: 24 } },
    aliasesFile: null,
  });
  assert.deepEqual(mistakesOf("[delivery.local]\n"), [
    'delivery.local: expected maildir = "/var/mail/{user}/Maildir", or lmtp = "unix:/run/dovecot/lmtp"',
  ]);
});

Deno.test("the aliases file is checked with its line numbers, and includes stay in its folder", async () => {
  await using dir = await tempDir();
  const at = (name: string) => `${dir.path}/${name}`;
  await Deno.mkdir(at("etc"));
  await Deno.writeTextFile(at("outside"), "taro\n");
  await Deno.symlink(at("outside"), at("etc/link"));
  await Deno.writeTextFile(at("etc/list"), "shin\n# x\n|sh\n:include:list\n");
  await Deno.writeTextFile(
    at("etc/d.toml"),
    `${HOST}local_domains = ["foobar.co.jp"]\n[delivery.local]\nmaildir = "/m/{user}"\naliases_file = "aliases"\n`,
  );
  const load = async (aliases: string) => {
    await Deno.writeTextFile(at("etc/aliases"), aliases);
    return await loadConfig(at("etc/d.toml"), MODULES);
  };
  const good = await load("postmaster: root\nroot: shin\n");
  // With the alias no account has to be named for postmaster.
  assert.ok(good.ok, JSON.stringify(good));
  assert.equal(good.config.delivery.local?.aliasesFile, at("etc/aliases"));
  const bad = await load(`postmaster: root
a: :include:list
b: :include:../outside
c: :include:${at("outside")}
d: :include:link
e: f
f: e
g: :include:missing
root: /var/mail/root
`);
  assert.ok(!bad.ok);
  const file = at("etc/aliases");
  assert.deepEqual(
    bad.mistakes.map((mistake) => mistake.replace("delivery.local.aliases_file: ", "")).toSorted(),
    [
      `${file}, line 9: files are not written, so /var/mail/root is no member: give the mail to an account`,
      `${at("etc/list")}, line 3: programs are not run, so |sh is no member: give the mail to an account`,
      `${at("etc/list")}, line 4: it is a loop: ${file} -> ${at("etc/list")} -> ${at("etc/list")}`,
      `${file}, line 3: ../outside is not in ${at("etc")}, and nothing from elsewhere is included`,
      `${file}, line 4: ${at("outside")} is not in ${at("etc")}, and nothing from elsewhere is included`,
      `${file}, line 5: link is not in ${at("etc")}, and nothing from elsewhere is included`,
      `${file}, line 6: it is a loop: e -> f -> e`,
      `Cannot read ${at("etc/missing")}: there is no such file`,
    ].toSorted(),
  );
});
