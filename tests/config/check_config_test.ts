import assert from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import { z } from "zod";
import type { BackendModule } from "../../src/backend_module.ts";
import { defineBackend } from "../../src/backend_module.ts";
import type { Config } from "../../src/config/config.ts";
import type { FileContents } from "../../src/config/files.ts";
import { checkConfig, NO_CONTENTS } from "../../src/config/load.ts";
import { MECHANISMS } from "../../src/config/schema.ts";
import { MECHANISMS as REGISTERED } from "../../src/sasl/mechanisms.ts";

/** A second kind of backend, whose section has nested keys and a secret. */
const STAFF = defineBackend({
  type: "staff",
  aliases: ["personnel"],
  schema: z.strictObject({
    url: z.string(),
    bindPassword: z.string().optional(),
    pool: z.strictObject({ maxSize: z.int() }).optional(),
  }),
  deadlineMs: 10_000,
  open: () => Promise.reject(new Error("not opened in these tests")),
});
/** What a section says that says nothing of its place in the chain. */
const COMMON = { control: "sufficient", realms: [], concurrency: 16 } as const;
const MODULES: ReadonlyMap<string, BackendModule> = new Map<string, BackendModule>([
  ["sasldb", SASLDB],
  ["staff", STAFF],
  ["personnel", STAFF],
]);

function check(text: string, contents?: FileContents) {
  return checkConfig(text, {
    folder: "/etc/dokodemo",
    modules: MODULES,
    ...(contents === undefined ? {} : { contents }),
  });
}

function configOf(text: string, contents?: FileContents): Config {
  const checked = check(text, contents);
  assert.ok(checked.ok, checked.ok ? "" : checked.mistakes.join("\n"));
  return checked.config;
}

function mistakesOf(text: string): readonly string[] {
  const checked = check(text);
  return checked.ok ? [] : checked.mistakes;
}

const HOST = 'hostname = "mail.foobar.co.jp"\n';
const TLS = '[tls]\ncertificate_file = "cert.pem"\nkey_file = "/run/key.pem"\n';

Deno.test("a file with only hostname is complete, and warns", () => {
  const checked = check(HOST);
  assert.ok(checked.ok);
  const { config, warnings } = checked;
  assert.equal(config.defaultRealm, "mail.foobar.co.jp");
  assert.equal(config.dataDir, "/var/lib/dokodemo");
  assert.deepEqual(config.listeners, [
    {
      name: "MTA",
      host: "::",
      port: 25,
      role: "mta",
      tls: "none",
      requireTls: false,
      mechList: null,
      proxy: [],
      sender: "report",
    },
    {
      name: "MSA",
      host: "::",
      port: 587,
      role: "msa",
      tls: "none",
      requireTls: false,
      mechList: null,
      proxy: [],
      sender: "reject",
    },
  ]);
  assert.deepEqual(config.backends, [
    { name: "sasldb", type: "sasldb", deadlineMs: SASLDB.deadlineMs, ...COMMON, options: { file: "sasldb" } },
  ]);
  assert.deepEqual(config.limits, {
    connections: 2000,
    connectionsPerAddress: 100,
    recipients: 1000,
    messageSize: 50 * 1024 * 1024,
    authFailures: 5,
    protocolErrors: 20,
    refusedRecipients: 50,
    sessionBeforeAuthMs: 120_000,
    commandMs: 300_000,
    drainMs: 60_000,
  });
  assert.deepEqual(config.delivery, {
    default: "none",
    smarthost: null,
    mx: { resolvers: [], sourceAddresses: [], mtaSts: true, caFile: null, concurrency: 2 },
    local: null,
    etrnDomains: [],
    delayNoticeMs: 14_400_000,
    giveUpMs: 432_000_000,
    retryMs: [300_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000],
  });
  assert.deepEqual([config.tls, config.http, config.user, config.postmaster], [null, null, null, null]);
  assert.deepEqual(config.guessing, {
    ...{ enabled: true, exemptNetworks: [], freeGuesses: 5, slotMs: 10_000, networkAccounts: 20 },
    ...{ networkWindowMs: 600_000, networkDelayMs: 60_000, forgetMs: 86_400_000, rememberPreviousDays: 30 },
  });
  assert.deepEqual(config.bans, { failuresPerHour: null, afterDelays: null, timeMs: 3_600_000, knownDays: 30 });
  assert.deepEqual(config.log, { format: "auto", authenticationDays: 90 });
  assert.deepEqual(
    warnings,
    [
      "delivery: without a smarthost only mail for local domains is accepted",
      "tls: without certificate_file and key_file nobody can log in, except from sasl.cleartext_networks",
    ].toReversed(),
  );
});

Deno.test("with a certificate there are three listeners, and TLS is required for submission", () => {
  assert.deepEqual(configOf(HOST + TLS).listeners, [
    {
      name: "MTA",
      host: "::",
      port: 25,
      role: "mta",
      tls: "starttls",
      requireTls: false,
      mechList: null,
      proxy: [],
      sender: "report",
    },
    {
      name: "MSA",
      host: "::",
      port: 587,
      role: "msa",
      tls: "starttls",
      requireTls: true,
      mechList: null,
      proxy: [],
      sender: "reject",
    },
    {
      name: "MSAS",
      host: "::",
      port: 465,
      role: "msa",
      tls: "implicit",
      requireTls: true,
      mechList: null,
      proxy: [],
      sender: "reject",
    },
  ]);
  assert.deepEqual(configOf(HOST + TLS).tls, { certificateFile: "/etc/dokodemo/cert.pem", keyFile: "/run/key.pem" });
});

Deno.test("the shape of the design, with the words of the how-to", () => {
  const config = configOf(
    `hostname = "mail.foobar.co.jp"
default_realm = "baz.co.jp"
local_domains = ["foobar.co.jp"]
postmaster = "shin"
data_dir = "/srv/dokodemo"
[local_recipients]
"Info@foobar.co.jp" = "shin"
[tls]
certificate_file = "/etc/dokodemo/fullchain.pem"
key_file = "/etc/dokodemo/key.pem"
[[listener]]
name = "MTA"
address = "[::]:25"
role = "mta"
[[listener]]
name = "MSA"
address = "[::]:587"
role = "msa"
[[listener]]
name = "MSAS"
address = "[::]:465"
role = "msa"
tls = "implicit"
mech_list = ["plain", "LOGIN"]
[sasl]
pwcheck_method = ["sasldb", "staff"]
mech_list = ["SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"]
trust_mech = ["PLAIN"]
cleartext_networks = ["192.0.2.0/24"]
[backend.sasldb]
file = "sasldb"
[backend.staff]
url = "ldaps://ldap.foobar.co.jp"
bind_password = "secret"
pool = { max_size = 4 }
deadline = "15s"
[delivery]
default = "smarthost"
[delivery.smarthost]
address = "smtp.example.net:465"
auth_info_file = "default-auth-info"
allow_cleartext_password = true
[delivery.local]
maildir = "/var/mail/{user}/Maildir"
[limits]
message_size = "10MB"
[http]
`,
    {
      ...NO_CONTENTS,
      localDomains: ["baz.co.jp", "foobar.co.jp"],
      smarthostAuth: { authzid: "", authcid: "admin", password: "secret", realm: "" },
    },
  );
  assert.deepEqual(config.localDomains, ["foobar.co.jp", "baz.co.jp"]);
  assert.equal(config.postmaster, "shin@baz.co.jp");
  assert.deepEqual([...config.localRecipients], [["info@foobar.co.jp", "shin@baz.co.jp"]]);
  assert.deepEqual(config.listeners[2]?.mechList, ["PLAIN", "LOGIN"]);
  assert.deepEqual(config.sasl.trustMech, ["PLAIN"]);
  assert.deepEqual(config.backends[1], {
    name: "staff",
    type: "staff",
    deadlineMs: 15_000,
    ...COMMON,
    options: { url: "ldaps://ldap.foobar.co.jp", bindPassword: "secret", pool: { maxSize: 4 } },
  });
  assert.deepEqual(config.delivery.smarthost, {
    host: "smtp.example.net",
    port: 465,
    tls: "implicit",
    caFile: null,
    auth: { authzid: "", authcid: "admin", password: "secret", realm: "" },
    oauth: null,
    allowClearTextPassword: true,
    concurrency: 5,
  });
  assert.deepEqual(config.delivery.local, {
    to: { kind: "maildir", maildir: "/var/mail/{user}/Maildir" },
    aliasesFile: null,
  });
  assert.deepEqual(config.http, {
    ...{ host: "127.0.0.1", port: 8025, publicUrl: null, tls: false, trustedProxies: [], profiles: null },
  });
  assert.equal(config.limits.messageSize, 10_000_000);
});

Deno.test("each mistake has its path, what was expected and what was found", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", ['hostname: expected a domain name such as "foobar.co.jp", found nothing']],
    ["hostname = 25", ['hostname: expected a domain name such as "foobar.co.jp", found 25']],
    [`${HOST}Hostname = "x"`, ["Hostname: unknown key, did you mean hostname?"]],
    [`${HOST}[delivery.local]\nlmtp = "[::1]:24"\nmaildir = "{user}"`, [
      "delivery.local: expected maildir or lmtp, found both",
    ]],
    [
      `${HOST}[dmarc]\n[acme]`,
      ["dmarc", "acme"].map((section) => `${section}: comes with a later version of dokodemo`),
    ],
    [`${HOST}[policy]\n[ban]`, ["policy: unknown key", "ban: unknown key, did you mean bans?"]],
    [`${HOST}[delivery]\ndefault = "lmtp"`, [
      'delivery.default: expected one of "smarthost", "mx", "none", found "lmtp"',
    ]],
    [`${HOST}[delivery]\ndefault = "smarthost"`, [
      "delivery.default: smarthost needs [delivery.smarthost] with an address",
    ]],
    [`${HOST}[sasl]\npwcheck_method = "sasldv"`, [
      "sasl.pwcheck_method: there is no section [backend.sasldv], did you mean sasldb?",
    ]],
    [`${HOST}[sasl]\npwcheck_method = "constructor"`, [
      "sasl.pwcheck_method: there is no section [backend.constructor]",
    ]],
    [`${HOST}[sasl]\npwcheck_method = []`, [
      "sasl.pwcheck_method: expected at least one backend, found an empty list",
    ]],
    [`${HOST}[sasl]\npwcheck_method = ["sasldb", "sasldb"]`, ["sasl.pwcheck_method[1]: sasldb is there twice"]],
    [`${HOST}[backend.x]\ntype = "constructor"`, [
      'backend.x.type: unknown backend type "constructor", expected one of sasldb, staff, personnel',
    ]],
    [`${HOST}[backend.staff]\nurl = "x"\ncontrol = "optional"\nconcurrency = 0\nrealms = ["a b"]`, [
      'backend.staff.realms[0]: expected a domain name such as "foobar.co.jp", found "a b"',
      'backend.staff.control: expected one of "sufficient", "required", found "optional"',
      "backend.staff.concurrency: expected a number from 1 to 1000, found 0",
    ]],
    [`${HOST}[sasl]\npwcheck_method = "sia"`, [
      'sasl.pwcheck_method: sia is a list of backends: add [backend.sia] with methods = ["passwd", ...]',
    ]],
    [`${HOST}[sasl]\npwcheck_method = "sia"\n[backend.sia]\nmethods = []\ncontrol = "required"`, [
      "backend.sia.control: unknown key",
      "backend.sia.methods: expected at least one backend, found an empty list",
    ]],
    [
      `${HOST}[sasl]\npwcheck_method = "sia"\n[backend.sia]\nmethods = ["sasldb", "staf", "sasldb"]\n[backend.staff]\nurl = "x"`,
      [
        "backend.sia.methods[1]: there is no section [backend.staf], did you mean staff?",
        "backend.sia.methods[2]: sasldb is there twice",
      ],
    ],
    [`${HOST}[sasl]\npwcheck_method = "both"\n[backend.both]\ntype = "chain"\nmethods = ["sasldb", "both"]`, [
      "backend.both.methods[1]: both is itself a list of backends: name those",
    ]],
    [`${HOST}[backend.x]\ntype = "sasldc"`, ['backend.x.type: unknown backend type "sasldc", did you mean sasldb?']],
    [`${HOST}[backend.staff]\nurl = 5\nbindPassword = "x"`, [
      "backend.staff.bindPassword: unknown key, did you mean bind_password?",
      "backend.staff.url: expected string, found 5",
    ]],
    [`${HOST}[backend.staff]\nurl = "x"\npool = { max_size = "four" }`, [
      'backend.staff.pool.max_size: expected number, found "four"',
    ]],
    [`${HOST}[backend.staff]\nurl = "x"\ndeadline = "soon"`, [
      'backend.staff.deadline: expected a duration such as "10s", "5min", "4h" or "2d", found "soon"',
    ]],
    [`${HOST}backend = 3`, ["backend: expected tables [backend.NAME]"]],
    [`${HOST}listener = "x"`, ['listener: expected a list, found "x"']],
    [`${HOST}[[listener]]\nrole = "mua"\ntls = "ssl"`, [
      'listener[0].role: expected one of "mta", "msa", found "mua"',
      'listener[0].tls: expected one of "implicit", "starttls", "none", found "ssl"',
    ]],
    [`${HOST}[[listener]]\nrole = "msa"`, [
      "listener[0].require_tls: TLS is required here, but there is none: give [tls] with certificate_file and key_file, or require_tls = false",
    ]],
    [`${HOST}[[listener]]\ntls = "implicit"`, [
      "listener[0].tls: implicit needs [tls] with certificate_file and key_file",
    ]],
    [`${HOST}[[listener]]\nrole = "mta"\n[[listener]]\nrole = "mta"`, [
      "listener[1].name: MTA is already that of listener[0]",
      "listener[1].address: :: port 25 is already that of listener[0]",
    ]],
    [`${HOST}[sasl]\nmech_list = ["CRAM-MD6"]\ncleartext_mechs = ["SCRAM-SHA-1-PLUS"]`, [
      'sasl.mech_list[0]: expected a mechanism of SCRAM-SHA-256, SCRAM-SHA-1, DIGEST-MD5, CRAM-MD5, PLAIN, LOGIN, found "CRAM-MD6"',
      'sasl.cleartext_mechs[0]: expected its base name, which brings the -PLUS form with it, found "SCRAM-SHA-1-PLUS"',
    ]],
    [`${HOST}local_domains = ["foobar.co.jp"]`, [
      "postmaster: expected the account that gets mail for postmaster (RFC 5321 section 4.5.1), because there are local domains",
      'delivery.local: expected where mail of local domains goes, such as maildir = "/var/mail/{user}/Maildir"',
    ]],
    [`${HOST}[delivery.local]\nmaildir = "/var/mail/all"`, [
      "delivery.local.maildir: expected a path with {user} or {account}",
    ]],
    [`${HOST}[local_recipients]\n"x@y.jp" = "z"\nx = "z"\n"a@b.jp" = 1`, [
      'local_recipients."a@b.jp": expected an account such as "shin@baz.co.jp", found 1',
    ]],
    [`${HOST}[local_recipients]\n"x@y.jp" = "z"\nx = "z"`, [
      'local_recipients."x@y.jp": y.jp is not in local_domains',
      "local_recipients.x: expected an address such as info@foobar.co.jp",
    ]],
    [`${HOST}[limits]\nconnections = 0\nmessage_size = "big"`, [
      "limits.connections: expected a number from 1 to 100000, found 0",
      'limits.message_size: expected a size such as "50MiB" or a number of octets, found "big"',
    ]],
    [`${HOST}[guessing]\nenabled = "no"\nexempt_networks = ["10.0.0.0/33"]`, [
      'guessing.enabled: expected true or false, found "no"',
      'guessing.exempt_networks[0]: expected an address or a network such as "192.0.2.0/24", found "10.0.0.0/33"',
    ]],
    [`${HOST}sasl = 2024-01-01`, ["sasl: no date is expected here, and a text needs quotes"]],
  ];
  for (const [text, mistakes] of cases) assert.deepEqual(mistakesOf(text), mistakes, text);
});

Deno.test("what is no TOML has line and column, and nothing else is said", () => {
  assert.deepEqual(mistakesOf(`${HOST}[sasl]\nrealms = = 2\n`), ["line 3, column 10: invalid value"]);
  assert.deepEqual(mistakesOf(`${HOST}hostname = "y"\n`), [
    "line 2, column 1: trying to redefine an already defined table or value",
  ]);
});

Deno.test("a mistake hides none in another section", () => {
  const mistakes = mistakesOf(`local_domains = 3
[[listener]]
role = "mua"
[[listener]]
tls = "starttls"
[sasl]
pwcheck_method = ["sasldb", "nosuch"]
realms = "x"
[backend.sasldb]
fiel = "x"
[log]
format = "xml"
`);
  assert.deepEqual(mistakes.map((mistake) => mistake.slice(0, mistake.indexOf(":"))).toSorted(), [
    "backend.sasldb.fiel",
    "hostname",
    "listener[0].role",
    "listener[1].tls",
    "local_domains",
    "log.format",
    "sasl.pwcheck_method",
    "sasl.realms",
  ]);
});

Deno.test("what would fail only at the start or at a delivery is a mistake as well", () => {
  const listener = '[[listener]]\naddress = "127.0.0.1:8025"\nrole = "mta"\n';
  assert.deepEqual(mistakesOf(`${HOST}${listener}[http]\n`), ["http.address: it is already that of listener MTA"]);
  assert.deepEqual(mistakesOf(`${HOST}${listener.replace("8025", "0")}[http]\naddress = "127.0.0.1:0"\n`), []);
  const maildir = (template: string) => mistakesOf(`${HOST}[delivery.local]\nmaildir = "${template}"\n`);
  const expected = "stands for nothing, expected {user}, {realm} or {account}";
  assert.deepEqual(maildir("/mail/{user}/{relm}"), [`delivery.local.maildir: {relm} ${expected}`]);
  assert.deepEqual(maildir("/mail/{realm}"), ["delivery.local.maildir: expected a path with {user} or {account}"]);
  assert.deepEqual(maildir("/mail/{realm}/{user}"), []);
});

Deno.test("a host name without a domain is a warning", () => {
  const loaded = checkConfig('hostname = "mail"\n', { folder: "/", modules: MODULES });
  assert.ok(loaded.ok);
  assert.ok(loaded.warnings.some((warning) => warning.startsWith("hostname: mail has no domain")));
});

Deno.test("no message shows a secret", () => {
  const [mistake] = mistakesOf(`${HOST}[backend.staff]\nurl = "x"\nbind_password = 31337`);
  assert.equal(mistake, "backend.staff.bind_password: expected string, found a number");
});

Deno.test("a list of backends, by the name of Digital Unix or another, stands for those backends", () => {
  const sections = `[backend.staff]
url = "x"
control = "required"
realms = ["Baz.co.jp", "例え.jp"]
concurrency = 3
`;
  const lists = [
    `[sasl]\npwcheck_method = "sia"\n[backend.sia]\nmethods = ["staff", "sasldb"]\n`,
    `[sasl]\npwcheck_method = ["both"]\n[backend.both]\ntype = "chain"\nmethods = ["staff", "sasldb"]\n`,
    `[sasl]\npwcheck_method = ["staff", "rest"]\n[backend.rest]\ntype = "sia"\nmethods = ["sasldb"]\n`,
  ];
  for (const list of lists) {
    const { sasl, backends } = configOf(HOST + list + sections);
    assert.deepEqual(sasl.pwcheckMethod, ["staff", "sasldb"]);
    assert.deepEqual(backends.map(({ name, control, realms, concurrency }) => [name, control, realms, concurrency]), [
      ["staff", "required", ["baz.co.jp", "xn--r8jz45g.jp"], 3],
      ["sasldb", "sufficient", [], 16],
    ]);
  }
});

Deno.test("warnings", () => {
  const warningsOf = (text: string, contents?: FileContents) => {
    const checked = check(HOST + text, contents);
    assert.ok(checked.ok, checked.ok ? "" : checked.mistakes.join("\n"));
    return checked.warnings.filter((warning) => !/^(?:tls|delivery): without/.test(warning));
  };
  assert.deepEqual(warningsOf("[backend.staff]\nurl = 'x'"), [
    "backend.staff: it is not in sasl.pwcheck_method, so it is not asked",
  ]);
  assert.deepEqual(warningsOf("[backend.both]\ntype = 'chain'\nmethods = ['sasldb']"), [
    "backend.both: it is not in sasl.pwcheck_method, so it is not asked",
  ]);
  assert.deepEqual(warningsOf("[sasl]\npwcheck_method = 'hr'\n[backend.hr]\ntype = 'personnel'\nurl = 'x'"), [
    "backend.hr: personnel is an older name of the type staff",
  ]);
  assert.deepEqual(warningsOf("[sasl]\nrealms = ['a.jp', 'b.jp']\n[backend.sasldb]\nrealms = ['a.jp']"), [
    "sasl.pwcheck_method: no backend is asked for the realm mail.foobar.co.jp, so nobody there can log in",
    "sasl.pwcheck_method: no backend is asked for the realm b.jp, so nobody there can log in",
  ]);
  assert.deepEqual(warningsOf("[sasl]\noutage_is_rejection = true"), [
    "sasl.outage_is_rejection: while a backend is down people are told that their password is wrong",
  ]);
  assert.deepEqual(warningsOf("[sasl]\nmech_list = ['PLAIN']\ntrust_mech = ['LOGIN']"), [
    "sasl.trust_mech: LOGIN is not in mech_list",
  ]);
  assert.deepEqual(warningsOf("[backend.both]\ntype = 'chain'\nmethods = ['sasldb']"), [
    "backend.both: it is not in sasl.pwcheck_method, so it is not asked",
  ]);
  assert.deepEqual(warningsOf("[sasl]\npwcheck_method = 'hr'\n[backend.hr]\ntype = 'personnel'\nurl = 'x'"), [
    "backend.hr: personnel is an older name of the type staff",
  ]);
  assert.deepEqual(warningsOf("[sasl]\nrealms = ['a.jp', 'b.jp']\n[backend.sasldb]\nrealms = ['a.jp']"), [
    "sasl.pwcheck_method: no backend is asked for the realm mail.foobar.co.jp, so nobody there can log in",
    "sasl.pwcheck_method: no backend is asked for the realm b.jp, so nobody there can log in",
  ]);
  assert.deepEqual(warningsOf("[sasl]\noutage_is_rejection = true"), [
    "sasl.outage_is_rejection: while a backend is down people are told that their password is wrong",
  ]);
  assert.deepEqual(warningsOf("[sasl]\nmech_list = ['PLAIN']\n[[listener]]\nrole = 'mta'\nmech_list = ['LOGIN']"), [
    "listener[0].mech_list: LOGIN is not in sasl.mech_list, so it is not offered",
  ]);
  assert.deepEqual(warningsOf("[sasl]\nrealms = ['other.jp']"), []);
  const auth = { authzid: "", authcid: "a", password: "b", realm: "" };
  assert.deepEqual(
    warningsOf("[delivery.smarthost]\naddress = 'x.jp:465'\ntls = 'never'\nauth_info_file = 'x'", {
      ...NO_CONTENTS,
      smarthostAuth: auth,
    }),
    [
      'delivery.smarthost.tls: port 465 usually needs "implicit"',
      'delivery.smarthost.tls: with "never" the password is sent only by mechanisms that hide it',
    ],
  );
});

Deno.test("postmaster may stand in local_recipients, for every domain", () => {
  const text = `${HOST}local_domains = ["a.jp", "b.jp"]
[local_recipients]
"Postmaster@a.jp" = "shin"
[delivery.local]
maildir = "/m/{user}"
`;
  assert.deepEqual(mistakesOf(text).map((mistake) => mistake.slice(0, 10)), ["postmaster"]);
  const config = configOf(text.replace("[delivery.local]", '"postmaster@b.jp" = "shin@c.jp"\n[delivery.local]'));
  assert.deepEqual([...config.localRecipients], [["postmaster@a.jp", "shin@a.jp"], ["postmaster@b.jp", "shin@c.jp"]]);
});

Deno.test("the mechanisms that can be configured are those that there are, in the same order", () => {
  assert.deepEqual(MECHANISMS, REGISTERED.map(({ name }) => name).filter((name) => !name.endsWith("-PLUS")));
});

Deno.test("[http] and [[webhook]]: completed, and each mistake by its key", () => {
  const text = [
    'hostname = "mail.foobar.co.jp"',
    "[http]",
    'public_url = "https://Mail.foobar.co.jp/"',
    'trusted_proxies = ["192.0.2.1"]',
    "[http.profiles.imap]",
    'address = "imap.foobar.co.jp:993"',
    "[http.profiles.pop]",
    'address = "pop.foobar.co.jp:110"',
    "[[webhook]]",
    'url = "https://ops.foobar.co.jp/hook"',
    'secret_file = "hook"',
    'events = ["backend-down", "backend-down"]',
  ].join("\n");
  const loaded = checkConfig(text, { folder: "/etc/dokodemo", modules: MODULES });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(loaded.config.http, {
    host: "127.0.0.1",
    port: 8025,
    publicUrl: "https://mail.foobar.co.jp",
    tls: false,
    trustedProxies: ["192.0.2.1"],
    profiles: {
      name: "mail.foobar.co.jp",
      imap: { host: "imap.foobar.co.jp", port: 993, tls: "implicit" },
      pop: { host: "pop.foobar.co.jp", port: 110, tls: "starttls" },
    },
  });
  assert.deepEqual(loaded.config.webhooks, [
    { url: "https://ops.foobar.co.jp/hook", secret: "", events: ["backend-down"], queueAgeMs: 3_600_000 },
  ]);

  const wrong = [
    'hostname = "mail.foobar.co.jp"',
    "[http]",
    'public_url = "https://mail.foobar.co.jp/dokodemo"',
    "tls = true",
    "[[webhook]]",
    'url = "http://ops.foobar.co.jp/hook"',
    'secret_file = "hook"',
    "[[webhook]]",
    'url = "http://127.0.0.1:99/hook"',
    'secret_file = "hook"',
    'events = ["everything"]',
  ].join("\n");
  const refused = checkConfig(wrong, { folder: "/etc/dokodemo", modules: MODULES });
  assert.ok(!refused.ok);
  const beginnings = ["http.public_url: ", "http.tls: ", "webhook[1].events[0]: "];
  for (const beginning of beginnings) {
    assert.ok(refused.mistakes.some((mistake) => mistake.startsWith(beginning)), `${beginning} ${refused.mistakes}`);
  }
  const mended = wrong.replace("everything", "queue-old");
  const again = checkConfig(mended, { folder: "/etc/dokodemo", modules: MODULES });
  assert.ok(
    !again.ok && again.mistakes.some((mistake) => mistake.startsWith("webhook[0].url: ")),
    JSON.stringify(again),
  );
});

Deno.test("a listener behind a proxy may require TLS that ends there; networks that are everybody's are told", () => {
  const listener = (proxy: string) => `${HOST}[[listener]]\nrole = "msa"\ntls = "none"\nproxy = ${proxy}`;
  const [behind] = configOf(listener('["192.0.2.1", "2001:db8::/64"]')).listeners;
  assert.deepEqual([behind?.requireTls, behind?.proxy], [true, ["192.0.2.1", "2001:db8::/64"]]);
  const warningsOf = (proxy: string, gateway: string | null) => {
    const contents = { ...NO_CONTENTS, access: { ...NO_CONTENTS.access, gateway } };
    const loaded = checkConfig(listener(proxy), { folder: "/", modules: MODULES, contents });
    assert.ok(loaded.ok);
    return loaded.warnings.filter((text) => text.startsWith("listener[0].proxy"));
  };
  assert.deepEqual(warningsOf('["10.0.0.0/8", "172.17.0.5"]', "172.17.0.1"), []);
  assert.deepEqual(warningsOf('["0.0.0.0/0", "::/1", "172.17.0.0/16"]', "172.17.0.1"), [
    "listener[0].proxy: 0.0.0.0/0 is everybody: who can connect can pretend to be any client",
    "listener[0].proxy: 0:0:0:0:0:0:0:0/1 is half the world: who can connect can pretend to be any client",
    "listener[0].proxy: 172.17.0.0/16 has the gateway of this container, 172.17.0.1, where everybody's connections seem to come from: who can connect can pretend to be any client",
  ]);
  const wrong = checkConfig(listener('["proxy.example"]'), { folder: "/", modules: MODULES });
  assert.match(wrong.ok ? "" : wrong.mistakes.join(), /listener\[0\]\.proxy\[0\]: /);
});

Deno.test("[masquerade]: defaults, and what makes no sense is a warning", () => {
  const read = (text: string) => {
    const loaded = check(`hostname = "mail.foobar.co.jp"\n${text}`);
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
    return { rules: loaded.config.masquerade, warnings: loaded.warnings.filter((text) => text.startsWith("masq")) };
  };
  assert.deepEqual(read(""), { rules: null, warnings: [] });
  const { rules, warnings } = read(
    '[masquerade]\nas = "例え.jp"\nalways_add_domain = true\nentire_domain = true\nenvelope = true\n',
  );
  assert.equal(rules?.as, "xn--r8jz45g.jp");
  assert.equal(rules?.addDomain, "mail.foobar.co.jp");
  assert.deepEqual([...rules?.exposedUsers ?? []], ["root"]);
  assert.deepEqual([...rules?.ownNames ?? []], ["mail.foobar.co.jp", "mail", "localhost"]);
  assert.deepEqual(warnings, [
    "masquerade.entire_domain: it is about the subdomains of `domains`, and there are none",
    "masquerade.envelope: bounces will go to xn--r8jz45g.jp, which is not in local_domains: they come here only if its mail does",
  ]);
  assert.deepEqual(read('[masquerade]\ndomains = ["a.example"]\nlimited = true\ngenerics_domains = []\n'), {
    rules: null,
    warnings: [
      "masquerade.domains, limited: without `as` this has no effect",
      "masquerade.generics_domains: without generics_file this has no effect",
    ],
  });
});
