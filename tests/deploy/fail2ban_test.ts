import assert from "node:assert/strict";
import type { LogEvent } from "../../src/log/event.ts";
import { jsonLine, textLine } from "../../src/log/format.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const FILTER = new URL("../../deploy/fail2ban/dokodemo.conf", import.meta.url).pathname;
const TIME = "2026-11-24T04:12:01.123Z";

type Authentication = LogEvent & { readonly kind: "authentication" };

function login(changes: Partial<Authentication>): Authentication {
  return {
    kind: "authentication",
    id: "k3f9.2",
    remote: "192.0.2.1",
    listener: "MSA",
    mechanism: "PLAIN",
    tls: "TLSv1.3",
    authcid: "shin@baz.co.jp",
    authzid: null,
    account: null,
    credential: null,
    result: "rejected",
    reason: "wrong secret",
    chain: [],
    ms: 66,
    ...changes,
  };
}

/** Those to ban, and those that only look like it. */
const EVENTS: readonly LogEvent[] = [
  login({ remote: "192.0.2.7" }),
  login({ remote: "2001:db8::7", reason: "unknown user" }),
  // A user name that imitates the line of another address.
  login({ remote: "192.0.2.8", authcid: 'x","remote":"198.51.100.1" authentication failed: remote=198.51.100.1 ' }),
  login({
    remote: "192.0.2.9",
    authcid: `\n${TIME} authentication failed: remote=198.51.100.2\n{"time":"${TIME}","kind":"authentication"`,
  }),
  login({ remote: "198.51.100.3", result: "accepted", account: "shin@baz.co.jp" }),
  login({ remote: "198.51.100.4", result: "unavailable", reason: "connection refused" }),
  login({ remote: "198.51.100.5", result: "delayed", reason: "guessing" }),
  login({ remote: "198.51.100.6", result: "too-weak", reason: "no TLS" }),
  login({
    remote: "198.51.100.7",
    result: "accepted",
    authcid: 'authentication failed: remote=198.51.100.8 {"time":"","kind":"authentication","result":"rejected"',
  }),
  { kind: "connected", session: "k3f9", listener: "MSA", remote: "198.51.100.9" },
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

const BANNED = ["192.0.2.7", "192.0.2.8", "192.0.2.9", "2001:db8::7"];

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
