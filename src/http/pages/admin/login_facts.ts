/**
 * What is known of a login in the log, so that it can be told step by step.
 *
 * @module
 */

import { servedRealms } from "../../../auth/members.ts";
import { baseName } from "../../../auth/offered.ts";
import type { Standing } from "../../../backend.ts";
import type { AuthenticationEvent } from "../../../records/records.ts";
import { mechanismNamed } from "../../../sasl/mechanisms.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { REPLIES } from "../../../smtp/replies.ts";
import { formatReply } from "../../../smtp/reply.ts";
import { adviceOf } from "../../login_words.ts";
import type { LoginFacts } from "../../login_steps.ts";
import type { Current } from "../../parts.ts";

/** A login as the log has it. */
export type LoggedLogin = Omit<AuthenticationEvent, "kind">;

/** By the configuration as it is now. `typed` is what the person typed, where that is known; the log has the name completed. */
export function factsOf(
  login: LoggedLogin,
  { config, offered }: Pick<Current, "config" | "offered">,
  { typed = login.authcid ?? "", standing = null }: { readonly typed?: string; readonly standing?: Standing | null } =
    {},
): LoginFacts {
  const { mechanism, result, reason } = login;
  const name = mechanismNamed(mechanism);
  const facts = { tls: true, bound: true, remote: "local", health: false };
  return {
    mechanism,
    // What is none of SASL's comes from the pages or this machine.
    offered: name === null || config.listeners.some((listener) => offered(listener, facts).includes(name)),
    typed,
    user: parseUserName(typed, config),
    served: servedRealms(config),
    event: login,
    advice: result === "rejected" ? adviceOf(reason) : null,
    relays: name === null ? null : config.sasl.trustMech.map(baseName).includes(baseName(mechanism)),
    standing,
  };
}

/** What an SMTP client is told of this end; `null` where it was none that logged in. */
export function replyTo({ mechanism, result }: LoggedLogin, { config }: Pick<Current, "config">): string | null {
  if (mechanismNamed(mechanism) === null) return null;
  return formatReply(replyOf(result, config.sasl.outageIsRejection)).trimEnd();
}

function replyOf(result: LoggedLogin["result"], outageIsRejection: boolean) {
  switch (result) {
    case "accepted":
      return REPLIES.authSucceeded;
    case "rejected":
    case "malformed":
      return REPLIES.authRejected;
    case "too-weak":
      return REPLIES.authTooWeak;
    case "delayed":
      return REPLIES.authDelayed;
    case "unavailable":
      return outageIsRejection ? REPLIES.authRejected : REPLIES.authUnavailable;
    case "cancelled":
      return REPLIES.authCancelled;
  }
}
