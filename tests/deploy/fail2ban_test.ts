import assert from "node:assert/strict";
import type { LogEvent } from "../../src/log/event.ts";
import { jsonLine, textLine } from "../../src/log/format.ts";
import { refusedLogin } from "../lib/login_event.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const FILTER = new URL("../../deploy/fail2ban/dokodemo.conf", import.meta.url).pathname;
const TIME = "2026-11-24T04:12:01.123Z";

/** Those to ban, and those that only look like it. */
const EVENTS: readonly LogEvent[] = [
  refusedLogin({ remote: "192.0.2.7" }),
  refusedLogin({ remote: "2001:db8::7", reason: "unknown user" }),
  // A user name that imitates the line of another address.
  refusedLogin({
    remote: "192.0.2.8",
    authcid: 'x","remote":"198.51.100.1" authentication failed: remote=198.51.100.1 ',
  }),
  refusedLogin({
    remote: "192.0.2.9",
    authcid: `\n${TIME} authentication failed: remote=198.51.100.2\n{"time":"${TIME}","kind":"authentication"`,
  }),
  refusedLogin({ remote: "192.0.2.10", authcid: 'x" reason="stale password" ,"reason":"stale password"' }),
  refusedLogin({ remote: "192.0.2.11", authcid: 'a b\r\nreason="stale password" remote=198.51.100.1' }),
  refusedLogin({ remote: "192.0.2.12", reason: "the proof fits no verifier", mechanism: "CRAM-MD5" }),
  refusedLogin({ remote: "192.0.2.13", reason: "wrong-secret; network is guessing, reply waits 60 s" }),
  refusedLogin({ remote: "198.51.100.20", reason: "stale password", authcid: "x remote=198.51.100.21" }),
  refusedLogin({ remote: "198.51.100.22", reason: "stale password", mechanism: "SCRAM-SHA-256", account: "s@b" }),
  refusedLogin({ remote: "198.51.100.23", result: "malformed", reason: "no base64" }),
  refusedLogin({ remote: "198.51.100.24", result: "cancelled", reason: "cancelled" }),
  { kind: "banned", network: "198.51.100.25", until: null, reason: "authentication failed: remote=1.2.3.4", by: "x" },
  refusedLogin({ remote: "198.51.100.3", result: "accepted", account: "shin@baz.co.jp" }),
  refusedLogin({ remote: "198.51.100.4", result: "unavailable", reason: "connection refused" }),
  refusedLogin({ remote: "198.51.100.5", result: "delayed", reason: "guessing" }),
  refusedLogin({ remote: "198.51.100.6", result: "too-weak", reason: "no TLS" }),
  refusedLogin({
    remote: "198.51.100.7",
    result: "accepted",
    authcid: 'authentication failed: remote=198.51.100.8 {"time":"","kind":"authentication","result":"rejected"',
  }),
  { kind: "tls", session: "k3f9", remote: "198.51.100.9", version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  {
    kind: "refused",
    id: "k3f9.3",
    remote: "198.51.100.10",
    account: null,
    command: "authentication failed: remote=198.51.100.11",
    code: 550,
    enhanced: "5.1.1",
    why: "unknown recipient",
  },
];

const BANNED = [
  "192.0.2.10",
  "192.0.2.11",
  "192.0.2.12",
  "192.0.2.13",
  "192.0.2.7",
  "192.0.2.8",
  "192.0.2.9",
  "2001:db8::7",
];

const FORMS = new Map<string, (event: LogEvent) => string>([
  ["JSON", (event) => jsonLine(event, TIME)],
  ["text", (event) => textLine(event, TIME, { color: false })],
  ["JSON in the journal", (event) => `${TIME} mail dokodemo[4711]: ${jsonLine(event, TIME)}`],
  ["text in the journal", (event) => `${TIME} mail dokodemo[4711]: ${textLine(event, TIME, { color: false })}`],
]);

for (const [form, lineOf] of FORMS) {
  requirePrograms(["fail2ban-regex"])(
    `the fail2ban filter finds refused logins and nothing else: ${form}`,
    async () => {
      await using folder = await makeFolder();
      const file = `${folder.path}/log`;
      await Deno.writeTextFile(file, EVENTS.map((event) => `${lineOf(event)}\n`).join(""));
      const { code, output } = await run("fail2ban-regex", { args: ["--out", "ip", file, FILTER] });
      assert.equal(code, 0, output);
      assert.deepEqual(output.trim().split("\n").sort(), BANNED);
    },
  );
}
