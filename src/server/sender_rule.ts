/**
 * The sender rule at work: at MAIL, and over the header section once it is here.
 *
 * @module
 */

import type { Config, ListenerConfig } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import type { AliasTable } from "../policy/alias_table.ts";
import { isDeviceAccount } from "../policy/devices.ts";
import { type OwnAddresses, ownAddresses, type SenderMode, senderMode } from "../policy/sender.ts";
import { judgeSenderFields, rewriteSenderFields, type SenderFieldsFinding } from "../policy/sender_fields.ts";
import type { Identity } from "../smtp/identity.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { Verdict } from "../smtp/session_state.ts";
import type { HeaderJudge } from "./content.ts";

/** What the rule needs. */
export interface SenderRuleParts {
  readonly config: Pick<Config, "sender" | "localDomains" | "defaultRealm" | "postmaster" | "localRecipients">;
  /** The aliases of now; `null`: they cannot be told. */
  readonly aliases: () => Promise<AliasTable | null>;
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

/** The sender rule of one configuration. Nobody without an account is under it. */
export class SenderRule {
  readonly #parts: SenderRuleParts;

  constructor(parts: SenderRuleParts) {
    this.#parts = parts;
  }

  /** Judges a reverse-path. The null one is everybody's: reports and receipts have it. */
  async judgeReversePath(reversePath: string | null, sending: Sending): Promise<Verdict> {
    const mode = this.#modeOf(sending);
    if (sending.identity === null || mode === "off" || reversePath === null) return { kind: "accept" };
    const own = await this.#addressesOf(sending.identity);
    if (own.allows(reversePath)) return { kind: "accept" };
    const rule = foreignText("the reverse-path", reversePath, own);
    if (mode === "reject") return { kind: "refuse", reply: REPLIES.senderNotOwn, rule };
    this.#tell(sending, { id: sending.session, mode, why: rule });
    return mode === "report" ? { kind: "accept" } : { kind: "accept", reversePath: own.primary };
  }

  /** What judges the header section of a mail; `null`: nothing does. */
  async headerJudge(sending: Sending): Promise<HeaderJudge | null> {
    const mode = this.#modeOf(sending);
    if (sending.identity === null || mode === "off") return null;
    const own = await this.#addressesOf(sending.identity);
    return ({ header, rest }, mail) => {
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

  async #addressesOf({ account }: Identity): Promise<OwnAddresses> {
    const { config, aliases } = this.#parts;
    return ownAddresses(account, {
      ...config,
      recipientDelimiter: config.sender.recipientDelimiter,
      aliases: await aliases(),
    });
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
