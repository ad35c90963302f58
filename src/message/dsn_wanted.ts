/**
 * Who is told what of a mail (RFC 3461 sections 4 and 5), and what becomes of the wishes where one address stands for others.
 *
 * @module
 */

import type { Envelope, Recipient } from "../smtp/envelope.ts";

/** What a report can say of a recipient (RFC 3464 section 2.3.3). */
export type ReportedAction = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

const KEYWORD = {
  failed: "failure",
  delayed: "delay",
  delivered: "success",
  relayed: "success",
  expanded: "success",
} as const;

/**
 * Whether the sender is to be told: nobody is behind the null reverse-path (RFC 5321 section 6.1); else as NOTIFY says, and without it of
 * failures and delays (RFC 3461 section 4.1 leaves delays open). Of `relayed` only where the hop makes no reports itself.
 */
export function isWanted(action: ReportedAction, envelope: Envelope, { notify }: Pick<Recipient, "notify">): boolean {
  if (envelope.reversePath === null) return false;
  if (notify === null) return action === "failed" || action === "delayed";
  return notify.includes(KEYWORD[action]);
}

/** Whether the whole mail goes back. Without RET the header section is enough, and RET is for failures alone (RFC 3461 section 4.3). */
export function returnsFull({ ret }: Pick<Envelope, "ret">, actions: readonly ReportedAction[]): boolean {
  return ret === "full" && actions.includes("failed");
}

/**
 * The wishes for each of several addresses that one stands for (RFC 3461 section 5.2.7.3 c): who sent the mail is told once that it was
 * expanded, then no more of success. An alias with one address passes `notify` on as it is (section 5.2.7.2): `single`.
 */
export function wishesOfMember(
  { notify, orcpt, forwardPath }: Pick<Recipient, "notify" | "orcpt" | "forwardPath">,
  { single }: { readonly single: boolean },
): Pick<Recipient, "notify" | "orcpt"> {
  const original = orcpt ?? `${ASCII_REGEXP.test(forwardPath) ? "rfc822" : "utf-8"};${forwardPath}`;
  if (single || notify === null) return { notify, orcpt: original };
  const rest = notify.filter((word) => word !== "success");
  return { notify: rest.length === 0 ? ["never"] : rest, orcpt: original };
}

const ASCII_REGEXP = /^[ -~]*$/;
