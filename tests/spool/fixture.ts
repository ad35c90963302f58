/**
 * What the tests of the spool share.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LogEvent } from "../../src/log/event.ts";
import type { Envelope } from "../../src/smtp/envelope.ts";
import type { DueNotice, Spool } from "../../src/spool/spool.ts";
import { openSpool, type SpoolOptions } from "../../src/spool/sqlite_spool.ts";

/** A clock that a test moves. */
export interface TestClock {
  time: number;
  now(): number;
}

/** A spool, what it logged, and how often it said that something is due. */
export interface TestSpool extends AsyncDisposable {
  readonly spool: Spool;
  readonly events: LogEvent[];
  readonly clock: TestClock;
  readonly due: { count: number; call: () => void };
}

/** A folder that goes with the test. */
export async function tempDir(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "dokodemo-spool-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Opens a spool that must open. */
export async function openTestSpool(dir: string, options: Partial<SpoolOptions> = {}): Promise<TestSpool> {
  const events: LogEvent[] = [];
  const clock = { time: 1_800_000_000_000, now: () => clock.time };
  const due = { count: 0, call: () => {} };
  const opened = await openSpool(dir, {
    messageSizeLimit: 1024 * 1024,
    log: (event) => events.push(event),
    clock,
    onDue: () => {
      due.count++;
      due.call();
    },
    ...options,
  });
  assert.ok(opened.ok, JSON.stringify(opened));
  const spool = opened.value;
  return { spool, events, clock, due, [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose]() };
}

/** An envelope to these forward-paths. */
export function envelopeTo(...forwardPaths: readonly string[]): Envelope {
  return {
    reversePath: "shin@baz.co.jp",
    recipients: forwardPaths.map((forwardPath, id) => ({ id, forwardPath, notify: null, orcpt: null })),
    body: "7bit",
    smtputf8: false,
    declaredSizeOctets: null,
    ret: null,
    envid: null,
  };
}

/** Commits a mail that must be taken; `content` in pieces of 64 KiB. */
export async function store(
  spool: Spool,
  envelope: Envelope,
  { content = patterned(100), account = "shin@baz.co.jp", held = false, source = null }: {
    readonly content?: Uint8Array<ArrayBuffer>;
    readonly account?: string | null;
    readonly held?: boolean;
    readonly source?: string | null;
  } = {},
): Promise<string> {
  await using draft = await spool.draft(envelope, account, { held, source });
  for (let at = 0; at < content.length; at += 65536) await draft.write(content.slice(at, at + 65536));
  const committed = await draft.commit();
  assert.ok(committed.ok, JSON.stringify(committed));
  return committed.value;
}

/** The content of a mail. */
export async function contentOf(spool: Spool, mail: string): Promise<Uint8Array> {
  return new Uint8Array(await new Response(await spool.open(mail)).arrayBuffer());
}

/** Octets that differ from their neighbours and with the seed, none above 127. */
export function patterned(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    octets[at] = state >>> 25;
  }
  return octets;
}

/** The names in a folder. */
export function namesIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** The SHA-256 of a file, to see that it did not change. */
export async function digestOf(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** Something to tell of a recipient. */
export function noticeOf(action: DueNotice["action"]): DueNotice {
  const enhanced = action === "failed" ? "5.1.1" : action === "delayed" ? "4.4.1" : "2.0.0";
  const reply = `${enhanced[0]}50 ${enhanced} What was said`;
  const retryUntil = action === "delayed" ? 1_800_000_900_000 : null;
  return { action, reply, enhanced, remoteHost: "smtp.example.net", at: 1_800_000_000_000, retryUntil };
}
