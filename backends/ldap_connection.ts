/**
 * One connection to an LDAP server: binds and searches, one at a time.
 *
 * `ldapts` hangs for ever when two operations meet on a client that is not connected yet, and connects anew by itself when its
 * connection is gone, without TLS and without the bind. So it is given a connection that is open, and never a second one.
 *
 * @module
 */

import { Client, type Entry, type Filter, PasswordPolicyControl, ResultCodeError, SASL_MECHANISMS } from "ldapts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { printable } from "../src/lib/text.ts";
import type { LdapServer } from "./ldap_options.ts";
import { connectLdap, type LdapSocket, nameOf } from "./ldap_socket.ts";

/** Why there is no answer. */
export type LdapFailure =
  /** The server cannot be reached. */
  | { readonly kind: "unreachable"; readonly text: string }
  /** The connection ended before the answer. */
  | { readonly kind: "closed"; readonly text: string }
  /** No answer came in time; the connection is closed. */
  | { readonly kind: "silent"; readonly text: string }
  /** The asker has gone; the connection is closed. */
  | { readonly kind: "aborted"; readonly text: string }
  /** The server answered that it will not do this. */
  | { readonly kind: "refused"; readonly text: string };

/** What a server says to a bind. */
export interface BindReply {
  /** The result code of RFC 4511 section 4.1.9; 0 is yes. */
  readonly code: number;
  readonly message: string;
  /** The error of the password policy control (draft-behera-ldap-password-policy-10 section 6.2); `null`: none. */
  readonly policyError: number | null;
}

/** What is searched. */
export interface LdapSearch {
  readonly base: string;
  readonly scope: "base" | "one" | "sub";
  readonly filter: Filter;
  /** Empty: only whether there is an entry. */
  readonly attributes: readonly string[];
}

/** An entry. The names of attributes are in lower case; values that are not UTF-8 are left out. */
export interface LdapEntry {
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
}

/** How connections are made. */
export interface ConnectionOptions {
  readonly startTls: boolean;
  readonly ca: string | null;
  /** Until TLS stands, in milliseconds. */
  readonly connectMs: number;
  /** For one answer. */
  readonly answerMs: number;
}

export const RESULT_CODE = {
  success: 0,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  invalidCredentials: 49,
} as const;

/** Enough to tell one from many. */
const ENTRY_LIMIT = 2;

/** An open connection. Whoever has it asks one thing at a time, and closes it when it is no longer usable. */
export class LdapConnection {
  readonly #server: LdapServer;
  readonly #socket: LdapSocket;
  readonly #client: Client;
  readonly #answerMs: number;
  #usable = true;

  private constructor(server: LdapServer, socket: LdapSocket, answerMs: number) {
    this.#server = server;
    this.#socket = socket;
    this.#answerMs = answerMs;
    let given = false;
    this.#client = new Client({
      url: "ldap://given",
      createConnection: () => {
        if (given) throw new Error("the connection is closed");
        given = true;
        return socket;
      },
    });
    socket.once("close", () => this.#usable = false);
  }

  /** Connects, with TLS where that is asked for. */
  static async open(
    server: LdapServer,
    { startTls, ca, connectMs, answerMs, signal }: ConnectionOptions & { readonly signal: AbortSignal },
  ): Promise<Result<LdapConnection, LdapFailure>> {
    const ended = new AbortController();
    const end = () => ended.abort("over");
    const timer = setTimeout(end, connectMs);
    signal.addEventListener("abort", end, { once: true });
    try {
      if (signal.aborted) return fail(aborted());
      const socket = await connectLdap(server, { startTls, ca, signal: ended.signal });
      if (socket.ok) return succeed(new LdapConnection(server, socket.value, answerMs));
      return fail(signal.aborted ? aborted() : { kind: "unreachable", text: socket.problem });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  /** Whether another question can be put. */
  get usable(): boolean {
    return this.#usable;
  }

  /**
   * Asks whether this is the password of this name. Every code that the server answers is a reply. The password must not be empty: to
   * the server that is no bind at all, and it says yes (RFC 4513 section 5.1.2).
   */
  async bind(
    { name, password }: { readonly name: string; readonly password: string },
    signal: AbortSignal,
  ): Promise<Result<BindReply, LdapFailure>> {
    if (password === "" || name === "") {
      throw new RangeError("Cannot bind: without a name and a password it would be anonymous");
    }
    if (SASL_MECHANISMS.some((mechanism) => mechanism === name)) {
      // The library would take it for the mechanism. It is no DN.
      return succeed({ code: RESULT_CODE.invalidDnSyntax, message: "", policyError: null });
    }
    const control = new PasswordPolicyControl();
    const outcome = await this.#run(() => this.#client.bind(name, password, control), signal);
    const policyError = control.value?.error ?? null;
    if (outcome.kind === "done") return succeed({ code: RESULT_CODE.success, message: "", policyError });
    if (outcome.kind === "failed") return fail(outcome.failure);
    if (outcome.code !== RESULT_CODE.invalidCredentials) this.close();
    return succeed({ code: outcome.code, message: outcome.message, policyError });
  }

  /** At most two entries; `null`: the base does not exist, or is not shown. References to other servers are not followed. */
  async search(search: LdapSearch, signal: AbortSignal): Promise<Result<readonly LdapEntry[] | null, LdapFailure>> {
    const { base, scope, filter, attributes } = search;
    // 1.1 is "no attributes" (RFC 4511 section 4.5.1.8); an empty list would be all.
    const wanted = attributes.length === 0 ? ["1.1"] : [...attributes];
    const options = { scope, filter, attributes: wanted, sizeLimit: ENTRY_LIMIT };
    const outcome = await this.#run(() => this.#client.search(base, options), signal);
    if (outcome.kind === "done") return succeed(outcome.value.searchEntries.map(readEntry));
    if (outcome.kind === "failed") return fail(outcome.failure);
    if (outcome.code === RESULT_CODE.noSuchObject) return succeed(null);
    this.close();
    return fail({
      kind: "refused",
      text: `${nameOf(this.#server)} refused a search in "${base}": ${wordsOf(outcome)}`,
    });
  }

  /** Closes it at once; what is under way ends as `closed`. */
  close(): void {
    this.#usable = false;
    this.#socket.destroy();
  }

  async #run<Value>(operation: () => Promise<Value>, signal: AbortSignal): Promise<Outcome<Value>> {
    if (signal.aborted) return failed(aborted());
    if (!this.#usable) return failed({ kind: "closed", text: `${nameOf(this.#server)} closed the connection` });
    const cut = Promise.withResolvers<Outcome<Value>>();
    const stop = (failure: LdapFailure) => {
      cut.resolve(failed(failure));
      this.close();
    };
    const silent = () =>
      stop({ kind: "silent", text: `no answer of ${nameOf(this.#server)} within ${this.#answerMs} ms` });
    const onAbort = () => stop(aborted());
    const timer = setTimeout(silent, this.#answerMs);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      // Since after a cut nobody waits for it, it must not end in a rejection.
      const answered = Promise.try(operation).then(done, (error) => this.#outcomeOf(error));
      return await Promise.race([cut.promise, answered]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #outcomeOf(error: unknown): Outcome<never> {
    if (error instanceof ResultCodeError && error.code !== NO_RESULT) {
      const answer = { code: error.code, message: messageOf(error) };
      if (!NOT_NOW.has(error.code)) return { kind: "answered", ...answer };
      this.close();
      return failed({ kind: "unreachable", text: `${nameOf(this.#server)} cannot answer now: ${wordsOf(answer)}` });
    }
    // A connection on which anything else went wrong may be out of step.
    this.close();
    return failed({ kind: "closed", text: `${nameOf(this.#server)} closed the connection` });
  }
}

/** A code and the server's words, for the administrator. */
export function wordsOf({ code, message }: { readonly code: number; readonly message: string }): string {
  return message === "" ? `code ${code}` : `${message} (code ${code})`;
}

type Outcome<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "answered"; readonly code: number; readonly message: string }
  | { readonly kind: "failed"; readonly failure: LdapFailure };

/** `busy` and `unavailable`: another server may answer. */
const NOT_NOW: ReadonlySet<number> = new Set([51, 52]);

/** What `ldapts` says where there was no answer. */
const NO_RESULT = 248;

function done<Value>(value: Value): Outcome<Value> {
  return { kind: "done", value };
}

function failed(failure: LdapFailure): Outcome<never> {
  return { kind: "failed", failure };
}

function aborted(): LdapFailure {
  return { kind: "aborted", text: "given up" };
}

const MESSAGE_LIMIT = 160;

/** The server's diagnostic message, to which the library adds the code. It never holds a password: no server repeats one. */
function messageOf(error: ResultCodeError): string {
  return printable(error.message.replace(/\s*Code: 0x[0-9a-f]+$/, "").replace(/\0+$/, "").trim(), MESSAGE_LIMIT);
}

function readEntry({ dn, ...attributes }: Entry): LdapEntry {
  const read = Object.entries(attributes).map(([name, values]) => {
    const texts = [values].flat().filter((value) => typeof value === "string");
    return [name.toLowerCase(), texts] as const;
  });
  return { dn, attributes: new Map(read) };
}
