/**
 * The spool on SQLite: the main thread's side. The database is the Worker's; leases, room on the disk and large content are handled here.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { linkContent } from "./content_link.ts";
import { openContentFile, streamOf } from "./content_reader.ts";
import { ContentWriter } from "./content_writer.ts";
import { DiskSpace } from "./disk_space.ts";
import { Draft } from "./draft.ts";
import { logFindings } from "./findings.ts";
import { createIds } from "./ids.ts";
import { Leases } from "./leases.ts";
import type { Answer, NewMail, OpenProblem, Request, StoredContent } from "./protocol.ts";
import { asDomain } from "./rows.ts";
import type {
  AttemptOf,
  Cancelled,
  DeliveryOutcome,
  DueNotice,
  DueNoticeOf,
  Expansion,
  MailChange,
  MailTarget,
  MailVerb,
  Notice,
  QueueCensus,
  QueuedMail,
  QueuedRecipient,
  Spool,
  SpoolDraft,
} from "./spool.ts";
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
  logFindings(log, findings);
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

  claim(
    now: number,
    limit: number,
    leaseMs: number,
    { crowded }: { readonly crowded: readonly string[] } = { crowded: [] },
  ): Promise<readonly QueuedMail[]> {
    // One after the other: each must see the leases of the one before.
    const claimed = this.#claims.then(() => this.#claim({ now, limit, leaseMs, crowded }));
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
    { hop = null, ...options }: Parameters<Spool["settle"]>[3],
  ): Promise<void> {
    const request = { kind: "settle" as const, mail, recipient, outcome, ...options, hop, now: this.#now() };
    const there = await this.#keep(`settle mail ${mail}`, request);
    if (!there) this.#leases.end(mail);
  }

  async expand(
    mail: string,
    recipient: number,
    { reply, members, copies }: Expansion,
    { notice }: { readonly notice: DueNotice | null },
  ): Promise<readonly QueuedRecipient[]> {
    const made: NewMail[] = [];
    for (const envelope of copies) made.push(await this.#copy(mail, recipient, envelope));
    const request = {
      kind: "expand" as const,
      mail,
      recipient,
      now: this.#now(),
      reply,
      members,
      copies: made,
      notice,
    };
    const added = await this.#keep(`expand mail ${mail}`, request);
    this.#parts.onDue();
    return added;
  }

  async mailsToNotify(): Promise<readonly string[]> {
    return await this.#ask("look for notices", { kind: "mailsToNotify" });
  }

  async dueNotices(mail: string): Promise<Answer<"dueNotices">> {
    return await this.#ask(`look for notices of mail ${mail}`, { kind: "dueNotices", mail });
  }

  async notify(
    mail: string,
    told: readonly Pick<DueNoticeOf, "recipient" | "action">[],
    notices: readonly Notice[],
  ): Promise<void> {
    const made: NewMail[] = [];
    for (const notice of notices) made.push(await this.#makeNotice(notice));
    const there = await this.#keep(`tell of mail ${mail}`, { kind: "notify", mail, told, notices: made });
    if (!there) this.#leases.end(mail);
    if (made.length > 0) this.#parts.onDue();
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

  async retryDomain(domain: string, { subdomains }: { readonly subdomains: boolean }): Promise<number> {
    const request = { domain: asDomain(domain), subdomains, now: this.#now() };
    const touched = await this.#ask("retry", { kind: "retryDomain", ...request });
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

  async change(verb: MailVerb, targets: readonly MailTarget[]): Promise<readonly MailChange[]> {
    const changes = await this.#ask(`${verb} mails`, { kind: "change", verb, targets, now: this.#now() });
    if (verb === "delete") {
      for (const { mail, recipients } of targets) {
        if (recipients === null) this.#leases.end(mail);
      }
    }
    if (verb === "retry" || verb === "release") this.#parts.onDue();
    return changes;
  }

  async cancel(mail: string, account: string): Promise<Cancelled> {
    const cancelled = await this.#ask(`cancel mail ${mail}`, { kind: "cancel", mail, account });
    if (cancelled === "removed") this.#leases.end(mail);
    return cancelled;
  }

  async history(mail: string): Promise<readonly AttemptOf[]> {
    return await this.#ask(`show mail ${mail}`, { kind: "history", mail });
  }

  async scan(filter: QueueFilter, page: QueuePlace): Promise<Answer<"scan">> {
    return await this.#ask("list mails", { kind: "scan", ...inFull(filter), ...page });
  }

  async show(mail: string): Promise<QueuedMail | null> {
    return await this.#ask(`show mail ${mail}`, { kind: "show", mail });
  }

  async list(filter: QueueFilter, page: QueuePlace): Promise<readonly QueuedMail[]> {
    return await this.#ask("list mails", { kind: "list", ...inFull(filter), ...page });
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

  async #claim(
    { now, limit, leaseMs, crowded }: {
      readonly now: number;
      readonly limit: number;
      readonly leaseMs: number;
      readonly crowded: readonly string[];
    },
  ): Promise<readonly QueuedMail[]> {
    const claimed: QueuedMail[] = [];
    for (let more = true; more && claimed.length < limit && !this.#parts.supply.stopped;) {
      const room = limit - claimed.length;
      const ask = { kind: "claim" as const, now, limit: room, crowded };
      const due = await this.#askGivingBack("claim", (givenBack) => ({ ...ask, givenBack }));
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

  /** A mail with the content of another; a file that was made for it in vain is swept at the next start. */
  async #copy(mail: string, recipient: number, envelope: Envelope): Promise<NewMail> {
    const original = await this.show(mail);
    const alias = original?.recipients.find(({ id }) => id === recipient)?.forwardPath;
    if (original === null || alias === undefined) throw new SpoolError(`expand mail ${mail}`, "not-there");
    const { account, sizeOctets, has8bit, notice } = original;
    const id = this.#createId();
    const stored = await this.#ask(`open mail ${mail}`, { kind: "content", mail });
    const content = await linkContent(this.#dir, stored, { from: mail, to: id });
    if (content === null) throw this.#notKept(`copy mail ${mail}`, "unavailable");
    return {
      ...{ id, envelope, account, sizeOctets, has8bit, notice, alias, content },
      ...{ held: false, source: null, received: this.#now() },
    };
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
  async #keep<Asked extends Request<"attempt" | "settle" | "expand" | "notify">>(
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

type QueueFilter = Parameters<Spool["list"]>[0];
type QueuePlace = Parameters<Spool["list"]>[1];

function inFull({ account, domain }: QueueFilter): Pick<Request<"list">, "account" | "domain"> {
  return { account: account ?? null, domain: domain === undefined ? null : asDomain(domain) };
}
