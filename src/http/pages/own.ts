/**
 * What belongs to the person who is signed in.
 *
 * @module
 */

import { parseAddress } from "../../accounts/account_name.ts";
import type { UserName } from "../../backend.ts";
import type { Session } from "../../records/records.ts";
import type { Spool } from "../../spool/spool.ts";

/** More than any person has waiting; a count that reaches it is shown with a plus sign. */
const MOST_COUNTED = 1000;

/** The account as a name. Throws for a session whose account is none: it was not made by a sign-in. */
export function ownName({ account }: Pick<Session, "account">): UserName {
  const name = parseAddress(account);
  if (name === null) throw new TypeError("Cannot split the name of an account that is signed in");
  return name;
}

/** How many mails of an account are not finished, as it is shown. */
export async function ownWaiting(spool: Pick<Spool, "list">, account: string): Promise<string> {
  const mails = await spool.list({ account }, { after: null, count: MOST_COUNTED });
  return mails.length === MOST_COUNTED ? `${MOST_COUNTED}+` : String(mails.length);
}
