import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { BACKENDS } from "../../backends/registry.ts";
import { checkConfig } from "../../src/config/load.ts";
import { shownConfig } from "../../src/http/api/shown_config.ts";

function configOf(text: string) {
  const loaded = checkConfig(text, { folder: "/etc/dokodemo", modules: BACKENDS });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
  return loaded.config;
}

Deno.test("what shownConfig() shows of oauth could be the file, for each provider and grant", () => {
  const logins = [
    'provider = "microsoft"\nrefresh_token_file = "t"',
    'provider = "microsoft"\ntenant = "foobar.onmicrosoft.com"\nclient_secret_file = "s"',
    'provider = "google"\nclient_secret_file = "s"\nrefresh_token_file = "/var/t"',
    'provider = "custom"\nrefresh_token_file = "t"\ntoken_url = "https://a.example/t"\nscope = "mail"\nca_file = "c"',
  ];
  for (const login of logins) {
    const config = configOf(`hostname = "mail.foobar.co.jp"
[[listener]]
require_tls = false
[delivery.smarthost]
address = "smtp.example.net:587"
[delivery.smarthost.oauth]
user = "relay@foobar.co.jp"
client_id = "c"
${login}
`);
    const shown = stringify(JSON.parse(JSON.stringify(shownConfig(config))));
    const { delivery } = configOf(shown);
    assert.deepEqual(delivery, config.delivery, shown);
  }
});
