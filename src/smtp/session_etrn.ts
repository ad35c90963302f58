/**
 * ETRN in a session (RFC 1985): a host that has been away asks for what waits for it. It is no business of a submission server (RFC 6409
 * section 7).
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import { queueStarted, REPLIES } from "./replies.ts";
import {
  quietly,
  refuse,
  say,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type Step,
} from "./session_state.ts";

/** Whether this listener has the command. */
export function offersEtrn({ role, etrnDomains }: SessionContext): boolean {
  return role === "mta" && etrnDomains !== undefined && etrnDomains.size > 0;
}

/** ETRN domain, or with a `@` in front the domains below it too. Named queues (`#`) do not exist here. */
export function etrn(state: SessionState, argument: string, context: SessionContext): Step {
  if (!offersEtrn(context)) return refuse(state, REPLIES.notImplemented, context);
  if (state.health) return refuse(state, REPLIES.healthOnly, context);
  if (state.helo === null) return refuse(state, REPLIES.sendHello, context);
  if (state.phase.at !== "ready") return refuse(state, REPLIES.nestedMail, context);
  const subdomains = argument.startsWith("@");
  const node = toAscii(subdomains ? argument.slice(1) : argument);
  if (node === null) return refuse(state, REPLIES.etrnSyntax, context);
  if (context.etrnDomains?.has(node) !== true) return refuse(state, REPLIES.etrnNotAllowed, context);
  return quietly(state, { kind: "start-queue", node, subdomains });
}

/** The queue has been started, or could not be. */
export function etrnDone(
  state: SessionState,
  { node, outcome }: Extract<SessionEvent, { kind: "queue-started" }>,
  context: SessionContext,
): Step {
  const answer = queueStarted(node, outcome);
  return outcome.kind === "unavailable" ? refuse(state, answer, context, { counts: null }) : say(state, answer);
}
