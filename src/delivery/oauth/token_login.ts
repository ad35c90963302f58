/**
 * A conversation whose login is an access token.
 *
 * @module
 */

import { fail, type Result } from "../../lib/result.ts";
import type { DeferredOutcome } from "../../smtp/client_state.ts";
import type { Conversation, ConversationSettings } from "../conversation.ts";
import type { TokenProblem } from "./problem.ts";
import type { TokenSource } from "./token_source.ts";

type Report = ConversationSettings["report"];

/** Opens a conversation with a token. */
export type OpenWithToken = (token: string, report: Report) => Promise<Result<Conversation, DeferredOutcome>>;

/**
 * Gets a token and opens a conversation with it. A server that refuses it gets one more: tokens are withdrawn before their time, and
 * clocks differ. What went wrong the first time is told where that did not help.
 */
export async function openWithToken(
  source: TokenSource,
  { host, report, open }: { readonly host: string; readonly report: Report; readonly open: OpenWithToken },
  signal: AbortSignal,
): Promise<Result<Conversation, DeferredOutcome>> {
  const token = await source.get(signal);
  if (!token.ok) return fail(withoutToken(token.problem, host, report));
  const reports = holdBack(report);
  const opened = await open(token.value, reports.report);
  const refused = !opened.ok && opened.problem.cause === "auth" && opened.problem.reply.startsWith("5");
  const fresh = refused ? await source.renew(token.value, signal) : null;
  if (fresh?.ok === true) return await open(fresh.value, report);
  reports.release();
  if (fresh !== null) withoutToken(fresh.problem, host, report);
  return opened;
}

function withoutToken(problem: TokenProblem, host: string, report: Report): DeferredOutcome {
  switch (problem.kind) {
    case "aborted":
      return { kind: "deferred", cause: "local", reply: "451 4.3.2 The server is stopping" };
    case "unreachable":
      report("network", `${host}: ${problem.text}; it is asked again at the next attempt`);
      return { kind: "deferred", cause: "network", reply: `451 4.4.1 No access token for ${host} now` };
    case "refused":
    case "no-grant":
      report("auth", `${host}: ${problem.text}`);
      return { kind: "deferred", cause: "auth", reply: `454 4.7.0 No access token for ${host}` };
  }
}

/** Keeps what is reported until it is known whether it matters. */
function holdBack(report: Report): { readonly report: Report; release(): void } {
  let held: Parameters<Report>[] | null = [];
  return {
    report: (...told) => {
      if (held === null) report(...told);
      else held.push(told);
    },
    release: () => {
      for (const told of held ?? []) report(...told);
      held = null;
    },
  };
}
