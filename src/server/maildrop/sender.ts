/**
 * Who sends a mail of the maildrop: the owner of its file, and what that user may call itself.
 *
 * @module
 */

import type { Account, Answer, UserName } from "../../backend.ts";
import { toAscii } from "../../lib/domain.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { canonicalLocal, type LocalRecipients } from "../../policy/local_recipients.ts";
import { parseMailbox } from "../../smtp/path.ts";
import type { SystemName } from "./system_names.ts";

/** What is asked to find a sender. */
export interface SenderSettings {
  readonly hostname: string;
  readonly defaultRealm: string;
  readonly localDomains: readonly string[];
  readonly trustedUsers: readonly string[];
  readonly recipients: Pick<LocalRecipients, "resolve">;
  lookup(name: UserName, signal: AbortSignal): Promise<Answer>;
  readonly signal: AbortSignal;
}

/** A user of this machine, as a sender. */
export interface LocalSender {
  readonly user: SystemName;
  /** `null`: the user has none, and is `NAME@HOSTNAME`. */
  readonly account: Account | null;
  /** The identity by which the mail is counted, and the reverse-path where no other is asked for. */
  readonly name: string;
  /** May send in the name of others without a remark. */
  readonly trusted: boolean;
}

/** Finds the sender; the problem is an outage: the mail has to wait. */
export async function findSender(user: SystemName, settings: SenderSettings): Promise<Result<LocalSender, string>> {
  const { hostname, defaultRealm, trustedUsers } = settings;
  const answer = await settings.lookup({ local: user.name, realm: defaultRealm }, settings.signal);
  if (answer.kind === "unavailable") return fail(answer.cause);
  const account = answer.kind === "known" ? answer.account : null;
  const trusted = trustedUsers.includes(user.name) || user.uid === 0 || user.uid === Deno.uid();
  return succeed({ user, account, name: account?.name ?? `${user.name}@${hostname}`, trusted });
}

/** The domain of a local part that stands alone, in an address or on a command line. */
export function homeDomain({ hostname, defaultRealm, localDomains }: SenderSettings): string {
  return localDomains.includes(defaultRealm) ? defaultRealm : localDomains[0] ?? hostname;
}

/** Whether an address is one of the sender's own. The problem is an outage. */
export async function isOwn(
  address: string,
  sender: LocalSender,
  settings: SenderSettings,
): Promise<Result<boolean, string>> {
  const mailbox = parseMailbox(address);
  const domain = mailbox?.domain === null ? homeDomain(settings) : toAscii(mailbox?.domain ?? "");
  if (mailbox === null || domain === null) return succeed(false);
  const { account, user } = sender;
  const written = `${canonicalLocal(mailbox.local)}@${domain}`;
  if (account !== null && covers([account.name, ...account.addresses], written)) return succeed(true);
  if (settings.localDomains.includes(domain)) {
    // Mail for a name that is an alias may go to others; the name is its user's all the same.
    const found = await settings.recipients.resolve(written, settings.signal, { expanded: true });
    if (found.kind === "unavailable") return fail(found.cause);
    if (found.kind === "local") return succeed(account !== null && found.account.name === account.name);
  }
  const home = [settings.hostname, settings.defaultRealm, ...settings.localDomains];
  return succeed(canonicalLocal(mailbox.local) === canonicalLocal(user.name) && home.includes(domain));
}

/** By the addresses of an account; `@domain` and `*` stand for many. */
function covers(addresses: readonly string[], written: string): boolean {
  return addresses.some((address) => {
    if (address === "*") return true;
    const at = address.lastIndexOf("@");
    const canonical = `${canonicalLocal(address.slice(0, Math.max(at, 0)))}@${toAscii(address.slice(at + 1)) ?? ""}`;
    return at === 0 ? written.endsWith(canonical) : written === canonical;
  });
}
