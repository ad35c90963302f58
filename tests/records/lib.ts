/**
 * Records in temporary folders.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import { openRecords, type RecordsOptions } from "../../src/records/open_records.ts";
import type { AuthenticationEvent, Records } from "../../src/records/records.ts";

/** A Tuesday. */
export const NOW = Date.UTC(2026, 10, 24, 3, 4, 5);
export const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

/** Opens the records in this file. */
export function open(file: string, options: Partial<RecordsOptions> = {}): Records {
  const opened = openRecords(file, { now: () => NOW, ...options });
  ok(opened.ok, opened.ok ? "" : opened.problem.message);
  return opened.value;
}

/** A login that succeeded, but for what is given. */
export function login(event: Partial<AuthenticationEvent> = {}): AuthenticationEvent {
  return {
    kind: "authentication",
    id: "s1.1",
    remote: "192.0.2.7",
    listener: "MSA",
    mechanism: "SCRAM-SHA-256",
    tls: "TLSv1.3",
    authcid: "shin@baz.co.jp",
    authzid: null,
    account: "shin@baz.co.jp",
    credential: "c1",
    result: "accepted",
    reason: "SCRAM-SHA-256",
    chain: [{ backend: "sasldb", answer: "verifiers", ms: 2 }],
    ms: 12,
    ...event,
  };
}

/** A login that failed, as the authenticator tells it. */
export function failure(event: Partial<AuthenticationEvent> = {}): AuthenticationEvent {
  return login({ account: null, credential: null, result: "rejected", reason: "wrong-secret", ...event });
}

/** A program in a process of its own, with the records in its hands; its standard output. */
export async function inOtherProcess(file: string, script: string): Promise<string> {
  const opener = new URL("../../src/records/open_records.ts", import.meta.url).href;
  const source = `import { openRecords } from ${JSON.stringify(opener)};
const opened = openRecords(${JSON.stringify(file)}, { now: Date.now });
if (!opened.ok) throw new Error(opened.problem.message);
const records = opened.value;
${script}
await records[Symbol.asyncDispose]();
`;
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(program, source);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", "--config", config, program],
    }).output();
    const decoder = new TextDecoder();
    ok(code === 0, decoder.decode(stderr));
    return decoder.decode(stdout);
  } finally {
    await Deno.remove(program);
  }
}
