/**
 * The backend `saslauthd`: passwords that Cyrus SASL's daemon checks, with whatever stands behind it.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { Answer, Backend, Question } from "../src/backend.ts";
import { type BackendHost, type BackendModule, defineBackend } from "../src/backend_module.ts";
import { utf8 } from "../src/lib/octets.ts";
import { type Result, succeed } from "../src/lib/result.ts";
import { hasControl } from "../src/lib/text.ts";
import { askUnix } from "./lib/unix_socket.ts";
import { accountRealm, nameForm, path, servesRealm, writeName } from "./lib/values.ts";
import {
  decodeSaslauthd,
  encodeSaslauthd,
  refusalOf,
  type SaslauthdRequest,
  STRING_LIMIT_OCTETS,
} from "./saslauthd_protocol.ts";

/** Debian's, and that of systems where /run is not yet what /var/run is. */
const SOCKETS: readonly string[] = ["/run/saslauthd/mux", "/var/run/saslauthd/mux"];

const text = z.string({ error: "expected a text of at most 256 octets" })
  .refine((value) => fits(value) && !hasControl(value), { error: "expected a text of at most 256 octets" });

const OPTIONS = z.strictObject({
  /** The socket: saslauthd's -m and "/mux". */
  path: path.optional(),
  /** The service name: for `-a pam` the file in /etc/pam.d. */
  service: text.min(1).default("smtp"),
  userName: nameForm.default("{user}"),
  /** `{realm}`: that of the name; any other text is sent as it is, the empty one too. */
  sendRealm: text.default("{realm}"),
  realm: accountRealm,
});

type Options = z.output<typeof OPTIONS>;
type PasswordQuestion = Extract<Question, { readonly kind: "password" }>;

/** The module of type `saslauthd`. */
export const SASLAUTHD: BackendModule<typeof OPTIONS> = defineBackend({
  type: "saslauthd",
  schema: OPTIONS,
  // PAM holds a wrong password back for some seconds.
  deadlineMs: 15_000,
  // saslauthd has 5 processes and a queue of 32 connections, which others use too.
  concurrency: 16,
  open: (name, options, host) => Promise.resolve(createBackend(name, options, host)),
});

function createBackend(name: string, options: Options, host: BackendHost): Backend {
  const paths = options.path === undefined ? SOCKETS : [resolve(host.dataDir, options.path)];
  const serves = servesRealm(options, host);
  const closed = new AbortController();
  const ask = (request: SaslauthdRequest, signal: AbortSignal): Promise<Result<string, string>> =>
    askUnix(
      { paths, octets: encodeSaslauthd(request), read: decodeSaslauthd },
      AbortSignal.any([signal, closed.signal]),
    );

  return {
    name,
    answers: { password: true, lookup: false, schemes: new Set(), tokens: new Set() },
    ask: async (question, signal): Promise<Answer> => {
      if (question.kind !== "password") return { kind: "rejected", why: "not-allowed" };
      if (!serves(question.user)) return { kind: "rejected", why: "unknown-user" };
      const request = requestOf(question, options);
      const unsent = unsendable(request);
      if (unsent !== null) return unsent;
      const answer = await ask(request, signal);
      if (!answer.ok) return { kind: "unavailable", cause: answer.problem };
      return refusalOf(answer.value) ?? accepted(question, name);
    },
    probe: async (signal) => {
      // saslauthd answers a question without a name by itself: no account is tried, and nothing behind it is asked.
      const answer = await ask(
        { login: "", password: crypto.randomUUID(), service: options.service, realm: "" },
        signal,
      );
      return answer.ok ? succeed(undefined) : answer;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

function requestOf({ user, password }: PasswordQuestion, options: Options): SaslauthdRequest {
  const realm = options.sendRealm === "{realm}" ? user.realm : options.sendRealm;
  // Without a local part there is nobody to write a name for.
  const login = user.local === "" ? "" : writeName(options.userName, user);
  return { login, password, service: options.service, realm };
}

/** The answer to what saslauthd does not take, or would cut at a NUL. */
function unsendable({ login, password, realm }: SaslauthdRequest): Answer | null {
  const named = [login, realm].every((part) => fits(part) && !hasControl(part));
  if (login === "" || !named) return { kind: "rejected", why: "unknown-user" };
  if (password === "" || !fits(password) || hasControl(password)) return { kind: "rejected", why: "wrong-secret" };
  return null;
}

function accepted({ user }: PasswordQuestion, backend: string): Answer {
  const account = { name: `${user.local}@${user.realm}`, backend, addresses: [], groups: [], attributes: {} };
  return { kind: "accepted", account, credential: "password", version: "1" };
}

function fits(value: string): boolean {
  return utf8(value).length <= STRING_LIMIT_OCTETS;
}
