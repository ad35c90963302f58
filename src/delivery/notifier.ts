/**
 * Tells senders what has become of their mails. Outcomes of one mail that come at one time are told together: when nothing of the mail is
 * in work any more, or a moment after the first of them where the rest takes long.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { Notice, Spool } from "../spool/spool.ts";
import { SpoolError } from "../spool/spool_error.ts";
import type { Clock } from "./clock.ts";
import { type DkimSigner, signMail } from "./dkim_signer.ts";
import { type MadeNotice, makeNotices, type NoticeSettings } from "./notice.ts";

/** What telling needs. */
export interface NotifierContext {
  readonly spool: Spool;
  readonly log: Log;
  readonly clock: Clock;
  /** As they are at the moment. */
  settings(): { readonly hostname: string; readonly notices: NoticeSettings; readonly signer: DkimSigner | null };
}

/** How long a notice waits for others of its mail. */
const PATIENCE_MS = 30_000;
/** A mail that cannot be told of because of a bug. */
const BUG_PAUSE_MS = 3_600_000;

/** Knows of which mails something is due to be told; what an earlier process has left too, once it has looked. */
export class Notifier {
  readonly #context: NotifierContext;
  /** When it is told at the latest, by mail. */
  readonly #due = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<void>>();
  #recovered = false;

  constructor(context: NotifierContext) {
    this.#context = context;
  }

  /** A notice of this mail was kept. */
  isDue(mail: string): void {
    this.#due.getOrInsert(mail, this.#context.clock.now() + PATIENCE_MS);
  }

  /** When `tellLate` has something to do; `null`: at no time. */
  next(): number | null {
    let next: number | null = null;
    for (const at of this.#due.values()) next = Math.min(next ?? at, at);
    return next;
  }

  /** Tells what has waited long enough, and at first what an earlier process has left. Rejects when the spool does not work; nothing is lost then. */
  async tellLate(): Promise<void> {
    const { spool, clock } = this.#context;
    if (!this.#recovered) {
      for (const mail of await spool.mailsToNotify()) this.#due.set(mail, 0);
      this.#recovered = true;
    }
    const now = clock.now();
    const late = [...this.#due].filter(([, at]) => at <= now).map(([mail]) => mail);
    for (const mail of late) await this.tell(mail);
  }

  /** Tells what is due of this mail, if anything. Rejects as `tellLate` does. */
  async tell(mail: string): Promise<void> {
    // One after the other: two at a time would make the same report.
    while (this.#underWay.has(mail)) await this.#underWay.get(mail)?.catch(() => {});
    if (!this.#due.has(mail)) return;
    const told = this.#tell(mail).finally(() => this.#underWay.delete(mail));
    this.#underWay.set(mail, told);
    await told;
  }

  async #tell(mail: string): Promise<void> {
    const { spool, log, clock } = this.#context;
    this.#due.delete(mail);
    try {
      const due = await spool.dueNotices(mail);
      if (due === null || due.notices.length === 0) return;
      const { hostname, notices: settings, signer } = this.#context.settings();
      const made = await makeNotices(due, { spool, hostname, settings, log, now: clock.now() });
      const signed = made.map(({ notice }) => signNotice(notice, signer, clock.now()));
      await spool.notify(mail, due.notices, await Promise.all(signed));
      for (const notice of made) this.#report(mail, notice);
    } catch (error) {
      if (!(error instanceof SpoolError)) {
        const text = error instanceof Error ? error.stack ?? error.message : String(error);
        log({ kind: "bug", where: "notices", id: mail, text });
        this.#due.set(mail, clock.now() + BUG_PAUSE_MS);
      } else if (error.problem !== "not-there") {
        this.#due.set(mail, 0);
        throw error;
      }
    }
  }

  #report(mail: string, { to, recipients }: MadeNotice): void {
    const about = recipients.map(({ forwardPath }) => forwardPath).join(" ");
    this.#context.log({ kind: "notice", mail, to, action: recipients[0].action, about });
  }
}

async function signNotice(notice: Notice, signer: DkimSigner | null, now: number): Promise<Notice> {
  if (signer === null) return notice;
  return { ...notice, content: await signMail(signer, notice.content, { reversePath: null, now }) };
}
