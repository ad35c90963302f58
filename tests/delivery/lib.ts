/**
 * What the tests of delivery share: mails, tasks that remember, a log that is a list.
 *
 * @module
 */

import type { SmarthostConfig } from "../../src/config/config.ts";
import { TokenSources } from "../../src/delivery/oauth/token_sources.ts";
import { openSmarthost } from "../../src/delivery/smarthost.ts";
import type { Deliverer, DeliveryTask, RoutedRecipient } from "../../src/delivery/deliverer.ts";
import { utf8 } from "../../src/lib/octets.ts";
import type { LogEvent } from "../../src/log/event.ts";
import type { Envelope } from "../../src/smtp/envelope.ts";
import type { DeliveryOutcome, QueuedMail } from "../../src/spool/spool.ts";

export const CONTENT = "Subject: Hello\r\n\r\nHow are you?\r\n";

export const ENVELOPE: Envelope = {
  reversePath: "shin@baz.co.jp",
  recipients: [{ id: 1, forwardPath: "taro@example.net", notify: null, orcpt: null }],
  body: "7bit",
  smtputf8: false,
  declaredSizeOctets: null,
  ret: null,
  envid: null,
};

/** Recipients with ids from 1. */
export function recipientsOf(forwardPaths: readonly string[]): readonly RoutedRecipient[] {
  return forwardPaths.map((forwardPath, at) => ({
    id: at + 1,
    forwardPath,
    notify: null,
    orcpt: null,
    state: "waiting",
    attempts: 0,
    due: 0,
    lastReply: null,
    account: null,
  }));
}

/** A task that keeps what happens to it, in `events`. */
export interface RecordedTask extends DeliveryTask {
  readonly events: string[];
  readonly outcomes: ReadonlyMap<number, DeliveryOutcome>;
}

/** A task for a mail; `chunks` overrides its content. */
export function recordTask(
  options: {
    readonly to?: readonly string[];
    readonly recipients?: readonly RoutedRecipient[];
    readonly envelope?: Partial<Envelope>;
    readonly content?: string;
    readonly chunks?: () => AsyncIterable<Uint8Array<ArrayBuffer>>;
    readonly has8bit?: boolean;
    readonly attempting?: () => Promise<void>;
  } = {},
): RecordedTask {
  const recipients = options.recipients ?? recipientsOf(options.to ?? ["taro@example.net"]);
  const octets = utf8(options.content ?? CONTENT);
  const mail: QueuedMail = {
    id: "MAIL1",
    envelope: { ...ENVELOPE, recipients, ...options.envelope },
    recipients,
    account: null,
    received: 0,
    sizeOctets: octets.length,
    has8bit: options.has8bit ?? false,
    notice: false,
  };
  const events: string[] = [];
  const outcomes = new Map<number, DeliveryOutcome>();
  const chunks = options.chunks ?? async function* () {
    yield octets;
  };
  return {
    mail,
    recipients,
    events,
    outcomes,
    content: () => Promise.resolve(ReadableStream.from(chunks())),
    attempting: async (ids) => {
      events.push(`attempting ${ids.join(" ")}`);
      await options.attempting?.();
    },
    settle: (id, outcome) => {
      events.push(`settle ${id} ${outcome.kind}`);
      outcomes.set(id, outcome);
      return Promise.resolve();
    },
  };
}

/** A log that can be looked at. */
export function recordLog(): { readonly events: LogEvent[]; readonly log: (event: LogEvent) => void } {
  const events: LogEvent[] = [];
  return { events, log: (event) => void events.push(event) };
}

/** A smarthost deliverer for a port of loopback. */
export async function smarthostAt(
  port: number,
  { committedMs, now, ...config }: Partial<SmarthostConfig> & {
    readonly committedMs?: number;
    /** The clock of access tokens. */
    readonly now?: () => number;
  } = {},
): Promise<{ readonly deliverer: Deliverer; readonly alarms: () => readonly string[]; readonly hop: HopOf }> {
  const { events, log } = recordLog();
  const host = config.host ?? "127.0.0.1";
  const opened = await openSmarthost({
    config: {
      host,
      port,
      tls: "never",
      caFile: null,
      auth: null,
      oauth: null,
      allowClearTextPassword: false,
      concurrency: 2,
      ...config,
    },
    hostname: "mail.foobar.co.jp",
    log,
    tokens: new TokenSources({ log, ...now !== undefined && { now } }),
    ...committedMs !== undefined && { committedMs },
  });
  if (!opened.ok) throw new Error(opened.problem);
  const alarms = () => events.flatMap((event) => event.kind === "alarm" ? [`${event.about}: ${event.text}`] : []);
  return { deliverer: opened.value, alarms, hop: { route: "smarthost", host, port } };
}

interface HopOf {
  readonly route: string;
  readonly host: string;
  readonly port: number;
}

/** Opens a conversation and delivers the tasks in it; the result is the outcome of opening when there was none. */
export async function deliverAll(
  { deliverer, hop }: { readonly deliverer: Deliverer; readonly hop: HopOf },
  tasks: readonly DeliveryTask[],
  signal: AbortSignal = new AbortController().signal,
): Promise<DeliveryOutcome | null> {
  const opened = await deliverer.open(hop, signal);
  if (!opened.ok) return opened.problem;
  await using session = opened.value;
  for (const task of tasks) await session.deliver(task, signal);
  return null;
}
