import assert from "node:assert/strict";
import type { DeviceSettings } from "../../src/accounts/device.ts";
import { Enrolments } from "../../src/auth/enrolments.ts";
import type { Account } from "../../src/backend.ts";
import type { LogEvent } from "../../src/log/event.ts";
import { Devices } from "../../src/server/devices.ts";
import type { Verdict } from "../../src/smtp/session_state.ts";
import { checkConfig } from "../../src/config/load.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { openStore, temporaryFolder } from "../accounts/lib.ts";

const SETTINGS: DeviceSettings = {
  ...{ sender: "scan@foobar.co.jp", networks: [], recipients: ["boss@foobar.co.jp"], perDay: null },
  ...{ channel: "tls", repair: false },
};

Deno.test("a device whose rules cannot be read may try again later; one that is deleted may not send", async () => {
  using folder = temporaryFolder();
  const store = openStore(`${folder.path}/sasldb`);
  const added = await store.devices.add({ local: "scan", realm: "baz.co.jp" }, SETTINGS, { keypad: false });
  assert.ok(added.ok);
  const loaded = checkConfig('hostname = "mail.foobar.co.jp"', { folder: "/", modules: BACKENDS });
  assert.ok(loaded.ok);
  const log: LogEvent[] = [];
  const devices = new Devices({
    config: loaded.config,
    stores: new Map([["sasldb", store]]),
    enrolments: new Enrolments(Date.now),
    log: (event) => log.push(event),
    now: Date.now,
  });
  const identityOf = (name: string) => {
    const account: Account = { name, backend: "sasldb", addresses: [], groups: [], attributes: { kind: "device" } };
    return { account, credential: "one", mechanism: "PLAIN", trusted: true };
  };
  const told = (verdict: Verdict) =>
    verdict.kind === "refuse" ? `${verdict.reply.code} ${verdict.reply.enhanced}` : verdict.kind;
  const scan = identityOf("scan@baz.co.jp");
  assert.equal(told(devices.judgeMail(scan, "scan@foobar.co.jp")), "accept");
  assert.equal(told(devices.judgeRecipient(scan, "boss@foobar.co.jp")), "accept");
  assert.equal(told(devices.judgeRecipient(scan, "else@foobar.co.jp")), "550 5.7.1");
  assert.equal(told(devices.judgeMail(identityOf("gone@baz.co.jp"), "scan@foobar.co.jp")), "550 5.7.1");

  await store[Symbol.asyncDispose]();
  assert.equal(told(devices.judgeMail(scan, "scan@foobar.co.jp")), "451 4.3.0");
  assert.equal(told(devices.judgeRecipient(scan, "boss@foobar.co.jp")), "451 4.3.0");
  assert.deepEqual([...new Set(log.map(({ kind }) => kind))], ["warning"]);
});
