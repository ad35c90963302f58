/**
 * Whose session a cookie is, as long as the account may still log in.
 *
 * @module
 */

import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { parseAddress } from "../../accounts/account_name.ts";
import type { AccountAdmin } from "../../accounts/account_store.ts";
import { BoundedMap } from "../../auth/bounded_map.ts";
import type { Account } from "../../backend.ts";
import type { Session } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import type { PageContext } from "./page_env.ts";

/** The name begins with `__Host-`: browsers take such a cookie over HTTPS (or from this machine) alone, and for no other host. */
const COOKIE = "__Host-session";
const COOKIE_OPTIONS = { path: "/", httpOnly: true, secure: true, sameSite: "Strict" } as const;
/** A directory is asked this seldom whether an account is still there. */
const LOOKUP_EVERY_MS = 5 * 60_000;
const LOOKUP_MS = 10_000;
const REMEMBERED = 10_000;

/** What the check needs. */
export type SessionParts = Pick<SidecarParts, "records" | "current" | "now">;

/** Finds the session of a request. */
export interface SessionCheck {
  find(context: PageContext): Promise<Session | null>;
  /** The session as it is now, `null` when it has ended; whoever only listens is not seen by it. */
  goesOn(session: Session): Promise<Session | null>;
}

/** Makes the check. */
export function createSessionCheck(parts: SessionParts): SessionCheck {
  const lookedUp = new BoundedMap<string, number>(REMEMBERED);
  const { records } = parts;
  const judged = async (session: Session | null): Promise<Session | null> => {
    if (session === null) return null;
    if (!await mayStay(session, parts, lookedUp)) {
      records.sessions.end(session.id);
      return null;
    }
    const { account, administrator } = session;
    return { ...session, administrator: administrator && records.administrators.has(account) };
  };
  return {
    find: async (context) => {
      const secret = getCookie(context, COOKIE);
      return await judged(secret === undefined ? null : records.sessions.check(secret, parts.now()));
    },
    goesOn: async ({ account, id }) => {
      return await judged(records.sessions.of(account, parts.now()).find((each) => each.id === id) ?? null);
    },
  };
}

/** Begins a session for an account whose password was just proved. */
export async function beginSession(
  context: PageContext,
  { account, parts }: { readonly account: Pick<Account, "name" | "backend">; readonly parts: SessionParts },
): Promise<Session> {
  const store = parts.current().stores.get(account.backend);
  const { session, secret } = parts.records.sessions.add({
    account: account.name,
    backend: account.backend,
    version: store === undefined ? null : await mainVersion(store, account.name),
    administrator: false,
    remote: context.get("caller").remote,
    userAgent: (context.req.header("user-agent") ?? "").slice(0, 200),
  }, parts.now());
  setCookie(context, COOKIE, secret, COOKIE_OPTIONS);
  return session;
}

/** Ends the session of a request. */
export function endSession(context: PageContext, parts: SessionParts): void {
  const session = context.get("session");
  if (session !== null) parts.records.sessions.end(session.id);
  deleteCookie(context, COOKIE, COOKIE_OPTIONS);
}

async function mayStay(
  { account, backend, version }: Session,
  { current, now }: SessionParts,
  lookedUp: BoundedMap<string, number>,
): Promise<boolean> {
  const { stores, authenticator } = current();
  const store = stores.get(backend);
  if (store !== undefined) {
    return await store.state(account) === "active" && await mainVersion(store, account) === version;
  }
  const name = parseAddress(account);
  if (name === null) return false;
  const last = lookedUp.get(account);
  if (last !== undefined && Math.abs(now() - last) < LOOKUP_EVERY_MS) return true;
  const answer = await authenticator.lookup(name, AbortSignal.timeout(LOOKUP_MS));
  // A backend that cannot look up, or is down, ends no session: the password was right, and the session is short.
  if (answer.kind === "rejected" && (answer.why === "disabled" || answer.why === "expired")) return false;
  lookedUp.set(account, now());
  return true;
}

async function mainVersion(store: Pick<AccountAdmin, "credentials">, account: string): Promise<string | null> {
  const credentials = await store.credentials(account);
  return credentials.find(({ kind }) => kind === "password")?.version ?? null;
}
