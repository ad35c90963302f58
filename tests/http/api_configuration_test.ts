import assert from "node:assert/strict";
import { parse, stringify } from "smol-toml";
import { BACKENDS } from "../../backends/registry.ts";
import type { Config } from "../../src/config/config.ts";
import { checkConfig, NO_CONTENTS } from "../../src/config/load.ts";
import { shownConfig } from "../../src/http/api/shown_config.ts";
import { shownOptions } from "../../src/http/api/shown_options.ts";
import { isTable } from "../../src/config/keys.ts";
import { startApi } from "./api_client.ts";

const WHOLE = `
hostname = "mail.foobar.co.jp"
local_domains = ["foobar.co.jp"]
postmaster = "shin"
data_dir = "/var/lib/dokodemo"
user = "root"
[local_recipients]
"Info@foobar.co.jp" = "shin@baz.co.jp"
[tls]
certificate_file = "/etc/c.pem"
key_file = "/etc/k.pem"
[[listener]]
name = "MSA"
address = "[::1]:587"
mech_list = ["PLAIN"]
[[listener]]
address = "0.0.0.0:25"
role = "mta"
[sasl]
pwcheck_method = ["sasldb", "staff", "otp", "mine"]
realms = ["foobar.co.jp"]
[backend.staff]
type = "ldap"
url = "ldaps://ldap.foobar.co.jp"
template = "uid={user},ou=people,dc=foobar,dc=co,dc=jp"
deadline = "90s"
connect_deadline = "1500ms"
realms = ["foobar.co.jp"]
[backend.otp]
type = "radius"
servers = ["[2001:db8::1]:1645", "radius.foobar.co.jp"]
secret_file = "/etc/radius"
[backend.mine]
type = "custom"
file = "/etc/mine.ts"
answers = ["password"]
memory = "512 MiB"
tokens = ["oauthbearer"]
[delivery]
retry = ["90s", "36h"]
give_up = "3d"
[delivery.smarthost]
address = "smtp.example.net:587"
auth_info_file = "/etc/auth"
[delivery.mx]
resolvers = ["127.0.0.1", "[::1]:5353"]
source_addresses = ["192.0.2.25"]
[delivery.local]
maildir = "/var/mail/{user}"
aliases_file = "/etc/aliases"
[[route]]
name = "partner"
recipient_domains = ["*.partner.example"]
smarthost.address = "mx.partner.example:465"
smarthost.auth_info_file = "/etc/auth"
retry = ["10min"]
[[route]]
name = "lists"
accounts = ["shin"]
lmtp = "unix:/run/lists"
give_up = "1h"
[[route]]
name = "closed"
sender_domains = ["old.example"]
fail = "550 5.7.1 No mail goes there"
[dkim]
folder = "/etc/dokodemo/dkim"
domains = ["foobar.co.jp"]
[limits]
message_size = "10MB"
[http]
address = "[::]:8025"
public_url = "https://mail.foobar.co.jp"
trusted_proxies = ["127.0.0.1"]
[http.profiles]
imap.address = "imap.foobar.co.jp:993"
[[webhook]]
url = "https://hooks.example/T000/path-that-is-a-key"
secret_file = "/etc/hook"
queue_age = "2h"
[log]
authentication_days = 30
`;

const SECRETS = {
  smarthost: "smart-password-1",
  route: "route-password-2",
  webhook: "webhook-secret-0123456789abcdef",
};

function configOf(text: string): Config {
  const loaded = checkConfig(text, {
    folder: "/etc/dokodemo",
    modules: BACKENDS,
    contents: {
      ...NO_CONTENTS,
      smarthostAuth: { authzid: "", authcid: "relay", password: SECRETS.smarthost, realm: "example.net" },
      webhookSecrets: [SECRETS.webhook],
      routeAuths: [{ authzid: "", authcid: "partner", password: SECRETS.route, realm: "" }, null, null],
    },
  });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
  return loaded.config;
}

Deno.test("what shownConfig() shows could be the file: read again, it is the same configuration", () => {
  const config = configOf(WHOLE);
  const shown = JSON.parse(JSON.stringify(shownConfig(config)));
  // What stands in files of their own is put back.
  delete shown.delivery.smarthost.auth_info;
  shown.delivery.smarthost.auth_info_file = "/etc/auth";
  delete shown.route[0].smarthost.auth_info;
  shown.route[0].smarthost.auth_info_file = "/etc/auth";
  delete shown.webhook[0].secret;
  shown.webhook[0].secret_file = "/etc/hook";
  assert.equal(shown.webhook[0].url, "https://hooks.example/***");
  shown.webhook[0].url = "https://hooks.example/T000/path-that-is-a-key";
  assert.deepEqual(configOf(stringify(shown)), config);
});

Deno.test("shownConfig() fills in every default, and leaves out what is not set", () => {
  const shown = JSON.parse(JSON.stringify(shownConfig(configOf('hostname = "mail.foobar.co.jp"'))));
  assert.deepEqual(Object.keys(shown), [
    ...["hostname", "default_realm", "local_domains", "local_recipients", "data_dir", "listener", "sasl", "backend"],
    ...[
      "delivery",
      "route",
      "message",
      "notices",
      "sendmail",
      "dkim",
      "access",
      "sender",
      "limits",
      "hold",
      "guessing",
      "bans",
      "webhook",
      "log",
    ],
  ]);
  assert.deepEqual(shown.limits.drain, "1min");
  assert.deepEqual(configOf(stringify(shown)), configOf('hostname = "mail.foobar.co.jp"'));
});

Deno.test("shownConfig() shows no secret", () => {
  const text = JSON.stringify(shownConfig(configOf(WHOLE)));
  for (const secret of [...Object.values(SECRETS), "path-that-is-a-key"]) assert.ok(!text.includes(secret));
  assert.match(text, /"authcid":"relay","password":"\*\*\*"/);
});

Deno.test("shownOptions() masks what could be a secret, in options of any backend", () => {
  const options = {
    ...{ bindPassword: "s1", bindPasswordFile: "/etc/bind", apiToken: "s2", sharedSecret: "s3" },
    url: new URL("https://s4:s5@auth.example/check?key=s6"),
    servers: ["ldaps://s7:s8@one.example", "ldaps://two.example"],
    command: ["/usr/libexec/check", "--password", "s9", "--fast"],
    nested: { passphrase: "s10", list: [{ clientSecret: "s11", name: "n" }] },
    ...{ key: new Uint8Array([115, 49, 50]), pattern: /s13/, call: () => "s14", answerDeadline: 1500, count: 3 },
    kerberosRealms: new Map([["foobar.co.jp", "FOOBAR.CO.JP"]]),
    credentials: ["s15"],
  };
  assert.deepEqual(shownOptions(options), {
    ...{ bind_password: "***", bind_password_file: "/etc/bind", api_token: "***", shared_secret: "***" },
    url: "https://***@auth.example/check?***",
    servers: ["ldaps://***@one.example", "ldaps://two.example"],
    command: ["/usr/libexec/check", "***", "***", "***"],
    nested: { passphrase: "***", list: [{ client_secret: "***", name: "n" }] },
    ...{ key: "***", pattern: "***", call: "***", answer_deadline: "1500ms", count: 3 },
    kerberos_realms: { "foobar.co.jp": "FOOBAR.CO.JP" },
    credentials: "***",
  });
  assert.doesNotMatch(JSON.stringify(shownOptions(options)), /\bs\d+\b/);
});

Deno.test("the running program shows its configuration to a token for it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-secrets-" });
  const [auth, hook] = [`${folder}/auth`, `${folder}/hook`];
  await Deno.writeTextFile(auth, `relay\nrelay\n${SECRETS.smarthost}\nexample.net\n`, { mode: 0o600 });
  await Deno.writeTextFile(hook, `${SECRETS.webhook}\n`, { mode: 0o600 });
  {
    await using api = await startApi({
      people: [],
      smarthost: `address = "127.0.0.1:9"\ntls = "never"\nauth_info_file = "${auth}"`,
      more: `[[webhook]]\nurl = "http://127.0.0.1:9/x"\nsecret_file = "${hook}"`,
    });
    const answer = await api.ask("GET", "/configuration", { token: await api.token("configuration:read") });
    assert.equal(answer.status, 200, answer.text);
    for (const secret of Object.values(SECRETS)) assert.ok(!answer.text.includes(secret));
    const file: unknown = parse(await Deno.readTextFile(api.site.config));
    assert.ok(isTable(file) && isTable(answer.body));
    assert.deepEqual(Object.keys(file).filter((key) => !Object.hasOwn(Object(answer.body), key)), []);
  }
  await Deno.remove(folder, { recursive: true });
});
