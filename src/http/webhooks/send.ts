/**
 * One try to hand a webhook to its receiver.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import { VERSION } from "../../version.ts";
import { webhookHeaders } from "./message.ts";

/** Asks by HTTP; `fetch` itself, or a test's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Why the receiver has not taken it. */
export interface SendProblem {
  /** `silent`: there was no answer; `status`: there was a wrong one; `gone`: it never wants anything any more (410). */
  readonly kind: "silent" | "status" | "gone";
  /** For the administrator; nothing that the receiver wrote is in it. */
  readonly why: string;
}

/** What is sent. */
export interface SendRequest {
  readonly url: string;
  readonly id: string;
  readonly body: string;
  /** Those of the sections with this URL. */
  readonly secrets: readonly string[];
}

const DEADLINE_MS = 10_000;

/**
 * Sends it once, within ten seconds. The value is the status, which is 2xx. Redirects are not followed, and of the answer nothing is read but
 * its status.
 */
export async function sendWebhook(
  { url, ...request }: SendRequest,
  { fetch, now, signal }: { readonly fetch: Fetch; readonly now: () => number; readonly signal: AbortSignal },
): Promise<Result<number, SendProblem>> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), DEADLINE_MS);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": `dokodemo/${VERSION}`,
        ...webhookHeaders({ ...request, at: now() }),
      },
      body: request.body,
      redirect: "manual",
      signal: AbortSignal.any([late.signal, signal]),
    });
    await response.body?.cancel().catch(() => {});
    return judge(response.status);
  } catch (error) {
    if (late.signal.aborted) return fail({ kind: "silent", why: `no answer within ${DEADLINE_MS / 1000} s` });
    if (signal.aborted) return fail({ kind: "silent", why: "the server is stopping" });
    return fail({ kind: "silent", why: reasonOf(error) });
  } finally {
    clearTimeout(timer);
  }
}

/** What may be shown of a URL: the rest of it can hold a secret. */
export function shownUrl(url: string): string {
  return URL.parse(url)?.origin ?? "an unreadable URL";
}

function judge(status: number): Result<number, SendProblem> {
  if (status >= 200 && status < 300) return succeed(status);
  if (status === 410) return fail({ kind: "gone", why: "status 410: it wants no more of them" });
  const redirects = status >= 300 && status < 400;
  return fail({ kind: "status", why: `status ${status}${redirects ? ": redirects are not followed" : ""}` });
}

/** The innermost cause says what happened; the message around it repeats the whole URL. */
function reasonOf(error: unknown): string {
  const causes = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = cause.cause) causes.push(cause);
  const innermost = causes.at(-1);
  return innermost === undefined ? "unknown reason" : printable(innermost.message);
}
