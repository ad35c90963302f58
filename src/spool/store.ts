/**
 * The requests of the spool as changes of its database. It knows no transactions: `GroupCommit` puts them around it.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { unreachable } from "../lib/result.ts";
import type { Answer, NewMail, Request, StoredContent, WriteOperations } from "./protocol.ts";
import { DueScan } from "./due_scan.ts";
import {
  attemptColumns,
  blob,
  integer,
  mailColumns,
  noticeColumns,
  parseAttempt,
  parseCensus,
  parseMail,
  parseNotice,
  parseRecipient,
  recipientColumns,
  type Row,
  text,
} from "./rows.ts";
import type { Attempt, Cancelled, Expansion, MailChange, MailTarget, QueuedMail, QueuedRecipient } from "./spool.ts";
import { SpoolError } from "./spool_error.ts";
import { type StatementName, statements } from "./statements.ts";

/** Attempts at a recipient that are remembered. */
const HISTORY_KEPT = 20;

/** Carries out requests on an open database. Each method throws what SQLite throws, and a `SpoolError` for what is not there. */
export class Store {
  readonly #sql: (name: StatementName) => StatementSync;
  readonly #due: DueScan;
  #obsolete: string[] = [];

  constructor(db: DatabaseSync) {
    this.#sql = statements(db);
    this.#due = new DueScan(this.#sql);
  }

  /** The ids of content files that no row names any more, once the transaction is committed; asking empties the list. */
  takeObsolete(): readonly string[] {
    const obsolete = this.#obsolete;
    this.#obsolete = [];
    return obsolete;
  }

  write(request: Request<keyof WriteOperations>): Answer<keyof WriteOperations> {
    switch (request.kind) {
      case "commit":
        return this.#insert(request.mail);
      case "attempt":
        return this.#attempt(request);
      case "settle":
        return this.#settle(request);
      case "notify":
        return this.#notify(request);
      case "expand":
        return this.#expand(request);
      case "retry":
        return this.#retry(request);
      case "retryDomain":
        return this.#retryDomain(request);
      case "hold":
        return this.#setState(request.mail, "hold");
      case "release":
        return this.#setState(request.mail, "release");
      case "remove":
        return this.#remove(request.mail);
      case "change":
        return request.targets.map((target) => this.#change(request.verb, target, request.now));
      case "cancel":
        return this.#cancel(request);
      case "probe":
        this.#sql("probe").run(request.now);
        return;
      default:
        return unreachable(request);
    }
  }

  /** The mails that have a due recipient, longest due first. An `attempting` one without a lease was cut off: it waits again. */
  claim({ now, limit, givenBack, crowded }: Request<"claim">): Answer<"claim"> {
    this.#due.givenBack(givenBack);
    if (limit <= 0) return { mails: [], more: false };
    const { mails, more } = this.#due.take(now, limit, crowded);
    return { mails: mails.map((seq) => this.#claimed(seq)), more };
  }

  nextDue({ givenBack }: Request<"nextDue">): number | null {
    this.#due.givenBack(givenBack);
    return this.#due.next();
  }

  content({ mail }: Request<"content">): StoredContent & { readonly sizeOctets: number } {
    const row = this.#sql("mailById").get(mail) ?? missing(`open mail ${mail}`);
    const sizeOctets = integer(row["size"]);
    if (row["in_file"] === 1) return { kind: "file", sizeOctets };
    const content = this.#sql("content").get(integer(row["seq"])) ?? missing(`open content of mail ${mail}`);
    return { kind: "row", octets: blob(content["octets"]), sizeOctets };
  }

  show({ mail }: Request<"show">): QueuedMail | null {
    const row = this.#sql("mailById").get(mail);
    return row === undefined ? null : this.#load(row);
  }

  mailsToNotify(): readonly string[] {
    return this.#sql("mailsToNotify").all().map((row) => text(row["id"]));
  }

  dueNotices({ mail }: Request<"dueNotices">): Answer<"dueNotices"> {
    const row = this.#sql("mailById").get(mail);
    if (row === undefined) return null;
    const notices = this.#sql("dueNotices").all(integer(row["seq"])).map(parseNotice);
    return { mail: this.#load(row), notices };
  }

  history({ mail }: Request<"history">): Answer<"history"> {
    const seq = this.#seq(mail);
    return seq === null ? [] : this.#sql("attempts").all(seq).map(parseAttempt);
  }

  scan({ account, domain, after, count }: Request<"scan">): Answer<"scan"> {
    const range = this.#sql("scanned").get(after ?? "", count);
    const last = range?.["last"] ?? null;
    if (last === null) return { mails: [], next: null };
    const rows = this.#sql("scan").all({ account, domain, after: after ?? "", last });
    return { mails: rows.map((row) => this.#load(row)), next: range?.["mails"] === count ? text(last) : null };
  }

  list({ account, domain, after, count }: Request<"list">): readonly QueuedMail[] {
    const rows = this.#sql("list").all({ account, domain, after: after ?? "", count });
    return rows.map((row) => this.#load(row));
  }

  census(): Answer<"census"> {
    const totals = this.#sql("censusOfMails").get();
    const oldest = this.#sql("oldestWaiting").get();
    return {
      recipients: this.#sql("censusOfRecipients").all().map(parseCensus),
      mails: integer(totals?.["mails"]),
      octets: integer(totals?.["octets"]),
      oldest: oldest === undefined ? null : integer(oldest["received"]),
    };
  }

  /** The mails with an `attempting` recipient. */
  interrupted(): readonly string[] {
    return this.#sql("attempting").all().map((row) => text(row["id"]));
  }

  /** For the start of a process, when nothing is in work: what was `attempting` waits, and old sources are forgotten. */
  recover({ now, sourcesSince }: { readonly now: number; readonly sourcesSince: number }): void {
    this.#sql("interrupt").run(now);
    this.#sql("forgetSources").run(sourcesSince);
  }

  /** The mails whose content is in a file, with its size. */
  filed(): ReadonlyMap<string, number> {
    return new Map(this.#sql("filed").all().map((row) => [text(row["id"]), integer(row["size"])]));
  }

  #claimed(seq: number): QueuedMail {
    const mail = this.#load(this.#sql("mailBySeq").get(seq) ?? missing(`claim mail ${seq}`));
    const recipients = mail.recipients.map((recipient) =>
      recipient.state === "attempting" ? { ...recipient, state: "waiting" as const } : recipient
    );
    return { ...mail, recipients };
  }

  #load(row: Row): QueuedMail {
    return parseMail(row, this.#sql("recipients").all(integer(row["seq"])));
  }

  #insert(mail: NewMail): string {
    if (mail.source !== null) {
      const earlier = this.#sql("source").get(mail.source);
      if (earlier !== undefined) {
        this.#discard(mail);
        return text(earlier["mail"]);
      }
      this.#sql("insertSource").run(mail.source, mail.id, mail.received);
    }
    const seq = Number(this.#sql("insertMail").run(mailColumns(mail)).lastInsertRowid);
    for (const recipient of mail.envelope.recipients) {
      this.#sql("insertRecipient").run({ mail: seq, ...recipientColumns(recipient, mail) });
    }
    this.#due.waits(mail.received);
    if (mail.content.kind === "row") this.#sql("insertContent").run(seq, mail.content.octets);
    return mail.id;
  }

  #attempt({ mail, recipients }: Request<"attempt">): void {
    const seq = this.#seq(mail);
    for (const recipient of recipients) {
      const changed = seq !== null && this.#sql("attempt").run(seq, recipient).changes === 1;
      if (!changed) missing(`attempt recipient ${recipient} of mail ${mail}`);
    }
  }

  #settle({ mail, recipient, outcome, due, notice, now, hop }: Request<"settle">): boolean {
    const seq = this.#seq(mail);
    // The administrator has removed it meanwhile: there is no outcome to keep and nobody to tell.
    if (seq === null) return false;
    const { changes } = outcome.kind === "deferred"
      ? this.#sql("defer").run({ mail: seq, id: recipient, due, reply: outcome.reply })
      : this.#sql("finish").run({ mail: seq, id: recipient, state: outcome.kind, reply: outcome.reply });
    this.#due.waits(due);
    // Without a change it has its outcome already, and the notice with it.
    if (changes !== 0 && notice !== null) {
      this.#sql("noticeDue").run({ mail: seq, recipient, ...noticeColumns(notice) });
    }
    if (!this.#isNeeded(seq)) return !this.#delete(mail);
    const attempt = { at: now, route: null, host: null, ...hop, outcome: outcome.kind, reply: outcome.reply };
    if (changes !== 0) this.#noteAttempt(seq, recipient, attempt);
    return true;
  }

  #noteAttempt(seq: number, recipient: number, attempt: Attempt): void {
    this.#sql("noteAttempt").run({ mail: seq, recipient, ...attemptColumns(attempt) });
    this.#sql("forgetAttempts").run({ mail: seq, recipient, kept: HISTORY_KEPT });
  }

  #notify({ mail, told, notices }: Request<"notify">): boolean {
    const seq = this.#seq(mail);
    for (const { recipient, action } of told) {
      const changed = seq !== null && this.#sql("told").run(seq, recipient, action).changes === 1;
      if (!changed) missing(`tell of recipient ${recipient} of mail ${mail}`);
    }
    for (const notice of notices) this.#insert(notice);
    return seq !== null && (this.#isNeeded(seq) || !this.#delete(mail));
  }

  /** Whether a mail has anybody to go to, or something of it is still to be told. */
  #isNeeded(seq: number): boolean {
    return this.#sql("unfinished").get(seq) !== undefined || this.#sql("hasDueNotice").get(seq) !== undefined;
  }

  #expand({ mail, recipient, now, reply, members, copies, notice }: Request<"expand">): readonly QueuedRecipient[] {
    const seq = this.#seq(mail);
    const row = seq === null ? undefined : this.#sql("recipient").get(seq, recipient);
    const finish = { mail: seq, id: recipient, state: "delivered", reply };
    // What is held meanwhile goes nowhere, its members neither.
    const isOpen = row !== undefined && row["state"] !== "held";
    if (seq === null || !isOpen || this.#sql("finish").run(finish).changes === 0) {
      for (const unwanted of copies) this.#discard(unwanted);
      return [];
    }
    for (const copy of copies) this.#insert(copy);
    if (notice !== null) this.#sql("noticeDue").run({ mail: seq, recipient, ...noticeColumns(notice) });
    const added = this.#addMembers(seq, { expanded: parseRecipient(row), now, members });
    if (!this.#isNeeded(seq)) this.#delete(mail);
    return added;
  }

  #addMembers(
    seq: number,
    { expanded, now, members }: {
      readonly expanded: QueuedRecipient;
      readonly now: number;
      readonly members: Expansion["members"];
    },
  ): readonly QueuedRecipient[] {
    const there = this.#sql("recipients").all(seq).map(parseRecipient);
    // The alias may be a member of itself: then it means the account of that name.
    const addresses = new Set(
      there.filter(({ id }) => id !== expanded.id).map((each) => each.forwardPath.toLowerCase()),
    );
    let id = Math.max(...there.map((each) => each.id));
    const alias = expanded.forwardPath;
    this.#due.waits(now);
    return members.flatMap((member) => {
      const address = member.forwardPath.toLowerCase();
      if (addresses.has(address)) return [];
      addresses.add(address);
      const columns = recipientColumns({ ...member, id: ++id }, { held: false, received: now, alias });
      this.#sql("insertRecipient").run({ mail: seq, ...columns });
      return [{ ...member, id, state: "waiting", attempts: 0, due: now, lastReply: null, alias }];
    });
  }

  #discard(mail: NewMail): void {
    if (mail.content.kind === "file") this.#obsolete.push(mail.id);
  }

  #retry({ mail, now }: Request<"retry">): number {
    this.#due.waits(now);
    if (mail === null) {
      const row = this.#sql("countWaiting").get();
      this.#sql("retryAll").run(now);
      return integer(row?.["mails"]);
    }
    return this.#change("retry", { mail, recipients: null }, now) === "changed" ? 1 : 0;
  }

  #retryDomain({ domain, subdomains, now }: Request<"retryDomain">): number {
    this.#due.waits(now);
    return Number(this.#sql("retryDomain").run({ domain, subdomains: subdomains ? 1 : 0, now }).changes);
  }

  #setState(mail: string, what: "hold" | "release"): boolean {
    return this.#change(what, { mail, recipients: null }, 0) === "changed";
  }

  #remove(mail: string): boolean {
    return this.#change("delete", { mail, recipients: null }, 0) !== "unknown";
  }

  #change(verb: Request<"change">["verb"], { mail, recipients }: MailTarget, now: number): MailChange {
    const seq = this.#seq(mail);
    if (seq === null) return "unknown";
    const name = verb === "delete" ? "deleteUnfinished" : verb;
    let changes = 0;
    for (const id of recipients ?? [null]) {
      changes += Number(this.#sql(name).run({ mail: seq, id, ...verb === "retry" && { now } }).changes);
    }
    if (verb === "retry") this.#due.waits(now);
    // A mail with nobody left to go to goes, were they finished before or not.
    if (verb === "delete" && !this.#isNeeded(seq)) return this.#delete(mail) ? "changed" : "unknown";
    if (changes === 0) return "unchanged";
    if (verb !== "retry") this.#due.givenBack([mail]);
    return "changed";
  }

  #cancel({ mail, account }: Request<"cancel">): Cancelled {
    const row = this.#sql("mailById").get(mail);
    if (row?.["account"] !== account) return "unknown";
    const states = new Set(this.#load(row).recipients.map(({ state }) => state));
    if (states.has("attempting")) return "attempting";
    return (states.has("waiting") || states.has("held")) && this.#remove(mail) ? "removed" : "unknown";
  }

  #delete(mail: string): boolean {
    const row = this.#sql("mailById").get(mail);
    if (row === undefined) return false;
    const seq = integer(row["seq"]);
    this.#sql("deleteContent").run(seq);
    this.#sql("deleteRecipients").run(seq);
    this.#sql("deleteNotices").run(seq);
    this.#sql("deleteAttempts").run(seq);
    this.#sql("deleteMail").run(seq);
    if (row["in_file"] === 1) this.#obsolete.push(mail);
    return true;
  }

  #seq(mail: string): number | null {
    const row = this.#sql("mailById").get(mail);
    return row === undefined ? null : integer(row["seq"]);
  }
}

function missing(what: string): never {
  throw new SpoolError(what, "not-there");
}
