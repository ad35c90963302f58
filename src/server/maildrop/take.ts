/**
 * One mail out of the maildrop into the spool: who sends it, to whom, and its content as the next hop has to get it.
 *
 * @module
 */

import type { DkimSigner, SigningMail } from "../../delivery/dkim_signer.ts";
import { completeHeader } from "../../message/complete.ts";
import { formatDate } from "../../message/date.ts";
import { authorsOf, formatAuthor, qualifyAddresses } from "../../message/field_addresses.ts";
import { HeaderReader, type HeaderSplit } from "../../message/header.ts";
import { LineEnds } from "../../message/line_ends.ts";
import { formatLocalReceived } from "../../message/received.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import { type MasqueradeRules, rewriteAddress } from "../../policy/masquerade.ts";
import { rewriteEnvelope, rewriteHeader } from "../../policy/rewriting.ts";
import type { Envelope } from "../../smtp/envelope.ts";
import { domainOf, formatMailbox, parseMailbox } from "../../smtp/path.ts";
import type { Spool, SpoolDraft } from "../../spool/spool.ts";
import type { MaildropEnvelope } from "./format.ts";
import { ContentTooLarge, type OpenedMail } from "./open_file.ts";
import type { LimitKeeper } from "../limits/keeper.ts";
import { findSender, homeDomain, isOwn, type LocalSender, type SenderSettings } from "./sender.ts";
import type { SystemName } from "./system_names.ts";

/** What taking needs beside the file. */
export interface TakeSettings extends SenderSettings {
  readonly spool: Pick<Spool, "draft" | "hasSpace">;
  readonly signer: DkimSigner;
  readonly limits: Pick<LimitKeeper, "holds" | "countLocal" | "holdLate">;
  readonly hideClient: boolean;
  readonly removeBcc: boolean;
  /** `null`: addresses stay. */
  readonly masquerade: MasqueradeRules | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What became of a file. */
export type Taken =
  | {
    readonly kind: "taken";
    readonly mail: string;
    readonly sender: LocalSender;
    readonly envelope: Envelope;
    readonly octets: number;
  }
  /** Not now, for a reason that goes away by itself. */
  | { readonly kind: "later"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

type NotTaken = Exclude<Taken, { readonly kind: "taken" }>;

/** Takes a mail. `source` is its own for ever: a mail that was committed under it before is not taken twice. */
export async function takeMail(
  opened: OpenedMail,
  { source, user }: { readonly source: string; readonly user: SystemName },
  settings: TakeSettings,
): Promise<Taken> {
  if (!settings.spool.hasSpace()) return { kind: "later", why: "too little space is free for the queue" };
  const sender = await findSender(user, settings);
  if (!sender.ok) return later(sender.problem);
  const envelope = envelopeOf(opened.envelope, sender.value, settings);
  if (!envelope.ok) return { kind: "refused", why: envelope.problem };
  const { masquerade } = settings;
  const sent = masquerade === null ? envelope.value : rewriteEnvelope(masquerade, envelope.value);
  const { limits } = settings;
  const held = limits.holds.holds(sender.value.name);
  const draft = await settings.spool.draft(sent, sender.value.name, { held, source });
  await using _draft = draft;
  const message = new LocalMessage(draft, {
    asked: opened.envelope,
    envelope: envelope.value,
    reversePath: sent.reversePath,
    sender: sender.value,
    settings,
  });
  try {
    for await (const piece of opened.content()) {
      const problem = await message.write(piece);
      if (problem !== null) return problem;
    }
  } catch (error) {
    if (!(error instanceof ContentTooLarge)) throw error;
    return { kind: "refused", why: error.message };
  }
  const problem = await message.finish();
  if (problem !== null) return problem;
  const committed = await draft.commit(await message.signature());
  if (!committed.ok) return later(`the queue cannot keep it: ${committed.problem}`);
  const forwardPaths = envelope.value.recipients.map(({ forwardPath }) => forwardPath);
  limits.countLocal(sender.value.name, forwardPaths, message.octets);
  if (!held && limits.holds.holds(sender.value.name)) limits.holdLate(committed.value);
  return {
    kind: "taken",
    mail: committed.value,
    sender: sender.value,
    envelope: sent,
    octets: message.octets,
  };
}

function later(why: string): NotTaken {
  return { kind: "later", why };
}

function envelopeOf(asked: MaildropEnvelope, sender: LocalSender, settings: SenderSettings): Result<Envelope, string> {
  const domain = homeDomain(settings);
  const reversePath = asked.reversePath === "" ? null : qualified(asked.reversePath ?? sender.name, domain);
  if (reversePath === null && asked.reversePath !== "") return fail("its reverse-path is no address");
  const paths = asked.recipients.map(({ address }) => qualified(address, domain));
  const bad = asked.recipients.find((_recipient, at) => paths[at] === null);
  if (bad !== undefined) return fail(`${printable(bad.address)} is no address`);
  return succeed({
    reversePath,
    recipients: asked.recipients.map(({ notify, orcpt }, at) => ({
      id: at + 1,
      forwardPath: paths[at] ?? "",
      notify,
      orcpt,
    })),
    body: "8bitmime",
    smtputf8: asked.smtputf8 || [reversePath, ...paths].some((path) => path !== null && !isAscii(path)),
    declaredSizeOctets: null,
    ret: asked.ret,
    envid: asked.envid,
  });
}

/** As it stands on the wire, with a domain; `null`: it is no address. */
function qualified(address: string, domain: string): string | null {
  const mailbox = parseMailbox(address);
  return mailbox === null ? null : formatMailbox({ local: mailbox.local, domain: mailbox.domain ?? domain });
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- ASCII as a whole is meant
  return /^[\x00-\x7f]*$/.test(text);
}

interface MessageFacts {
  readonly asked: MaildropEnvelope;
  /** As it was asked for. */
  readonly envelope: Envelope;
  /** As it goes out. */
  readonly reversePath: string | null;
  readonly sender: LocalSender;
  readonly settings: TakeSettings;
}

/** Content on its way. */
class LocalMessage {
  readonly #draft: SpoolDraft;
  readonly #facts: MessageFacts;
  readonly #ends = new LineEnds();
  #header: HeaderReader | null = new HeaderReader();
  #octets = 0;
  #signing: SigningMail | null = null;

  constructor(draft: SpoolDraft, facts: MessageFacts) {
    this.#draft = draft;
    this.#facts = facts;
  }

  /** How many octets went to the spool. */
  get octets(): number {
    return this.#octets;
  }

  /** What goes over the start of the mail, once all of it is written. */
  async signature(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#signing?.finish();
  }

  async write(piece: Uint8Array): Promise<NotTaken | null> {
    return await this.#push(this.#ends.push(piece));
  }

  async finish(): Promise<NotTaken | null> {
    const problem = await this.#push(this.#ends.finish());
    return problem ?? (this.#header === null ? null : await this.#begin(this.#header.finish()));
  }

  async #push(octets: Uint8Array<ArrayBuffer>): Promise<NotTaken | null> {
    if (this.#header === null) {
      await this.#storeBody(octets);
      return null;
    }
    const split = this.#header.push(octets);
    return split === null ? null : await this.#begin(split);
  }

  async #begin({ header, rest }: HeaderSplit): Promise<NotTaken | null> {
    this.#header = null;
    const { settings, asked } = this.#facts;
    const { masquerade } = settings;
    const domain = homeDomain(settings);
    const remarks = await this.#remarks(qualifyAddresses(header, domain));
    if (!remarks.ok) return later(remarks.problem);
    const rewritten = masquerade === null ? header : rewriteHeader(masquerade, header);
    const completed = completeHeader(qualifyAddresses(rewritten, domain), {
      received: this.#received(),
      remarks: remarks.value,
      removeBcc: asked.removeBcc || settings.removeBcc,
      submission: {
        date: formatDate(settings.now),
        messageId: `<${this.#draft.id}@${this.#messageDomain()}>`,
        from: this.#author(),
      },
    });
    if (!completed.ok) return { kind: "refused", why: "it has 100 Received fields: a loop" };
    const { reversePath } = this.#facts;
    // Our name is not put under what somebody may have written in the name of another.
    const signer = remarks.value === "" ? settings.signer : null;
    this.#signing = signer?.begin({ header: completed.value, rest }, { reversePath, now: settings.now }) ?? null;
    if (this.#signing !== null) await this.#store(this.#signing.room);
    await this.#store(completed.value);
    await this.#store(rest);
    return null;
  }

  #received(): string {
    const { envelope: { recipients: [only, ...others], smtputf8 }, sender: { user }, settings } = this.#facts;
    return formatLocalReceived({
      ...{ user: user.name, uid: user.uid, smtputf8, hideClient: settings.hideClient, hostname: settings.hostname },
      id: this.#draft.id,
      forwardPath: only !== undefined && others.length === 0 ? only.forwardPath : null,
      at: settings.now,
    });
  }

  #author(): string {
    const { asked, envelope, sender, settings: { masquerade } } = this.#facts;
    const name = asked.fullName ?? sender.user.fullName;
    const own = envelope.reversePath ?? sender.name;
    const address = masquerade === null ? own : rewriteAddress(masquerade, own, "header-sender").address;
    return formatAuthor(name === null ? null : printable(name), address);
  }

  #messageDomain(): string {
    const domain = domainOf(this.#facts.reversePath ?? "");
    return domain === null || domain.startsWith("[") ? this.#facts.settings.hostname : domain;
  }

  /** What sendmail says when somebody sends in the name of another. */
  async #remarks(header: Uint8Array): Promise<Result<string, string>> {
    const { asked, envelope, sender, settings } = this.#facts;
    if (sender.trusted) return succeed("");
    const remarks: string[] = [];
    if (asked.reversePath !== null) {
      const own = envelope.reversePath === null ? succeed(false) : await isOwn(envelope.reversePath, sender, settings);
      if (!own.ok) return own;
      if (!own.value) remarks.push(`set sender to <${envelope.reversePath ?? ""}> using -f`);
    }
    for (const author of authorsOf(header)) {
      const own = await isOwn(author, sender, settings);
      if (!own.ok) return own;
      if (!own.value) remarks.push(`wrote <${author}> into From`);
    }
    const start = `X-Authentication-Warning: ${settings.hostname}: ${sender.user.name}`;
    return succeed(remarks.map((remark) => `${start}\r\n ${fieldText(remark)}\r\n`).join(""));
  }

  async #storeBody(octets: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#signing?.update(octets);
    await this.#store(octets);
  }

  async #store(octets: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#octets += octets.length;
    if (octets.length > 0) await this.#draft.write(octets);
  }
}

/** Fit for a line of an ASCII header section. */
function fieldText(text: string): string {
  return text.slice(0, 400).replace(/[^\x20-\x7e]/gu, "?");
}
