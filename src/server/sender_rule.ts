/**
 * The sender rule at work: at MAIL, and over the header section once it is here.
 *
 * @module
 */

import type { Account, Answer, UserName } from "../backend.ts";
import type { Config, ListenerConfig } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import type { AliasTable } from "../policy/alias_table.ts";
import { isDeviceAccount } from "../policy/devices.ts";
import { type OwnAddresses, ownAddresses, type SenderMode, senderMode } from "../policy/sender.ts";
import {
  judgeSenderFields,
  rewriteSenderFields,
  senderFieldAddresses,
  type SenderFieldsFinding,
} from "../policy/sender_fields.ts";
import type { Identity } from "../smtp/identity.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { Verdict } from "../smtp/session_state.ts";
import type { HeaderJudge } from "./content.ts";

/** What the rule needs. */
export interface SenderRuleParts {
  readonly config: Pick<Config, "sender" | "localDomains" | "defaultRealm" | "postmaster" | "localRecipients">;
  /** The aliases of now; `null`: they cannot be told. */
  readonly aliases: () => Promise<AliasTable | null>;
  /** Whether there is such an account. */
  readonly lookup: (user: UserName, signal: AbortSignal) => Promise<Answer>;
  readonly log: Log;
}

/** Who sends, and where. */
export interface Sending {
  readonly identity: Identity | null;
  readonly listener: Pick<ListenerConfig, "sender">;
  readonly remote: string;
  /** For the log. */
  readonly session: string;
  /** In a simulation: told what would be logged, and nothing is logged or counted. */
  readonly note?: (text: string) => void;
}

/** How many of an account's addresses a line of the log names. */
const SHOWN = 5;
/** RFC 6761 section 6.4 */
const NO_REALM = "realm.invalid";

/** The sender rule of one configuration. Nobody without an account is under it. */
export class SenderRule {
  readonly #parts: SenderRuleParts;

  constructor(parts: SenderRuleParts) {
    this.#parts = parts;
  }

  /** Judges a reverse-path. The null one is everybody's: reports and receipts have it. */
  async judgeReversePath(reversePath: string | null, sending: Sending, signal: AbortSignal): Promise<Verdict> {
    const mode = this.#modeOf(sending);
    if (sending.identity === null || mode === "off" || reversePath === null) return { kind: "accept" };
    const { own, outage } = await this.#addressesOf(sending.identity, [reversePath], signal);
    if (outage !== null && mode !== "report") return { kind: "refuse", reply: REPLIES.senderUnavailable, rule: outage };
    if (own.allows(reversePath)) return { kind: "accept" };
    const rule = foreignText("the reverse-path", reversePath, own);
    if (mode === "reject") return { kind: "refuse", reply: REPLIES.senderNotOwn, rule };
    this.#tell(sending, { id: sending.session, mode, why: rule });
    return mode === "report" ? { kind: "accept" } : { kind: "accept", reversePath: own.primary };
  }

  /** What judges the header section of a mail; `null`: nothing does. */
  headerJudge(sending: Sending): HeaderJudge | null {
    const mode = this.#modeOf(sending);
    const { identity } = sending;
    if (identity === null || mode === "off") return null;
    return async ({ header, rest }, mail) => {
      // Backends have deadlines of their own.
      const { signal } = new AbortController();
      const { own, outage } = await this.#addressesOf(identity, senderFieldAddresses(header), signal);
      if (outage !== null && mode !== "report") {
        return { kind: "refused", reply: REPLIES.senderUnavailable, rule: outage };
      }
      const finding = judgeSenderFields(header, own);
      const cut = rest.length > 0 && !(rest[0] === 0x0d && rest[1] === 0x0a);
      if (finding.kind === "own" && !cut) return { kind: "accept", header };
      const why = cut ? "the header section is too long to be read" : textOf(finding, own);
      // What cannot be read cannot be written anew either.
      if (mode === "reject" || (cut && mode === "rewrite")) {
        return { kind: "refused", reply: REPLIES.senderNotOwn, rule: why };
      }
      this.#tell(sending, { id: mail, mode, why });
      return { kind: "accept", header: mode === "rewrite" ? rewriteSenderFields(header, own) : header };
    };
  }

  /** Devices often cannot be set up properly: their header fields are put right whatever holds for others. MAIL is judged before. */
  #modeOf({ identity, listener }: Sending): SenderMode {
    if (identity !== null && isDeviceAccount(identity.account)) return "rewrite";
    const { accounts } = this.#parts.config.sender;
    return senderMode(identity?.account.name ?? "", { listener: listener.sender, accounts });
  }

  /** The account's addresses, as far as these are concerned. `outage`: why it cannot be told whether one of them is somebody else's. */
  async #addressesOf(
    { account }: Identity,
    addresses: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly own: OwnAddresses; readonly outage: string | null }> {
    const { config, aliases } = this.#parts;
    const facts = { ...config, recipientDelimiter: config.sender.recipientDelimiter, aliases: await aliases() };
    const own = ownAddresses(account, facts);
    if (facts.aliases === null && addresses.some((address) => !own.allows(address))) {
      return { own, outage: "look-up failed: the aliases file cannot be read" };
    }
    const names = new Set(addresses.map((address) => own.namesake(address)).filter((name) => name !== null));
    const taken = new Set<string>();
    for (const name of names) {
      const other = await this.#isOther(account, name, signal);
      if (typeof other === "string") return { own, outage: other };
      if (other) taken.add(name);
    }
    return { own: taken.size === 0 ? own : ownAddresses(account, { ...facts, taken }), outage: null };
  }

  /** Whether there is an account of this name beside ours; or why that cannot be told. */
  async #isOther({ name: ours, backend }: Account, name: string, signal: AbortSignal): Promise<boolean | string> {
    const at = name.lastIndexOf("@");
    const user = { local: name.slice(0, at), realm: name.slice(at + 1) };
    const answer = await this.#parts.lookup(user, signal);
    if (answer.kind === "unavailable") return `look-up failed: ${answer.cause}`;
    if (answer.kind !== "known" || answer.account.name === ours) return false;
    // Who is known in a realm that cannot be is the same person in each: that backend does not look at realms.
    const anywhere = await this.#parts.lookup({ local: user.local, realm: NO_REALM }, signal);
    return !(anywhere.kind === "known" && anywhere.account.backend === answer.account.backend &&
      backend === answer.account.backend);
  }

  #tell(
    { identity, remote, note }: Sending,
    { id, mode, why }: { readonly id: string; readonly mode: SenderMode; readonly why: string },
  ): void {
    if (note !== undefined) return note(`${mode === "rewrite" ? "rewritten" : "reported"}: ${why}`);
    const account = identity?.account.name ?? "";
    this.#parts.log({
      ...{ kind: "foreign-sender", id, remote, account, why },
      action: mode === "rewrite" ? "rewritten" : "reported",
    });
  }
}

function textOf(finding: SenderFieldsFinding, own: OwnAddresses): string {
  switch (finding.kind) {
    case "own":
      return "";
    case "foreign":
      return foreignText(finding.field, finding.address, own);
    case "unclear":
      return `${finding.field}: ${finding.why}`;
  }
}

function foreignText(where: string, address: string, { written }: OwnAddresses): string {
  const more = written.length - SHOWN;
  const list = `${written.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `sender rule: ${where} is ${address}; the account sends as ${list}, its aliases, and its name in local_domains`;
}
