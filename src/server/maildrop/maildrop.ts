/**
 * Empties the maildrop: at the start, soon after something has changed in it, and every few seconds for what had to wait. By a look at the
 * folder: `Deno.watchFs` opens what it hears of, and a pipe that nobody writes to stops the whole program there.
 *
 * @module
 */

import { signMail } from "../../delivery/dkim_signer.ts";
import { printable } from "../../lib/text.ts";
import type { Log } from "../../log/event.ts";
import type { Spool } from "../../spool/spool.ts";
import type { Generation } from "../generation.ts";
import type { MaildropFolder } from "./folder.ts";
import { isReadyName, isUnfinishedName, READY_SUFFIX } from "./format.ts";
import { type OpenedMail, openMail } from "./open_file.ts";
import { refusalMail } from "./refusal.ts";
import { findSender, type SenderSettings } from "./sender.ts";
import { type SystemName, systemNames } from "./system_names.ts";
import { takeMail, type TakeSettings } from "./take.ts";

/** What it works with. */
export interface MaildropParts {
  readonly folder: MaildropFolder;
  readonly spool: Spool;
  readonly log: Log;
  /** The configuration in force. */
  current(): Generation;
}

/** How soon a new file is seen. */
const LOOK_MS = 400;
/** Looks that pass until the folder is read although nothing has changed. */
const IDLE_LOOKS = 12;
/** Within this a file system may give two changes one time. */
const SAME_TIME_MS = 1_500;
/** Some files that come together are taken together, and their mails share an fsync. */
const AT_ONCE = 16;
const HOUR_MS = 3_600_000;
const UNFINISHED_MS = 24 * HOUR_MS;
const REFUSED_MS = 30 * 24 * HOUR_MS;
const REFUSED_SUFFIX = ".refused";

/** The look-out for mails that programs leave, until it is disposed. */
export class Maildrop implements AsyncDisposable {
  readonly #parts: MaildropParts;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Told once, however often they are looked at. */
  readonly #told = new Set<string>();
  #wake: () => void = () => {};
  #swept = 0;

  constructor(parts: MaildropParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Ends after the mails that are being taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const began = Date.now();
      await this.#scan().catch((error: unknown) => {
        this.#tellOnce("scan", "warning", `Cannot look into the maildrop: ${reasonOf(error)}`);
      });
      await this.#untilChanged(began);
    }
  }

  /** Waits until the folder may hold something new, or what waits has to be looked at again. */
  async #untilChanged(since: number): Promise<void> {
    for (let looks = 0; looks < IDLE_LOOKS && !this.#stop.signal.aborted; looks++) {
      await this.#sleep();
      const { mtime } = await Deno.lstat(this.#parts.folder.path).catch(() => ({ mtime: null }));
      if (mtime === null || mtime.getTime() > since - SAME_TIME_MS) return;
    }
  }

  async #sleep(): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, LOOK_MS);
    this.#wake = over.resolve;
    await over.promise;
    clearTimeout(timer);
  }

  async #scan(): Promise<void> {
    const names: string[] = [];
    const { path } = this.#parts.folder;
    const sweep = Date.now() - this.#swept > HOUR_MS;
    for await (const { name } of Deno.readDir(path)) {
      if (isReadyName(name)) names.push(name);
      else if (sweep) await this.#sweep(name);
    }
    if (sweep) this.#swept = Date.now();
    if (names.length === 0) return;
    const userOf = await systemNames();
    for (let at = 0; at < names.length && !this.#stop.signal.aborted; at += AT_ONCE) {
      await Promise.all(names.slice(at, at + AT_ONCE).map((name) => this.#look(name, userOf)));
    }
  }

  /** Never rejects: one file keeps no other waiting. */
  async #look(name: string, userOf: (uid: number) => SystemName): Promise<void> {
    const generation = this.#parts.current();
    using _use = generation.use();
    try {
      const { path, gid } = this.#parts.folder;
      const limitOctets = generation.config.limits.messageSize;
      const opened = await openMail(`${path}/${name}`, { gid, limitOctets });
      if (opened.ok) {
        await using mail = opened.value;
        return await this.#take(mail, { name, user: userOf(mail.uid), generation });
      }
      if (opened.problem.kind === "gone") return;
      const { why, owner } = opened.problem;
      await this.#refuse(name, { why, user: owner === null ? null : userOf(owner), generation });
    } catch (error) {
      this.#tellOnce(name, "warning", `Cannot take ${name} out of the maildrop yet: ${reasonOf(error)}`);
    }
  }

  async #take(
    opened: OpenedMail,
    { name, user, generation }: { readonly name: string; readonly user: SystemName; readonly generation: Generation },
  ): Promise<void> {
    const taken = await takeMail(opened, { source: `maildrop:${name}`, user }, this.#settings(generation));
    switch (taken.kind) {
      case "later":
        return this.#tellOnce(name, "warning", `A mail of ${user.name} waits in the maildrop: ${taken.why}`);
      case "refused":
        return await this.#refuse(name, { why: taken.why, user, generation });
      case "taken": {
        await Deno.remove(`${this.#parts.folder.path}/${name}`);
        this.#told.delete(name);
        const { mail, sender, envelope, octets } = taken;
        this.#parts.log({
          ...{ kind: "accepted-mail", mail, session: `maildrop-${name.slice(0, 8)}`, remote: "localhost" },
          ...{ account: sender.name, reversePath: envelope.reversePath ?? "" },
          ...{ recipients: envelope.recipients.length, octets },
        });
      }
    }
  }

  /** Puts a file aside; its owner and the administrator are told. */
  async #refuse(
    name: string,
    { why, user, generation }: {
      readonly why: string;
      readonly user: SystemName | null;
      readonly generation: Generation;
    },
  ): Promise<void> {
    const { path } = this.#parts.folder;
    const aside = `${path}/${name.slice(0, -READY_SUFFIX.length)}${REFUSED_SUFFIX}`;
    // Before it is put aside: after a crash between the two the source says that it was told.
    if (user !== null) await this.#notify(user, { name, aside, why, generation });
    const of = user === null ? "" : ` of ${user.name}`;
    this.#tellOnce(name, "alarm", `A mail${of} in the maildrop is not sent, see ${aside}: ${printable(why)}`);
    await Deno.rename(`${path}/${name}`, aside);
    this.#told.delete(name);
  }

  async #notify(
    user: SystemName,
    { name, aside, why, generation }: {
      readonly name: string;
      readonly aside: string;
      readonly why: string;
      readonly generation: Generation;
    },
  ): Promise<void> {
    const { hostname } = generation.config;
    const sender = await findSender(user, this.#settings(generation));
    const to = sender.ok ? sender.value.name : `${user.name}@${hostname}`;
    const id = crypto.randomUUID();
    const now = Date.now();
    const { envelope, content } = refusalMail({ hostname, to, file: aside, why, id, now });
    const source = `maildrop-refused:${name}`;
    await using draft = await this.#parts.spool.draft(envelope, null, { held: false, source });
    await draft.write(await signMail(generation.parts.signer, content, { reversePath: null, now }));
    await draft.commit();
  }

  #settings({ config, parts }: Generation): TakeSettings & SenderSettings {
    const { hostname, defaultRealm, localDomains, message, sendmail } = config;
    return {
      ...{ hostname, defaultRealm, localDomains, trustedUsers: sendmail.trustedUsers },
      recipients: parts.localRecipients,
      lookup: (name, signal) => parts.authenticator.lookup(name, signal),
      signal: this.#stop.signal,
      spool: this.#parts.spool,
      limits: parts.limits,
      signer: parts.signer,
      hideClient: message.hideClient,
      removeBcc: message.removeBcc,
      masquerade: config.masquerade,
      now: Date.now(),
    };
  }

  /** Removes what was never finished, and what was refused long ago. */
  async #sweep(name: string): Promise<void> {
    const limitMs = isUnfinishedName(name) ? UNFINISHED_MS : name.endsWith(REFUSED_SUFFIX) ? REFUSED_MS : null;
    if (limitMs === null) return;
    const path = `${this.#parts.folder.path}/${name}`;
    try {
      const { mtime, isDirectory } = await Deno.lstat(path);
      if (!isDirectory && mtime !== null && Date.now() - mtime.getTime() > limitMs) await Deno.remove(path);
    } catch {
      // Its program has finished or removed it meanwhile.
    }
  }

  #tellOnce(about: string, kind: "warning" | "alarm", text: string): void {
    if (this.#told.has(about)) return;
    this.#told.add(about);
    this.#parts.log({ kind, about: "maildrop", text });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}
