/**
 * An alias becomes its members: at delivery, not at acceptance, and in one transaction of the spool, so that a crash leaves either the
 * alias or all of its members.
 *
 * @module
 */

import { wishesOfMember } from "../message/dsn_wanted.ts";
import type { AliasGroup } from "../policy/alias_table.ts";
import type { Recipient } from "../smtp/envelope.ts";
import type { Log } from "../log/event.ts";
import type { DeliveryOutcome, Expansion, QueuedMail, QueuedRecipient, Spool } from "../spool/spool.ts";
import type { Clock } from "./clock.ts";
import { noticeOfExpansion } from "./due_notice.ts";

/** RFC 3463: X.2.4 is for lists that cannot be expanded. */
export const NO_MEMBERS: DeliveryOutcome = {
  kind: "failed",
  ours: true,
  enhanced: "5.2.4",
  reply: "550 5.2.4 There is nobody on the list",
};

/**
 * Who gets the mail in the place of a recipient. Members of a list with an owner get a mail of their own whose reports go to that owner
 * (RFC 5321 section 3.9.2); behind the null reverse-path nobody is put. `null`: there are no members.
 */
export function expansionOf(
  { envelope }: QueuedMail,
  recipient: Recipient,
  groups: readonly AliasGroup[],
): Expansion | null {
  const count = groups.reduce((sum, { members }) => sum + members.length, 0);
  if (count === 0) return null;
  const owned = groups.filter(({ owner }) => owner !== null && envelope.reversePath !== null);
  const plain = groups.filter((group) => !owned.includes(group)).flatMap(({ members }) => members);
  const wishes = wishesOfMember(recipient, { single: count === 1 });
  return {
    reply: `250 2.1.5 Expanded into ${count} ${count === 1 ? "address" : "addresses"}`,
    members: plain.map((forwardPath) => ({ forwardPath, ...wishes })),
    copies: owned.map(({ owner, members }) => ({
      ...envelope,
      // The list is where the sender's wishes end (RFC 3461 section 5.2.7.4).
      ...{ reversePath: owner, ret: null, envid: null },
      recipients: members.map((forwardPath, at) => ({ id: at + 1, forwardPath, notify: null, orcpt: null })),
    })),
  };
}

/** Keeps an expansion; the result is who was added to the mail. Rejects with a `SpoolError`. */
export async function expandDurably(
  mail: QueuedMail,
  { recipient, expansion, groups }: {
    readonly recipient: QueuedRecipient;
    readonly expansion: Expansion;
    readonly groups: readonly AliasGroup[];
  },
  { spool, log, clock }: { readonly spool: Pick<Spool, "expand">; readonly log: Log; readonly clock: Clock },
): Promise<readonly QueuedRecipient[]> {
  const isSingle = groups.reduce((sum, { members }) => sum + members.length, 0) === 1;
  const notice = isSingle ? null : noticeOfExpansion(mail, recipient, clock.now());
  const added = await spool.expand(mail.id, recipient.id, expansion, { notice });
  log({
    ...{ kind: "delivery", mail: mail.id, recipient: recipient.forwardPath, route: "alias", host: "" },
    ...{ outcome: "delivered", reply: expansion.reply, attempts: recipient.attempts + 1, next: null, ms: null },
  });
  return added;
}
