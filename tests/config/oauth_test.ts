import assert from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import type { SmarthostOAuth } from "../../src/config/config.ts";
import { checkConfig, loadConfig } from "../../src/config/load.ts";

const CUSTOM = {
  provider: "custom",
  user: "relay@example.net",
  "client_id": "c",
  "refresh_token_file": "t",
  "token_url": "https://login.example.net/token",
};

function configOf(oauth: Readonly<Record<string, string>>, smarthost = 'address = "smtp.example.net:587"'): string {
  const lines = Object.entries(oauth).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [
    'hostname = "mail.foobar.co.jp"',
    "[[listener]]",
    'role = "msa"\nrequire_tls = false',
    "[delivery.smarthost]",
    smarthost,
    "[delivery.smarthost.oauth]",
    ...lines,
    "",
  ].join("\n");
}

function complete(oauth: Readonly<Record<string, string>>): SmarthostOAuth {
  const loaded = checkConfig(configOf(oauth), { folder: "/etc/dokodemo", modules: BACKENDS });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const completed = loaded.config.delivery.smarthost?.oauth;
  assert.ok(completed);
  return completed;
}

function mistakesOf(oauth: Readonly<Record<string, string>>, smarthost?: string): readonly string[] {
  const loaded = checkConfig(configOf(oauth, smarthost), { folder: "/", modules: BACKENDS });
  return loaded.ok ? [] : loaded.mistakes;
}

Deno.test("oauth of microsoft: the tenant's endpoints, and a scope for each grant", () => {
  const common = { provider: "microsoft", user: "relay@foobar.co.jp", "client_id": "c" };
  const person = complete({ ...common, refresh_token_file: "t" });
  assert.equal(person.tokenUrl, "https://login.microsoftonline.com/common/oauth2/v2.0/token");
  assert.equal(person.deviceUrl, "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode");
  assert.equal(person.scope, "https://outlook.office.com/SMTP.Send offline_access");
  assert.equal(person.refreshTokenFile, "/etc/dokodemo/t");
  const application = complete({ ...common, tenant: "foobar.onmicrosoft.com", client_secret_file: "s" });
  assert.equal(application.tokenUrl, "https://login.microsoftonline.com/foobar.onmicrosoft.com/oauth2/v2.0/token");
  assert.equal(application.scope, "https://outlook.office365.com/.default");
  assert.equal(application.refreshTokenFile, null);
});

Deno.test("oauth of google: consent in a browser for all of the mail, and the refresh token's own scope afterwards", () => {
  const google = complete({ provider: "google", user: "a@gmail.com", client_id: "c", refresh_token_file: "t" });
  assert.equal(google.tokenUrl, "https://oauth2.googleapis.com/token");
  assert.deepEqual([google.deviceUrl, google.scope], [null, null]);
  assert.equal(google.loginScope, "https://mail.google.com/");
  assert.ok(google.consentUrl?.startsWith("https://accounts.google.com/"));
});

Deno.test("oauth: what is missing, or does not go together, is told by its key", () => {
  const at = "delivery.smarthost.oauth";
  const { refresh_token_file: _file, ...without } = CUSTOM;
  const { token_url: _url, ...nowhere } = CUSTOM;
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [mistakesOf(nowhere), new RegExp(`^${at}.token_url: custom needs the URL`)],
    [mistakesOf(without), new RegExp(`^${at}.refresh_token_file: expected refresh_token_file, or client_secret_file`)],
    [mistakesOf({ ...CUSTOM, tenant: "x" }), new RegExp(`^${at}.tenant: only microsoft`)],
    [mistakesOf({ ...without, client_secret_file: "s", provider: "google" }), /refresh_token_file: google needs/],
    [
      mistakesOf({ provider: "microsoft", user: "u", client_id: "c", client_secret_file: "s" }),
      /tenant: without refresh_token_file microsoft needs/,
    ],
    [mistakesOf({ ...CUSTOM, user: "a\u0001b" }), new RegExp(`^${at}.user: expected a text without control`)],
    [mistakesOf({ ...CUSTOM, client_secret: "s" }), new RegExp(`^${at}.client_secret: unknown key`)],
    [
      mistakesOf(CUSTOM, 'address = "smtp.example.net:587"\nauth_info_file = "a"'),
      new RegExp(`^${at}: expected oauth or auth_info_file, found both`),
    ],
    [
      mistakesOf(CUSTOM, 'address = "smtp.example.net:587"\ntls = "opportunistic"'),
      /^delivery\.smarthost\.tls: oauth needs "required" or "implicit"/,
    ],
  ];
  for (const [mistakes, expected] of cases) {
    assert.equal(mistakes.length, 1, mistakes.join("\n"));
    assert.match(mistakes[0] ?? "", expected);
  }
  assert.deepEqual(mistakesOf(CUSTOM, 'address = "127.0.0.1:2525"\ntls = "never"'), []);
});

Deno.test("oauth: tokens are asked for by HTTPS, or on this machine", () => {
  for (const good of ["https://a.example/t?x=1", "http://localhost:8080/t", "http://127.0.0.1/t", "http://[::1]:1/t"]) {
    assert.deepEqual(mistakesOf({ ...CUSTOM, token_url: good }), [], good);
  }
  for (const bad of ["http://a.example/t", "ftp://a.example/t", "a.example", "https://u:p@a.example/t", ""]) {
    assert.match(mistakesOf({ ...CUSTOM, token_url: bad }).join(), /token_url: expected a URL such as/, bad);
  }
});

Deno.test("oauth: secrets that others can read are mistakes, a refresh token that is not there yet is none", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/dokodemo.toml`;
    await Deno.writeTextFile(file, configOf({ ...CUSTOM, client_secret_file: "s" }));
    await Deno.writeTextFile(`${folder}/s`, "very-secret");
    await Deno.chmod(`${folder}/s`, 0o644);
    const open = await loadConfig(file, BACKENDS);
    assert.ok(!open.ok);
    assert.match(open.mistakes.join("\n"), /^delivery\.smarthost\.oauth\.client_secret_file: .*mode 644 lets others/);
    await Deno.chmod(`${folder}/s`, 0o600);
    const closed = await loadConfig(file, BACKENDS);
    assert.ok(closed.ok, JSON.stringify(closed));
    assert.match(closed.warnings.join("\n"), /oauth\.refresh_token_file: there is no .*\/t yet/);
    assert.ok(!JSON.stringify([open, closed]).includes("very-secret"));
    await Deno.writeTextFile(`${folder}/t`, "\n", { mode: 0o600 });
    const empty = await loadConfig(file, BACKENDS);
    assert.ok(!empty.ok);
    assert.match(empty.mistakes.join(), /refresh_token_file: .*it is empty/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
