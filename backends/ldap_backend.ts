/**
 * The backend of type `ldap`, opened.
 *
 * @module
 */

import type { Answer, Backend, Question, RejectedBecause, UserName, VerifierScheme } from "../src/backend.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { LdapConnection, type LdapFailure, type LdapSearch, wordsOf } from "./ldap_connection.ts";
import { accountName, ANY_ENTRY, createDirectory, type LdapDirectory, type Located } from "./ldap_directory.ts";
import type { LdapOptions } from "./ldap_options.ts";
import { type BindVerdict, judgeBind } from "./ldap_outcome.ts";
import { LdapPool, type PoolOptions } from "./ldap_pool.ts";
import { readVerifiers } from "./ldap_verifier.ts";

/** What `open` has read. */
export interface LdapSecrets {
  /** PEM of the authorities; `null`: those that the runtime trusts. */
  readonly ca: string | null;
  /** Of the service account; `null` without one. */
  readonly bindPassword: string | null;
}

/** Makes it. Throws an `Error` for a filter that cannot be read. */
export function createLdapBackend(name: string, options: LdapOptions, secrets: LdapSecrets): Backend {
  return new LdapBackend(name, options, secrets);
}

/** A directory says yes or no; which of its passwords it was, or since when, it does not say. */
const CREDENTIAL = { credential: "password", version: "bind" } as const;

/** Operational attributes by which slapd (ppolicy) and 389 Directory Server close an account; only a bind makes them look at it themselves. */
const STATES: ReadonlyMap<string, { readonly value: RegExp; readonly why: RejectedBecause }> = new Map([
  ["pwdAccountLockedTime", { value: /./, why: "disabled" }],
  ["nsAccountLock", { value: /^true$/i, why: "disabled" }],
  ["pwdReset", { value: /^true$/i, why: "must-change" }],
]);

interface Login {
  readonly user: UserName;
  readonly password: string;
  readonly signal: AbortSignal;
}

class LdapBackend implements Backend {
  readonly name: string;
  readonly answers: Backend["answers"];
  readonly ignoresRealm: boolean;
  readonly #options: LdapOptions;
  readonly #directory: LdapDirectory;
  readonly #pool: LdapPool<LdapConnection>;

  constructor(name: string, options: LdapOptions, secrets: LdapSecrets) {
    this.name = name;
    this.#options = options;
    this.#directory = createDirectory(name, options);
    this.ignoresRealm = this.#directory.ignoresRealm;
    const { template, bindDn } = options;
    this.answers = {
      password: true,
      lookup: this.#directory.canLocate && (template === undefined || bindDn !== undefined),
      schemes: new Set(options.schemes),
      tokens: new Set(),
    };
    this.#pool = new LdapPool({
      servers: options.url,
      limit: options.connections,
      open: opener(options, secrets),
      now: () => performance.now(),
    });
  }

  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    if (question.kind === "token") return rejected("not-allowed");
    if (question.kind === "lookup" && !this.answers.lookup) return rejected("not-allowed");
    if (question.kind === "verifiers" && !this.answers.schemes.has(question.scheme)) return rejected("not-allowed");
    const user = accountName(question.user);
    if (user === null) return rejected("unknown-user");
    switch (question.kind) {
      case "password": {
        const { password } = question;
        // An empty password is no bind at all (RFC 4513 section 5.1.2), and to a server in C a NUL may be the end.
        if (password === "" || password.includes("\0")) return rejected("wrong-secret");
        const login = { user, password, signal };
        return this.#options.template === undefined ? await this.#searchAndBind(login) : await this.#bindFirst(login);
      }
      case "lookup": {
        const located = await this.#locate(user, { signal, more: question.login === true ? [...STATES.keys()] : [] });
        if (located.kind !== "found") return located.answer;
        const closed = question.login === true ? closedBecause(located) : null;
        return closed === null ? { kind: "known", account: located.account } : rejected(closed);
      }
      case "verifiers":
        return await this.#verifiers(user, { scheme: question.scheme, signal });
    }
  }

  async probe(signal: AbortSignal): Promise<Result<void, string>> {
    const { base, template, bindDn } = this.#options;
    // The root of a server (RFC 4512 section 5.1) is there in any case, if only to say that strangers may not read it.
    const fixed = base === undefined || base.includes("{") ? "" : base;
    const asStranger = template !== undefined && bindDn === undefined;
    const query: LdapSearch = { base: asStranger ? "" : fixed, scope: "base", filter: ANY_ENTRY, attributes: [] };
    const found = await this.#pool.use({ role: "service", signal }, (connection, signal) => {
      return connection.search(query, signal);
    });
    if (!found.ok) {
      return asStranger && found.problem.kind === "refused" ? succeed(undefined) : fail(found.problem.text);
    }
    if (found.value !== null || query.base === "") return succeed(undefined);
    return fail(`base "${query.base}" is not in the directory, or may not be read`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  async #searchAndBind({ user, password, signal }: Login): Promise<Answer> {
    const located = await this.#locate(user, { signal, anyGroup: true });
    if (located.kind !== "found") return located.answer;
    const { entry, account, member } = located;
    const bound = await this.#pool.use({ role: "login", signal }, (connection, signal) => {
      return connection.bind({ name: entry.dn, password }, signal);
    });
    if (!bound.ok) return unavailable(bound.problem);
    const verdict = judgeBind(bound.value);
    if (verdict.kind !== "accepted") return verdict;
    return member ? { kind: "accepted", account, ...CREDENTIAL } : rejected("not-allowed", NOT_IN_GROUP);
  }

  /** The name follows from the template, and the entry, if it is needed, is read by the account itself or by the service account. */
  async #bindFirst({ user, password, signal }: Login): Promise<Answer> {
    const name = this.#directory.bindName(user);
    if (name === null) return rejected("unknown-user");
    const { readsEntry } = this.#directory;
    const byItself = readsEntry && this.#options.bindDn === undefined;
    const login = await this.#pool.use<BindVerdict | Located>({ role: "login", signal }, async (connection, signal) => {
      const bound = await connection.bind({ name, password }, signal);
      if (!bound.ok) return bound;
      const verdict = judgeBind(bound.value);
      if (verdict.kind !== "accepted" || !byItself) return succeed(verdict);
      return await this.#directory.locate(connection, { user, signal });
    });
    if (!login.ok) return unavailable(login.problem);
    const outcome = login.value;
    if (outcome.kind === "rejected" || outcome.kind === "unavailable") return outcome;
    if (outcome.kind === "accepted" && !readsEntry) {
      return { kind: "accepted", account: this.#directory.accountOf(user), ...CREDENTIAL };
    }
    const located = outcome.kind === "accepted" ? await this.#locate(user, { signal }) : judgeLocated(outcome);
    if (located.kind === "found") return { kind: "accepted", account: located.account, ...CREDENTIAL };
    const { answer } = located;
    const hidden = answer.kind === "rejected" && answer.why === "unknown-user";
    return hidden ? rejected("not-allowed", "the password is right, but the filter finds no entry") : answer;
  }

  async #verifiers(
    user: UserName,
    { scheme, signal }: { readonly scheme: VerifierScheme; readonly signal: AbortSignal },
  ): Promise<Answer> {
    const { verifierAttributes } = this.#options;
    const located = await this.#locate(user, { signal, more: [...verifierAttributes, ...STATES.keys()] });
    if (located.kind !== "found") return located.answer;
    const { account, entry: { attributes } } = located;
    const values = (attribute: string) => attributes.get(attribute.toLowerCase()) ?? [];
    const closed = closedBecause(located);
    if (closed !== null) return rejected(closed);
    const verifiers = readVerifiers(verifierAttributes.flatMap(values), scheme);
    if (verifiers.length === 0) {
      return rejected("not-allowed", `no ${scheme} value in ${verifierAttributes.join(", ")}`);
    }
    return { kind: "verifiers", account, verifiers, decoy: false };
  }

  /** By the service account. */
  async #locate(
    user: UserName,
    { signal, more = [], anyGroup = false }: {
      readonly signal: AbortSignal;
      readonly more?: readonly string[];
      /** Whether one that is not in the required group counts as found. */
      readonly anyGroup?: boolean;
    },
  ): Promise<FoundOrAnswer> {
    const located = await this.#pool.use({ role: "service", signal }, (connection, signal) => {
      return this.#directory.locate(connection, { user, more, signal });
    });
    return located.ok
      ? judgeLocated(located.value, { anyGroup })
      : { kind: "answer", answer: unavailable(located.problem) };
  }
}

type FoundOrAnswer =
  | Extract<Located, { readonly kind: "found" }>
  | { readonly kind: "answer"; readonly answer: Answer };

/** Why the directory would not let the account log in, where `STATES` were read. */
function closedBecause(
  { entry: { attributes } }: Extract<Located, { readonly kind: "found" }>,
): RejectedBecause | null {
  for (const [attribute, { value, why }] of STATES) {
    if (attributes.get(attribute.toLowerCase())?.some((each) => value.test(each)) === true) return why;
  }
  return null;
}

const NOT_IN_GROUP = "not in require_group";

function judgeLocated(located: Located, { anyGroup = false }: { readonly anyGroup?: boolean } = {}): FoundOrAnswer {
  switch (located.kind) {
    case "found":
      if (located.member || anyGroup) return located;
      return { kind: "answer", answer: rejected("not-allowed", NOT_IN_GROUP) };
    case "none":
      return { kind: "answer", answer: rejected("unknown-user") };
    case "odd":
      return { kind: "answer", answer: rejected("not-allowed", located.note) };
  }
}

/** Connects, and binds as the service account where the connection is for that. */
function opener(
  { startTls, connectDeadline, answerDeadline, bindDn }: LdapOptions,
  secrets: LdapSecrets,
): PoolOptions<LdapConnection>["open"] {
  const { ca, bindPassword } = secrets;
  const how = { startTls, ca, connectMs: connectDeadline, answerMs: answerDeadline };
  return async (server, { role, signal }) => {
    const opened = await LdapConnection.open(server, { ...how, signal });
    if (!opened.ok || role !== "service" || bindDn === undefined || bindPassword === null) return opened;
    const connection = opened.value;
    const bound = await connection.bind({ name: bindDn, password: bindPassword }, signal);
    if (bound.ok && judgeBind(bound.value).kind === "accepted") return opened;
    connection.close();
    if (!bound.ok) return bound;
    const words = wordsOf(bound.value);
    return fail({
      kind: "refused",
      text:
        `the service account "${bindDn}" is refused by ${server.url}: ${words}, look at bind_dn and bind_password_file`,
    });
  };
}

function rejected(why: RejectedBecause, note?: string): Answer {
  return { kind: "rejected", why, ...(note === undefined ? {} : { note }) };
}

function unavailable({ text }: LdapFailure): Answer {
  return { kind: "unavailable", cause: text };
}
