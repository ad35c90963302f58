/**
 * The queue in front of the Worker. While a batch is under way requests gather; when its reply has come they go as the next one. So a
 * lone request waits for nothing, and a hundred share one sync, without a timer.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Answered, BatchReply, Findings, NewMail, OpenProblem, Request } from "./protocol.ts";
import { WorkerPeer } from "./worker_peer.ts";

const BATCH_REQUESTS = 1000;
const BATCH_OCTETS = 16 * 1024 * 1024;
/** Smaller content is copied: to hand over a buffer costs as much (DENO.md part 3 section 3). */
const TRANSFER_OCTETS = 32 * 1024;
const RESTART_MS = 1000;
const QUIET_MS = 10_000;

/** What a link is made of. */
export interface LinkOptions {
  readonly dir: string;
  readonly log: Log;
  readonly clock: { now(): number };
  readonly startWorker: (dir: string) => Worker;
  /** A batch that takes longer counts as the death of the Worker. */
  readonly batchDeadlineMs: number;
  /** Told how many mails a batch has made durable, where there are any. */
  readonly onCommit: (mails: number) => void;
}

interface Waiting {
  readonly request: Request;
  readonly answer: (answer: Answered) => void;
}

/** Asks the Worker, and starts it again when it dies. */
export class WorkerLink implements AsyncDisposable {
  readonly #options: LinkOptions;
  #peer: WorkerPeer | null;
  #queue: Waiting[] = [];
  #work: Promise<void> | null = null;
  #restartAfter = 0;
  #quietUntil = 0;
  #closed = false;
  #freeOctets = 0;
  #reserve = false;

  private constructor(options: LinkOptions, peer: WorkerPeer) {
    this.#options = options;
    this.#peer = peer;
  }

  /** Starts the Worker and opens the spool for the first time in this process. */
  static async open(
    options: LinkOptions,
  ): Promise<Result<{ readonly link: WorkerLink; readonly findings: Findings }, OpenProblem>> {
    const started = await start(options, { first: true });
    if (!started.ok) return started;
    const { peer, findings } = started.value;
    return succeed({ link: new WorkerLink(options, peer), findings });
  }

  /** Octets of free pages inside the database, as of the last reply. */
  get freeOctets(): number {
    return this.#freeOctets;
  }

  /** Whether the reserve file is there, as of the last reply. */
  get reserve(): boolean {
    return this.#reserve;
  }

  /** Sends a request with the next batch. `unavailable` when the Worker dies meanwhile: the request may have been carried out then. */
  ask<Asked extends Request>(request: Asked): Promise<Answered<Asked["kind"]>> {
    if (this.#closed) return Promise.resolve(fail("unavailable"));
    return new Promise((resolve) => {
      // The Worker answers in order of the requests; a message has lost the type that ties the two.
      this.#queue.push({ request, answer: (answer) => resolve(answer as Answered<Asked["kind"]>) });
      this.#work ??= this.#run();
    });
  }

  /** Answers what was asked before, then closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#peer?.exchange({ kind: "close" }, { transfer: [], deadlineMs: this.#options.batchDeadlineMs });
    this.#peer?.terminate();
    this.#peer = null;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#peer ??= await this.#restart();
      const batch = this.#takeBatch();
      const reply = await this.#exchange(batch);
      if (reply === null) {
        for (const { answer } of [...batch, ...this.#queue.splice(0)]) answer(fail("unavailable"));
        this.#peer ??= await this.#restart();
      } else {
        this.#note(reply);
        batch.forEach(({ answer }, at) => answer(reply.answers[at] ?? fail("unavailable")));
      }
    }
    this.#work = null;
  }

  async #exchange(batch: readonly Waiting[]): Promise<BatchReply | null> {
    if (this.#peer === null) return null;
    const requests = batch.map(({ request }) => request);
    const { batchDeadlineMs: deadlineMs, log } = this.#options;
    const reply = await this.#peer.exchange({ kind: "batch", requests }, {
      transfer: transferable(requests),
      deadlineMs,
    });
    if (reply.ok && reply.value.kind === "done") return reply.value.reply;
    const why = reply.ok ? `unexpected "${reply.value.kind}"` : reply.problem;
    log({ kind: "alarm", about: "spool", text: `The Worker of the spool died: ${why}; it is started again` });
    this.#peer.terminate();
    this.#peer = null;
    return null;
  }

  #note({ freeOctets, reserve, trouble, mails }: BatchReply): void {
    if (mails > 0) this.#options.onCommit(mails);
    this.#freeOctets = freeOctets;
    this.#reserve = reserve;
    const now = this.#options.clock.now();
    // A disk that fails fails each batch: one line in a while says it.
    if (trouble === null || now < this.#quietUntil) return;
    this.#quietUntil = now + QUIET_MS;
    this.#options.log({ kind: "alarm", about: "spool", text: `Cannot carry out a request: ${trouble}` });
  }

  /** At most once a second: a Worker that cannot start must not take all the time of those who ask. */
  async #restart(): Promise<WorkerPeer | null> {
    const { clock, log } = this.#options;
    const now = clock.now();
    if (now < this.#restartAfter) return null;
    this.#restartAfter = now + RESTART_MS;
    const started = await start(this.#options, { first: false });
    if (started.ok) return started.value.peer;
    log({ kind: "alarm", about: "spool", text: started.problem.message });
    return null;
  }

  #takeBatch(): readonly Waiting[] {
    let count = 0;
    let octets = 0;
    for (const { request } of this.#queue) {
      if (count === BATCH_REQUESTS || octets > BATCH_OCTETS) break;
      for (const { length } of contentsOf(request)) octets += length;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}

async function start(
  { dir, clock, startWorker }: LinkOptions,
  { first }: { readonly first: boolean },
): Promise<Result<{ readonly peer: WorkerPeer; readonly findings: Findings }, OpenProblem>> {
  const cannot = (why: string) =>
    fail({ kind: "io" as const, message: `Cannot start the Worker of the spool in ${dir}: ${why}` });
  let peer: WorkerPeer;
  try {
    peer = new WorkerPeer(startWorker(dir));
  } catch (error) {
    return cannot(error instanceof Error ? error.message : String(error));
  }
  const reply = await peer.exchange({ kind: "open", dir, now: clock.now(), first }, { transfer: [], deadlineMs: null });
  if (reply.ok && reply.value.kind === "opened" && reply.value.result.ok) {
    return succeed({ peer, findings: reply.value.result.value });
  }
  peer.terminate();
  if (reply.ok && reply.value.kind === "opened" && !reply.value.result.ok) return reply.value.result;
  return cannot(reply.ok ? `unexpected "${reply.value.kind}"` : reply.problem);
}

function transferable(requests: readonly Request[]): Transferable[] {
  return requests.flatMap((request) => {
    return contentsOf(request).filter(({ length }) => length >= TRANSFER_OCTETS).map(({ buffer }) => buffer);
  });
}

/** The octets that a request carries: each in a buffer of its own, made by `ContentWriter`. */
function contentsOf(request: Request): readonly Uint8Array<ArrayBuffer>[] {
  const mails: readonly NewMail[] = request.kind === "commit"
    ? [request.mail]
    : request.kind === "notify"
    ? request.notices
    : [];
  return mails.flatMap(({ content }) => content.kind === "row" ? [content.octets] : []);
}
