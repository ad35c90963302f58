/**
 * Parts for the tests of the HTTP side: a spool of a Map (its contract is tested with the real one elsewhere) and answers of the health.
 *
 * @module
 */

import { requestOverSocket } from "../../src/cli/control_client.ts";
import type { HttpHandler } from "../../src/http/sockets.ts";
import { serveUnix } from "../../src/http/sockets.ts";
import type { StrangerLimits } from "../../src/http/stranger_server.ts";
import { Enrolments } from "../../src/auth/enrolments.ts";
import { checkConfig } from "../../src/config/load.ts";
import { healthReport } from "../../src/http/health.ts";
import type { SidecarParts } from "../../src/http/parts.ts";
import { LIMIT_BOUNDS, type LimitRecords, openLimitRecords } from "../../src/records/limit_records.ts";
import { openRecords } from "../../src/records/open_records.ts";
import type { Records } from "../../src/records/records.ts";
import { LimitKeeper } from "../../src/server/limits/keeper.ts";
import { SASLDB } from "../../backends/sasldb.ts";
import { succeed } from "../../src/lib/result.ts";
import type { LogEvent } from "../../src/log/event.ts";
import type { QueuedMail, QueuedRecipient, Spool } from "../../src/spool/spool.ts";

/** A log that is kept. */
export function keptLog(): { readonly events: LogEvent[]; readonly log: (event: LogEvent) => void } {
  const events: LogEvent[] = [];
  return { events, log: (event) => void events.push(event) };
}

/** A mail with one recipient or more in the given states. */
export function queuedMail(id: string, ...states: readonly QueuedRecipient["state"][]): QueuedMail {
  const recipients = states.map((state, at) => ({
    id: at,
    forwardPath: `r${at}@example.net`,
    notify: null,
    orcpt: null,
    state,
    attempts: 2,
    due: Date.UTC(2026, 0, 2, 3, 4, 5) + at * 60_000,
    lastReply: "451 4.3.0 try again",
  }));
  return {
    id,
    envelope: {
      reversePath: "shin@baz.co.jp",
      recipients: recipients.map(({ id, forwardPath, notify, orcpt }) => ({ id, forwardPath, notify, orcpt })),
      body: "7bit",
      smtputf8: false,
      declaredSizeOctets: null,
      ret: null,
      envid: null,
    },
    recipients,
    account: "shin@baz.co.jp",
    received: Date.UTC(2026, 0, 2, 3, 0, 0),
    sizeOctets: 4096,
    has8bit: false,
    notice: false,
  };
}

/** The part of a spool that the queue's routes use, over a Map in order of arrival. */
export function mapSpool(mails: Map<string, QueuedMail>): Spool {
  const turn = (id: string, from: QueuedRecipient["state"], to: QueuedRecipient["state"]) => {
    const mail = mails.get(id);
    if (mail === undefined || !mail.recipients.some((it) => it.state === from)) return false;
    mails.set(id, { ...mail, recipients: mail.recipients.map((it) => it.state === from ? { ...it, state: to } : it) });
    return true;
  };
  const unused = () => {
    throw new TypeError("Cannot use this part of the spool: no route does");
  };
  return {
    draft: unused,
    claim: unused,
    nextDue: unused,
    renew: unused,
    unclaim: unused,
    attempt: unused,
    settle: unused,
    expand: unused,
    mailsToNotify: unused,
    dueNotices: unused,
    notify: unused,
    retryDomain: unused,
    open: unused,
    hasSpace: () => true,
    retry: (id) =>
      Promise.resolve(
        [...mails.values()].filter((mail) => id === null || mail.id === id)
          .filter((mail) => mail.recipients.some((it) => it.state === "waiting")).length,
      ),
    hold: (id) => Promise.resolve(turn(id, "waiting", "held")),
    release: (id) => Promise.resolve(turn(id, "held", "waiting")),
    remove: (id) => Promise.resolve(mails.delete(id)),
    change: (verb, targets) =>
      Promise.resolve(targets.map(({ mail }) => {
        if (!mails.has(mail)) return "unknown";
        const changes = {
          retry: () => mails.get(mail)?.recipients.some((it) => it.state === "waiting") ?? false,
          hold: () => turn(mail, "waiting", "held"),
          release: () => turn(mail, "held", "waiting"),
          delete: () => mails.delete(mail),
        };
        return changes[verb]() ? "changed" : "unchanged";
      })),
    cancel: unused,
    history: () => Promise.resolve([]),
    async scan(filter, { after, count }) {
      const all = [...mails.keys()];
      const seen = all.slice(after === null ? 0 : all.indexOf(after) + 1).slice(0, count);
      const fitting = await this.list(filter, { after, count: Infinity });
      return {
        mails: fitting.filter(({ id }) => seen.includes(id)),
        next: seen.length === count ? seen.at(-1) ?? null : null,
      };
    },
    show: (id) => Promise.resolve(mails.get(id) ?? null),
    list: (filter, { after, count }) => {
      const all = [...mails.values()];
      return Promise.resolve(
        all.slice(after === null ? 0 : all.findIndex((mail) => mail.id === after) + 1)
          .filter((mail) => filter.account === undefined || mail.account === filter.account)
          .filter((mail) =>
            filter.domain === undefined || mail.recipients.some((it) => it.forwardPath.endsWith(`@${filter.domain}`))
          )
          .slice(0, count),
      );
    },
    census: () => Promise.resolve({ recipients: [], mails: 0, octets: 0, oldest: null, freeOctets: 1 << 30 }),
    probe: () => Promise.resolve(succeed(undefined)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

let records: Records | null = null;

/** Real records, for all tests of a file. */
function keptRecords(): Records {
  if (records !== null) return records;
  const folder = Deno.makeTempDirSync({ prefix: "dokodemo-records-" });
  const opened = openRecords(`${folder}/records`, { now: Date.now });
  if (!opened.ok) throw new Error(opened.problem.message);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return records = opened.value;
}

let limitRecords: LimitRecords | null = null;

/** A real file of limits, for all tests of a file. */
function keptLimits(): LimitRecords {
  if (limitRecords !== null) return limitRecords;
  const folder = Deno.makeTempDirSync({ prefix: "dokodemo-limits-" });
  const opened = openLimitRecords(`${folder}/limits`, LIMIT_BOUNDS);
  if (!opened.ok) throw new Error(opened.problem.message);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return limitRecords = opened.value;
}

/** Parts of an application, with what a test gives in the place of parts that no route under test needs. */
export function sidecarParts(given: Partial<SidecarParts>): SidecarParts {
  const unused = () => {
    throw new TypeError("Cannot use this part: no test here does");
  };
  const loaded = checkConfig('hostname = "mail.example.jp"', {
    folder: "/",
    modules: new Map([["sasldb", SASLDB]]),
  });
  if (!loaded.ok) throw new Error(loaded.mistakes.join("; "));
  const { config } = loaded;
  const spool = given.spool ?? mapSpool(new Map());
  const [log, now, key] = [given.log ?? (() => {}), given.now ?? Date.now, new Uint8Array(32)];
  const authenticator = { begin: unused, lookup: unused, [Symbol.asyncDispose]: () => Promise.resolve() };
  return {
    health: () => Promise.resolve(healthReport([])),
    log: () => {},
    spool,
    onRetry: () => {},
    reload: () => Promise.resolve(succeed(undefined)),
    metrics: { text: () => Promise.resolve("") },
    current: () => ({
      ...{ config, authenticator, backends: [], stores: new Map(), certificate: null, offered: () => [] },
      access: unused,
      appPasswords: { list: unused, add: unused, revoke: unused, forget: unused, isMain: unused },
    }),
    status: () => ({ started: 0, connections: 0, listeners: [] }),
    now: Date.now,
    signIn: unused,
    tryLogin: unused,
    enrolments: new Enrolments(Date.now),
    simulate: unused,
    changePassword: unused,
    ...given,
    records: given.records ?? keptRecords(),
    limits: given.limits ?? new LimitKeeper({ records: keptLimits(), spool, key, log, now }, config),
  };
}

/** An application on a socket of its own, in a folder that others may enter; with limits it is one for everybody. */
export async function onSocket(handler: HttpHandler, limits?: StrangerLimits): Promise<
  AsyncDisposable & { readonly path: string; ask: (...request: AskArguments) => ReturnType<typeof requestOverSocket> }
> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-http-" });
  await Deno.chmod(folder, 0o711);
  const path = `${folder}/it.sock`;
  const server = await serveUnix(path, {
    mode: limits === undefined ? 0o660 : 0o666,
    handler,
    ...limits && { limits },
  });
  if (!server.ok) throw new Error(server.problem);
  return {
    path,
    ask: (method, target, body) => requestOverSocket(path, { method, path: target, ...body !== undefined && { body } }),
    async [Symbol.asyncDispose]() {
      await server.value[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

type AskArguments = [method: "GET" | "POST" | "DELETE", target: string, body?: unknown];

/** The answer, or a failure of the test. */
export async function answered(
  asked: ReturnType<typeof requestOverSocket>,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await asked;
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

/** Sends octets as they are and gives all that comes back, also when the connection is cut. `halfClose` ends our side first. */
export async function raw(path: string, text: string, { halfClose = true } = {}): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  const buffer = new Uint8Array(4096);
  let answer = "";
  try {
    const octets = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let at = 0; at < octets.length;) at += await connection.write(octets.subarray(at));
    if (halfClose) await connection.closeWrite();
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      answer += new TextDecoder().decode(buffer.subarray(0, count));
    }
  } catch {
    // A server may close before it has read everything.
  }
  return answer;
}
