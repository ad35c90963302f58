/**
 * Group commit: all requests that waited run in one transaction and share its sync.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fail, succeed } from "../lib/result.ts";
import { removeContent, type Reserve } from "./content_folder.ts";
import { DATABASE_FILE, identityOf, isFull } from "./database.ts";
import type { Answered, BatchReply, NewMail, ReadOperations, Request, WriteOperations } from "./protocol.ts";
import { SpoolError, type SpoolProblem } from "./spool_error.ts";
import type { Store } from "./store.ts";

type Write = Request<keyof WriteOperations>;
type Read = Request<keyof ReadOperations>;

/** What a batch works on. */
export interface Ground {
  readonly dir: string;
  readonly db: DatabaseSync;
  readonly store: Store;
  readonly reserve: Reserve;
}

/** Runs batches of requests, one after the other. */
export class GroupCommit {
  readonly #ground: Ground;
  readonly #freePages: StatementSync;
  readonly #pageOctets: number;
  readonly #file: string;
  /** The database and its log on disk, as they were opened. */
  readonly #identity: string;
  /** Content files of mails whose COMMIT failed. After a crash the log could still hold it: they go when a later COMMIT is in its place. */
  #abandoned: string[] = [];
  #trouble: string | null = null;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#freePages = ground.db.prepare("PRAGMA freelist_count");
    this.#pageOctets = Number(ground.db.prepare("PRAGMA page_size").get()?.["page_size"]);
    this.#file = `${ground.dir}/${DATABASE_FILE}`;
    // The log is there once something was read.
    this.#freePages.get();
    this.#identity = identityOf(this.#file);
  }

  /** Answers each request of a batch: the writes after their COMMIT, the reads with what is committed then. */
  run(requests: readonly Request[]): BatchReply {
    this.#trouble = null;
    const { reserve } = this.#ground;
    const answers = new Map<Request, Answered>();
    const writes = requests.filter(isWrite);
    let committed = writes.length > 0 && this.#transaction(writes, answers);
    // What became of a mail matters more than a new mail: for that alone the reserve is given up.
    const outcomes = writes.filter((request) => isPrecious(request) && lacksSpace(answers.get(request)));
    if (outcomes.length > 0 && reserve.release()) committed = this.#transaction(outcomes, answers);
    this.#abandoned.push(...writes.filter((request) => answers.get(request)?.ok === false).flatMap(filesOf));
    if (committed) this.#removeAbandoned();
    for (const request of requests) if (!isWrite(request)) answers.set(request, this.#read(request));
    return {
      answers: requests.map((request) => answers.get(request) ?? fail("unavailable")),
      mails: writes.filter((request) => request.kind === "commit" && answers.get(request)?.ok === true).length,
      freeOctets: this.#freeOctets(),
      reserve: reserve.held,
      trouble: this.#trouble,
    };
  }

  /** Runs requests in one transaction, each in a savepoint of its own. Whether it was committed. */
  #transaction(requests: readonly Write[], answers: Map<Request, Answered>): boolean {
    const { db, store, dir } = this.#ground;
    const failAll = (error: unknown) => {
      const problem = this.#problemOf(error);
      if (db.isTransaction) db.exec("ROLLBACK");
      store.takeObsolete();
      for (const request of requests) answers.set(request, fail(problem));
      return false;
    };
    const obsolete: string[] = [];
    try {
      db.exec("BEGIN IMMEDIATE");
      for (const request of requests) {
        const answer = this.#savepoint(request);
        answers.set(request, answer);
        const freed = store.takeObsolete();
        if (answer.ok) obsolete.push(...freed);
      }
      // SQLite goes on with files that somebody has removed or replaced: what it commits there is lost with this process.
      if (identityOf(this.#file) !== this.#identity) throw new Error(REPLACED);
      db.exec("COMMIT");
    } catch (error) {
      return failAll(error);
    }
    this.#remove(dir, obsolete);
    return true;
  }

  /** One request; its failure undoes it alone. Throws when SQLite has ended the whole transaction, as it does on a full disk. */
  #savepoint(request: Write): Answered {
    const { db, store } = this.#ground;
    db.exec("SAVEPOINT request");
    try {
      const value = store.write(request);
      db.exec("RELEASE request");
      return succeed(value);
    } catch (error) {
      if (!db.isTransaction) throw error;
      db.exec("ROLLBACK TO request; RELEASE request");
      return fail(this.#problemOf(error));
    }
  }

  #read(request: Read): Answered {
    const { store, reserve } = this.#ground;
    try {
      switch (request.kind) {
        case "claim":
          return succeed(store.claim(request));
        case "nextDue":
          return succeed(store.nextDue(request));
        case "content":
          return succeed(store.content(request));
        case "show":
          return succeed(store.show(request));
        case "mailsToNotify":
          return succeed(store.mailsToNotify());
        case "dueNotices":
          return succeed(store.dueNotices(request));
        case "history":
          return succeed(store.history(request));
        case "scan":
          return succeed(store.scan(request));
        case "list":
          return succeed(store.list(request));
        case "census":
          return succeed(store.census());
        case "reserve":
          return succeed(reserve.create());
      }
    } catch (error) {
      return fail(this.#problemOf(error));
    }
  }

  #freeOctets(): number {
    try {
      return Number(this.#freePages.get()?.["freelist_count"]) * this.#pageOctets;
    } catch (error) {
      this.#problemOf(error);
      return 0;
    }
  }

  #removeAbandoned(): void {
    const ids = this.#abandoned;
    this.#abandoned = [];
    this.#remove(this.#ground.dir, ids);
  }

  /** A file that cannot be removed is an orphan, which the next start sweeps; the answers stand. */
  #remove(dir: string, ids: readonly string[]): void {
    try {
      removeContent(dir, ids);
    } catch (error) {
      this.#problemOf(error);
    }
  }

  #problemOf(error: unknown): SpoolProblem {
    if (error instanceof SpoolError) return error.problem;
    this.#trouble ??= error instanceof Error ? error.message : String(error);
    return isFull(error) ? "no-space" : "unavailable";
  }
}

const REPLACED =
  `${DATABASE_FILE} was removed or replaced while the server runs: no mail is taken until it is restarted`;

const WRITES: ReadonlySet<string> = new Set<keyof WriteOperations>([
  "commit",
  "attempt",
  "settle",
  "expand",
  "notify",
  "retry",
  "retryDomain",
  "hold",
  "release",
  "remove",
  "change",
  "cancel",
  "probe",
]);

function isWrite(request: Request): request is Write {
  return WRITES.has(request.kind);
}

function isPrecious({ kind }: Write): boolean {
  return kind !== "commit" && kind !== "probe";
}

function lacksSpace(answer: Answered | undefined): boolean {
  return answer?.ok === false && answer.problem === "no-space";
}

/** The content files that a request brought along. */
function filesOf(request: Write): readonly string[] {
  const mails: readonly NewMail[] = request.kind === "commit"
    ? [request.mail]
    : request.kind === "notify"
    ? request.notices
    : request.kind === "expand"
    ? request.copies
    : [];
  return mails.filter(({ content }) => content.kind === "file").map(({ id }) => id);
}
