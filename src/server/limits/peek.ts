/**
 * What the limits would say of a mail, without counting anything.
 *
 * @module
 */

import { type Amounts, NO_AMOUNTS } from "../../policy/limit_usage.ts";
import { judgeLimits, type LimitFinding, type LimitScope, limitStandings } from "../../policy/limits.ts";
import type { Identity } from "../../smtp/identity.ts";
import type { LimitKeeper } from "./keeper.ts";

/** A mail that might be sent. */
export interface PeekedMail {
  readonly forwardPaths: readonly string[];
  readonly octets: number;
}

/** What one of those whose limits count would say. */
export interface Peeked {
  readonly scope: LimitScope;
  readonly subject: string;
  /** The limit that the mail breaks, or `null`. */
  readonly finding: LimitFinding | null;
  /** What is left of each limit that is set, before the mail. */
  readonly left: readonly { readonly name: string; readonly most: number; readonly left: number }[];
}

/** Judges a mail of this client as a whole. Nothing is counted or set aside. */
export function peekLimits(
  keeper: LimitKeeper,
  client: { readonly identity: Identity | null; readonly remote: string },
  { forwardPaths, octets }: PeekedMail,
): { readonly held: boolean; readonly reportOnly: boolean; readonly subjects: readonly Peeked[] } {
  const account = client.identity?.account.name ?? null;
  const hashes = account === null ? [] : forwardPaths.map((path) => keeper.uses.hashOf(account, path));
  const fresh = new Set(
    hashes.filter((hash) => account !== null && !keeper.uses.isKnown(account, hash)).map((hash) => hash.toHex()),
  );
  const want: Amounts = {
    ...NO_AMOUNTS,
    ...{ mails: 1, octets, recipients: forwardPaths.length, newRecipients: fresh.size },
  };
  const now = keeper.now();
  const subjects = keeper.subjects(client).map(({ scope, subject, values }) => {
    const use = keeper.uses.of(scope, subject);
    const left = limitStandings(values, use, now).flatMap(({ name, most, used }) =>
      most === null ? [] : [{ name, most, left: Math.max(0, most - used) }]
    );
    return { scope, subject, finding: judgeLimits(values, { use, want }, now), left };
  });
  return { held: account !== null && keeper.holds.holds(account), reportOnly: keeper.settings.reportOnly, subjects };
}
