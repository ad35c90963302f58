/**
 * What a page finds in its context.
 *
 * @module
 */

import type { Context } from "hono";
import type { Actor, Session } from "../../records/records.ts";
import type { HttpEnv } from "../receive.ts";
import type { Language, Translate } from "./language.ts";

/** The environment of all pages. */
export interface PageEnv {
  Bindings: HttpEnv["Bindings"];
  Variables: HttpEnv["Variables"] & {
    language: Language;
    t: Translate;
    /** Who is signed in, or `null`. Behind `requireSession` it is somebody. */
    session: Session | null;
  };
}

/** A page's context. */
export type PageContext = Context<PageEnv>;

/** Who is signed in, on a page that nobody else sees. */
export function signedIn(context: PageContext): Session {
  const session = context.get("session");
  if (session === null) throw new TypeError("Cannot show this page: nobody is signed in");
  return session;
}

/** The same as an actor, for the audit log. */
export function actorOf(context: PageContext): Actor {
  return { who: signedIn(context).account, from: context.get("caller").remote };
}
