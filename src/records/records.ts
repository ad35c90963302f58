/**
 * The contracts of what the sidecar keeps beside accounts and queue: tokens, sessions, administrators, the authentication log, the audit log,
 * answers to repeated requests, bans, and webhooks that are under way. All of it is one SQLite file, `data_dir/records`, that commands and a
 * running server may have open at the same time. It never holds a secret: of tokens and session ids it has hashes.
 * Times are milliseconds since the epoch.
 *
 * @module
 */

import type { ChainStep, LogEvent } from "../log/event.ts";

/** All of it. */
export interface Records extends AsyncDisposable {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly administrators: Administrators;
  readonly authentications: Authentications;
  readonly audit: Audit;
  readonly replays: Replays;
  readonly outbox: Outbox;
  readonly bans: Bans;
  /** Removes what hangs on an account that is deleted: sessions, its administration, its part of the authentication log. The audit log stays. */
  forgetAccount(account: string): void;
  /** Removes what is past its time: to be called about once an hour. `authenticationDays`: how long the authentication log goes back. */
  sweep(now: number, options: { readonly authenticationDays: number }): void;
}

/** What a token may do. Each includes only itself; `read` of a thing does not let change it. */
export const SCOPES = [
  "accounts:read",
  "accounts:write",
  "authentications:read",
  "queue:read",
  "queue:write",
  "configuration:read",
  "audit:read",
  "bans:read",
  "bans:write",
  "metrics:read",
] as const;

/** One of them. */
export type Scope = typeof SCOPES[number];

/** A token without its secret. */
export interface Token {
  readonly id: string;
  /** For people: what it is for. */
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly created: number;
  /** `null`: never. */
  readonly expires: number | null;
  readonly lastUsed: number | null;
}

/** Bearer tokens of the API. */
export interface Tokens {
  /** Makes a token; the secret is shown once and kept as a hash. It has 256 random bits, so a fast hash is enough. */
  add(
    token: { readonly label: string; readonly scopes: readonly Scope[]; readonly expires: number | null },
    now: number,
  ): { readonly token: Token; readonly secret: string };
  /** The token with this secret, unless it has expired or is revoked. Remembers the use, once a minute at most. */
  check(secret: string, now: number): Token | null;
  list(): readonly Token[];
  /** False: there is none with this id. */
  revoke(id: string): boolean;
}

/** Somebody who is signed in. */
export interface Session {
  /** Names the session to its owner; it is not the secret. */
  readonly id: string;
  /** Canonical `user@realm`. */
  readonly account: string;
  /** The section of the backend that said yes. */
  readonly backend: string;
  /** The credential's version at sign-in, where the account lies here; a session dies with it. `null` for other backends. */
  readonly version: string | null;
  /** Whether the second factor was given: without it an administrator is an ordinary person. */
  readonly administrator: boolean;
  readonly created: number;
  readonly seen: number;
  readonly remote: string;
  readonly userAgent: string;
}

/** Sessions of the pages. One ends 12 hours after it was last seen, and 7 days after it began. */
export interface Sessions {
  /** The secret goes into the cookie and is kept as a hash. */
  add(session: Omit<Session, "id" | "created" | "seen">, now: number): {
    readonly session: Session;
    readonly secret: string;
  };
  /** The session with this secret, and remembers that it was seen, once a minute at most. */
  check(secret: string, now: number): Session | null;
  of(account: string, now: number): readonly Session[];
  /** Gives the session administration, after the second factor. */
  promote(id: string): void;
  end(id: string): void;
  /** Ends all of an account but one: after a change of its password. */
  endOthers(account: string, except: string | null): void;
}

/** An account that may administer. */
export interface Administrator {
  readonly account: string;
  readonly created: number;
}

/** Who administers. Its secret of the second factor (RFC 6238) has to be kept as it is: both sides compute with it. */
export interface Administrators {
  /** Makes an account an administrator, or gives one a new secret: 20 random octets in base32. */
  enrol(account: string, now: number): { readonly secret: string };
  has(account: string): boolean;
  list(): readonly Administrator[];
  /** False: it is none. */
  remove(account: string): boolean;
  /** Whether this code of the second factor fits now (one step of 30 s to either side). A code is right once. */
  checkCode(account: string, code: string, now: number): boolean;
}

/** An end of a login, as it is logged. */
export type AuthenticationEvent = Extract<LogEvent, { readonly kind: "authentication" }>;

/** How a login can end. */
export const RESULTS: readonly AuthenticationEvent["result"][] = [
  ...["accepted", "rejected", "too-weak", "delayed", "unavailable", "malformed", "cancelled"] as const,
];

/** One of the authentication log. */
export interface AuthenticationRecord extends Omit<AuthenticationEvent, "kind"> {
  /** Its place in the log; the newest has the highest. */
  readonly seq: number;
  readonly at: number;
  readonly chain: readonly ChainStep[];
}

/** What of the log is asked for. */
export interface AuthenticationFilter {
  /** Of this account, whether it logged in or a login by its name failed. */
  readonly account?: string;
  readonly remote?: string;
  readonly result?: AuthenticationEvent["result"];
  readonly mechanism?: string;
  readonly since?: number;
}

/** A client that still has a password that was replaced. */
export interface StaleClient {
  readonly remote: string;
  readonly mechanism: string;
  readonly listener: string;
  readonly times: number;
  readonly first: number;
  readonly last: number;
}

/** The authentication log. */
export interface Authentications {
  /** Takes an event; it is in the file within a second or two, and never waited for. Beyond what a flood of failures should cost, only a count is kept. */
  note(event: AuthenticationEvent, now: number): void;
  /** The newest first, `count` at most, before the record `before`. Includes what was noted by this process and is not yet in the file. */
  list(
    filter: AuthenticationFilter,
    page: { readonly before: number | null; readonly count: number },
  ): readonly AuthenticationRecord[];
  /** Clients that tried the account's password of before, the latest first, 20 at most. */
  staleClients(account: string): readonly StaleClient[];
  /** Writes what waits. Where the file cannot be written now it goes on waiting, and is not in `list`. */
  flush(): void;
  /** How many events were only counted since the file was opened. */
  readonly dropped: number;
}

/** Who did something, for the audit log. */
export interface Actor {
  /** An account, `token LABEL`, `control socket` or `command`. */
  readonly who: string;
  /** The address, `local` for this machine's sockets and commands. */
  readonly from: string;
}

/** An act that is to be logged. */
export interface Act extends Actor {
  readonly what: string;
  readonly target: string;
  readonly detail?: string;
}

/** An act of administration. */
export interface AuditRecord extends Actor {
  readonly seq: number;
  readonly at: number;
  /** `account.add`, `queue.delete`, `token.new`: the thing and the verb. */
  readonly what: string;
  /** What it was done to. */
  readonly target: string;
  /** What else is worth knowing; never a secret. */
  readonly detail: string;
}

/** The audit log. It can only grow: the file refuses changes and deletions of its rows by triggers. */
export interface Audit {
  /** Durable when it returns. */
  add(act: Act, now: number): void;
  /** Adds all of them at the price of one. */
  addAll(acts: readonly Act[], now: number): void;
  /** The newest first. */
  list(page: { readonly before: number | null; readonly count: number }): readonly AuditRecord[];
}

/** An answer that was given. */
export interface Replay {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers to requests with an Idempotency-Key, kept for a day. An answer that holds a secret is not kept: its body says that it was given. */
export interface Replays {
  /**
   * `fresh`: nobody has used the key, and it is now taken; `repeat`: the answer of the first; `busy`: the first is at work;
   * `other`: it was used for another request. `request` is a hash of method, path and body.
   */
  begin(
    key: { readonly who: string; readonly key: string; readonly request: string },
    now: number,
  ): { readonly kind: "fresh" | "busy" | "other" } | { readonly kind: "repeat"; readonly answer: Replay };
  finish(key: { readonly who: string; readonly key: string }, answer: Replay): void;
  /** The request failed by our fault: it may come again. */
  abandon(key: { readonly who: string; readonly key: string }): void;
}

/** A network that is closed to connections and sign-ins. */
export interface Ban {
  readonly id: string;
  /** An address, or a network in CIDR form, as `parseNetwork` writes it. */
  readonly network: string;
  readonly reason: string;
  /** An account, `token LABEL`, `control socket`, `command` or `dokodemo`. */
  readonly who: string;
  readonly since: number;
  /** `null`: until it is lifted. */
  readonly until: number | null;
}

/** A new one. */
export type NewBan = Omit<Ban, "id" | "since">;

/** Bans. Those that have ended are not seen. */
export interface Bans {
  /** Takes the place of a ban of the same network; a `TypeError` for what is no network. */
  add(ban: NewBan, now: number): Ban;
  /** The ban that was removed; `null`: there is none with this id. */
  remove(id: string): Ban | null;
  /** The newest first. */
  list(now: number): readonly Ban[];
  /** The ban that an address is under, the one that lasts longest; in no time. */
  around(address: string, now: number): Ban | null;
}

/** A webhook that is to be sent. */
export interface OutboxItem {
  /** Also the id that the receiver sees: the same in each try. */
  readonly id: string;
  readonly url: string;
  /** JSON. */
  readonly body: string;
  readonly created: number;
  readonly attempts: number;
  readonly due: number;
  readonly lastError: string | null;
}

/** Webhooks under way, so that a restart loses none. */
export interface Outbox {
  add(item: { readonly id: string; readonly url: string; readonly body: string }, now: number): void;
  /** Those that are due, the oldest first. */
  due(now: number, limit: number): readonly OutboxItem[];
  nextDue(): number | null;
  sent(id: string): void;
  failed(id: string, retry: { readonly due: number; readonly error: string }): void;
  /** Given up. */
  drop(id: string): void;
}
