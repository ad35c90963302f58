import assert from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import type { Config } from "../../src/config/config.ts";
import { checkConfig } from "../../src/config/load.ts";

function check(text: string) {
  const modules = new Map([["sasldb", SASLDB]]);
  return checkConfig(`hostname = "mail.foobar.co.jp"\n${text}`, { folder: "/etc/dokodemo", modules });
}

function configOf(text: string): Config {
  const checked = check(text);
  assert.ok(checked.ok, checked.ok ? "" : checked.mistakes.join("\n"));
  return checked.config;
}

Deno.test("[notices] and delay_notice have their defaults", () => {
  const { notices, delivery } = configOf("");
  assert.deepEqual(notices, { languages: ["en", "ja"], postmasterCopies: false });
  assert.equal(delivery.delayNoticeMs, 4 * 3_600_000);
});

Deno.test("[notices] languages are in the order of the file, each once", () => {
  assert.deepEqual(configOf('[notices]\nlanguages = ["ja"]').notices.languages, ["ja"]);
  assert.deepEqual(configOf('[notices]\nlanguages = ["ja", "en", "ja"]').notices.languages, ["ja", "en"]);
  assert.equal(configOf("[notices]\npostmaster_copies = true").notices.postmasterCopies, true);
});

Deno.test("delay_notice is a duration or never", () => {
  assert.equal(configOf('[delivery]\ndelay_notice = "90min"').delivery.delayNoticeMs, 90 * 60_000);
  assert.equal(configOf('[delivery]\ndelay_notice = "never"').delivery.delayNoticeMs, null);
});

Deno.test("[notices] and delay_notice: mistakes say what was expected", () => {
  const checked = check('[delivery]\ndelay_notice = "soon"\n[notices]\nlanguages = ["de"]\ncopies = true');
  assert.ok(!checked.ok);
  assert.equal(checked.mistakes.length, 3, checked.mistakes.join("\n"));
  assert.match(checked.mistakes.join("\n"), /delivery\.delay_notice: expected a duration such as "4h", or "never"/);
  assert.match(checked.mistakes.join("\n"), /notices\.languages\[0\]: expected one of "en", "ja"/);
  assert.match(checked.mistakes.join("\n"), /notices\.copies: unknown/);
});
