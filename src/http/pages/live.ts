/**
 * Numbers that change by themselves: `/live` sends them as server-sent events (WHATWG HTML, section 9.2), as long as the session goes on.
 *
 * @module
 */

import { Hono } from "hono";
import { utf8 } from "../../lib/octets.ts";
import type { Session } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { type Overview, overviewNumbers } from "./admin/overview.ts";
import type { Translate } from "./language.ts";
import { ownWaiting } from "./own.ts";
import { type PageEnv, signedIn } from "./page_env.ts";
import type { SessionCheck } from "./session_check.ts";

/** What is needed. */
export interface LiveParts extends Pick<SidecarParts, "spool" | "status"> {
  readonly sessions: Pick<SessionCheck, "goesOn">;
  readonly overview: () => Promise<Overview>;
}

/** A browser has one for each page that is open. */
const STREAMS_OF_SESSION = 6;
const STREAMS = 500;
const LOOK_MS = 2_000;
/** Numbers are read at each third look, and something is sent at each fifteenth, so that a connection that is gone is noticed. */
const [READ_EVERY, SEND_EVERY] = [3, 15];
/** A browser whose stream has ended asks again after this. */
const RETRY_MS = 5_000;

/** `/live`. 204 tells a browser not to ask again. */
export function liveRoutes(parts: LiveParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const streams = new Map<string, number>();
  let open = 0;
  routes.get("/live", (context) => {
    if (context.get("session") === null) return new Response(null, { status: 204 });
    const session = signedIn(context);
    const ofSession = streams.get(session.id) ?? 0;
    if (ofSession >= STREAMS_OF_SESSION || open >= STREAMS) {
      return problem(429, { detail: "Too many pages with numbers that change are open: close some" });
    }
    open++;
    streams.set(session.id, ofSession + 1);
    const closed = () => {
      open--;
      const left = (streams.get(session.id) ?? 1) - 1;
      if (left === 0) streams.delete(session.id);
      else streams.set(session.id, left);
    };
    return new Response(eventStream(parts, { session, t: context.get("t"), closed }), {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  });
  return routes;
}

/** Sends what has changed; ends with the session, when the server is about to stop, and when nobody listens any more. */
function eventStream(
  parts: LiveParts,
  { session, t, closed }: { readonly session: Session; readonly t: Translate; readonly closed: () => void },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const gone = new AbortController();
  return new ReadableStream({
    start: (controller) => {
      const send = (text: string) => {
        // Nobody reads: what is not sent now would be old when it is.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(utf8(text));
      };
      send(`retry: ${RETRY_MS}\n\n`);
      watch(parts, { session, t, send, gone: gone.signal })
        .catch(() => {})
        .finally(() => {
          closed();
          if (!gone.signal.aborted) controller.close();
        });
    },
    cancel: () => gone.abort("gone"),
  }, { highWaterMark: 16 });
}

interface Watch {
  readonly session: Session;
  readonly t: Translate;
  readonly send: (text: string) => void;
  readonly gone: AbortSignal;
}

async function watch(parts: LiveParts, { session, t, send, gone }: Watch): Promise<void> {
  let before = "";
  for (let look = 0; !gone.aborted; look++) {
    const now = await parts.sessions.goesOn(session);
    // A server that stops closes its listeners first, and would wait for us.
    if (now === null || !parts.status().listeners.some(({ up }) => up)) return;
    if (look % READ_EVERY === 0) {
      const numbers = JSON.stringify(await read(parts, now, t));
      if (numbers !== before) send(`event: numbers\ndata: ${numbers}\n\n`);
      before = numbers;
    }
    if (look % SEND_EVERY === 0) send(": here\n\n");
    await pause(gone);
  }
}

/** Whoever is no administrator gets what is theirs alone. */
async function read(parts: LiveParts, session: Session, t: Translate): Promise<Readonly<Record<string, string>>> {
  const own = { "own waiting": await ownWaiting(parts.spool, session.account) };
  return session.administrator ? { ...own, ...overviewNumbers(await parts.overview(), t) } : own;
}

function pause(gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, LOOK_MS);
    gone.addEventListener("abort", end);
  });
}
