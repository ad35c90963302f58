/**
 * The spool on SQLite: the main thread's side. The database is the Worker's; leases, room on the disk and large content are handled here.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { openContentFile, streamOf } from "./content_reader.ts";
import { ContentWriter } from "./content_writer.ts";
import { DiskSpace } from "./disk_space.ts";
import { Draft } from "./draft.ts";
import { createIds } from "./ids.ts";
import { Leases } from "./leases.ts";
import type { Answer, Findings, NewMail, OpenProblem, Request, StoredContent } from "./protocol.ts";
import { asDomain } from "./rows.ts";
import type { DeliveryOutcome, Notice, QueueCensus, QueuedMail, Spool, SpoolDraft } from "./spool.ts";
import { SpoolError } from "./spool_error.ts";
import { Supply } from "./supply.ts";
import { WorkerLink } from "./worker_link.ts";
import { startSpoolWorker } from "./worker_peer.ts";

const BATCH_DEADLINE_MS = 60_000;

/** What a spool needs to know. */
export interface SpoolOptions {
  /** Octets of the largest mail. */
  readonly messageSizeLimit: number;
  readonly log: Log;
  readonly clock: { now(): number };
  /** Called when a recipient may have become due earlier than `nextDue` last said. Must not throw. */
  readonly onDue: () => void;
  /** Told how many mails one COMMIT has made durable, for each with any. Must not throw. Default: nobody. */
  readonly onCommit?: (mails: number) => void;
  /** Another way to start the Worker, for tests of its death. */
  readonly startWorker?: (dir: string) => Worker;
  /** A batch that takes longer counts as the death of the Worker. Default one minute. */
  readonly batchDeadlineMs?: number;
}

/**
 * Opens the spool of a `data_dir`, which exists and whose lock the caller holds. What was being attempted waits again, and files that no
 * mail names are removed. A damaged or newer database is refused and not changed.
 */
export async function openSpool(dir: string, options: SpoolOptions): Promise<Result<Spool, OpenProblem>> {
  const { log, clock, startWorker = startSpoolWorker, batchDeadlineMs = BATCH_DEADLINE_MS } = options;
  const onCommit = options.onCommit ?? (() => {});
  const opened = await WorkerLink.open({ dir, log, clock, startWorker, batchDeadlineMs, onCommit });
  if (!opened.ok) return opened;
  const { link, findings } = opened.value;
  tell(log, findings);
  const space = new DiskSpace(dir, options);
  const supply = new Supply({ link, space, log, onBack: options.onDue });
  await supply.refill();
  return succeed(new SqliteSpool(dir, { ...options, link, space, supply }));
}

interface Parts extends SpoolOptions {
  readonly link: WorkerLink;
  readonly space: DiskSpace;
  readonly supply: Supply;
}

class SqliteSpool implements Spool {
  readonly #dir: string;
  readonly #parts: Parts;
  readonly #createId: () => string;
  readonly #leases = new Leases();
  #claims: Promise<unknown> = Promise.resolve();

  constructor(dir: string, parts: Parts) {
    this.#dir = dir;
    this.#parts = parts;
    this.#createId = createIds(parts.clock);
  }

  draft(
    envelope: Envelope,
    account: string | null,
    { held, source }: { readonly held: boolean; readonly source: string | null },
  ): Promise<SpoolDraft> {
    if (envelope.recipients.length === 0) throw new RangeError("Cannot begin draft: it has no recipients");
    const id = this.#createId();
    const writer = new ContentWriter(this.#dir, id);
    const store = async (content: StoredContent) => {
      const mail = { ...this.#newMail(id, { envelope, writer, content }), account, held, source, notice: false };
      const committed = await this.#parts.link.ask({ kind: "commit", mail });
      if (!committed.ok) return fail(committed.problem === "no-space" ? "no-space" as const : "unavailable" as const);
      if (!held) this.#parts.onDue();
      return committed;
    };
    return Promise.resolve(new Draft(id, { writer, store }));
  }

  hasSpace(): boolean {
    return this.#parts.space.enough(this.#parts.link.freeOctets);
  }

  claim(now: number, limit: number, leaseMs: number): Promise<readonly QueuedMail[]> {
    // One after the other: each must see the leases of the one before.
    const claimed = this.#claims.then(() => this.#claim(now, limit, leaseMs));
    this.#claims = claimed.catch(() => {});
    return claimed;
  }

  async nextDue(): Promise<number | null> {
    if (this.#parts.supply.stopped) return null;
    return await this.#askGivingBack("look for due mail", (givenBack) => ({ kind: "nextDue", givenBack }));
  }

  renew(mail: string, leaseMs: number): Promise<boolean> {
    return Promise.resolve(this.#leases.renew(mail, this.#now() + leaseMs));
  }

  unclaim(mail: string): Promise<void> {
    this.#leases.end(mail);
    return Promise.resolve();
  }

  async attempt(mail: string, recipients: readonly number[]): Promise<void> {
    await this.#keep(`attempt mail ${mail}`, { kind: "attempt", mail, recipients });
  }

  async settle(
    mail: string,
    recipient: number,
    outcome: DeliveryOutcome,
    { due, notice }: { readonly due: number; readonly notice: Notice | null },
  ): Promise<void> {
    const request = { kind: "settle" as const, mail, recipient, outcome, due };
    const made = notice === null ? null : await this.#makeNotice(notice);
    const there = await this.#keep(`settle mail ${mail}`, { ...request, notice: made });
    if (!there) this.#leases.end(mail);
    if (made !== null) this.#parts.onDue();
  }

  async open(mail: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const content = await this.#ask(`open mail ${mail}`, { kind: "content", mail });
    if (content.kind === "row") return streamOf(content.octets);
    return await openContentFile(this.#dir, { id: mail, sizeOctets: content.sizeOctets });
  }

  async retry(mail: string | null): Promise<number> {
    const touched = await this.#ask("retry", { kind: "retry", mail, now: this.#now() });
    this.#parts.onDue();
    return touched;
  }

  async hold(mail: string): Promise<boolean> {
    return await this.#ask(`hold mail ${mail}`, { kind: "hold", mail });
  }

  async release(mail: string): Promise<boolean> {
    const released = await this.#ask(`release mail ${mail}`, { kind: "release", mail });
    this.#parts.onDue();
    return released;
  }

  async remove(mail: string): Promise<boolean> {
    const removed = await this.#ask(`remove mail ${mail}`, { kind: "remove", mail });
    this.#leases.end(mail);
    return removed;
  }

  async show(mail: string): Promise<QueuedMail | null> {
    return await this.#ask(`show mail ${mail}`, { kind: "show", mail });
  }

  async list(
    { account, domain }: { readonly account?: string; readonly domain?: string },
    { after, count }: { readonly after: string | null; readonly count: number },
  ): Promise<readonly QueuedMail[]> {
    const filter = { account: account ?? null, domain: domain === undefined ? null : asDomain(domain) };
    return await this.#ask("list mails", { kind: "list", ...filter, after, count });
  }

  async census(): Promise<QueueCensus> {
    const { link, space } = this.#parts;
    const counted = await this.#ask("count mails", { kind: "census" });
    return { ...counted, freeOctets: space.onDisk() + link.freeOctets };
  }

  async probe(): Promise<Result<void, string>> {
    if (!this.hasSpace()) return fail("too little space is left on the disk of the spool");
    const answer = await this.#parts.link.ask({ kind: "probe", now: this.#now() });
    return answer.ok ? answer : fail(`the spool cannot store: ${answer.problem}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.supply[Symbol.dispose]();
    await this.#parts.link[Symbol.asyncDispose]();
  }

  async #claim(now: number, limit: number, leaseMs: number): Promise<readonly QueuedMail[]> {
    const claimed: QueuedMail[] = [];
    for (let more = true; more && claimed.length < limit && !this.#parts.supply.stopped;) {
      const room = limit - claimed.length;
      const due = await this.#askGivingBack("claim", (givenBack) => ({ kind: "claim", now, limit: room, givenBack }));
      const free = due.mails.filter(({ id }) => !this.#leases.has(id));
      for (const { id } of free) this.#leases.take(id, now + leaseMs);
      claimed.push(...free);
      more = due.more;
    }
    return claimed;
  }

  /** Asks, and tells which leases have ended: the Worker knows no others. */
  async #askGivingBack<Asked extends Request<"claim" | "nextDue">>(
    what: string,
    request: (givenBack: readonly string[]) => Asked,
  ): Promise<Answer<Asked["kind"]>> {
    const ended = this.#leases.takeEnded(this.#now());
    try {
      return await this.#ask(what, request(ended));
    } catch (error) {
      this.#leases.putBack(ended);
      throw error;
    }
  }

  async #makeNotice({ envelope, content: octets }: Notice): Promise<NewMail> {
    const id = this.#createId();
    const writer = new ContentWriter(this.#dir, id);
    await writer.write(octets);
    const content = await writer.finish();
    if (!content.ok) throw this.#notKept("write notice", content.problem);
    const mail = this.#newMail(id, { envelope, writer, content: content.value });
    return { ...mail, account: null, held: false, source: null, notice: true };
  }

  #newMail(
    id: string,
    { envelope, writer: { sizeOctets, has8bit }, content }: {
      readonly envelope: Envelope;
      readonly writer: ContentWriter;
      readonly content: StoredContent;
    },
  ): Omit<NewMail, "account" | "held" | "source" | "notice"> {
    return { id, envelope, received: this.#now(), sizeOctets, has8bit, content };
  }

  /** For what must be kept: when the disk is full, the reserve spent included, delivery stops. */
  async #keep<Asked extends Request<"attempt" | "settle">>(
    what: string,
    request: Asked,
  ): Promise<Answer<Asked["kind"]>> {
    const answer = await this.#parts.link.ask(request);
    if (answer.ok) return answer.value;
    throw this.#notKept(what, answer.problem);
  }

  #notKept(what: string, problem: SpoolError["problem"]): SpoolError {
    if (problem === "no-space") this.#parts.supply.stop();
    return new SpoolError(what, problem);
  }

  async #ask<Asked extends Request>(what: string, request: Asked): Promise<Answer<Asked["kind"]>> {
    const answer = await this.#parts.link.ask(request);
    if (!answer.ok) throw new SpoolError(what, answer.problem);
    return answer.value;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

function tell(log: Log, { interrupted, missing, orphans }: Findings): void {
  const warn = (text: string) => log({ kind: "warning", about: "spool", text });
  if (interrupted.length > 0) {
    warn(
      `These mails were being delivered when the last process ended, and may arrive twice: ${interrupted.join(", ")}`,
    );
  }
  if (orphans > 0) warn(`Removed ${orphans} content files of mails that were never accepted or have been delivered`);
  if (missing.length > 0) {
    const text = `The content of these mails is missing or cut off, look at "dokodemo queue verify": ${
      missing.join(", ")
    }`;
    log({ kind: "alarm", about: "spool", text });
  }
}
