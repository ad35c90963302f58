/**
 * The backend `pwcheck`: passwords that the pwcheck daemon of Cyrus SASL 1.5 checks. Its protocol: the name and the password go out,
 * each with a NUL behind it; "OK" or a reason comes back, and the daemon closes.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { Answer, Backend, RejectedBecause } from "../src/backend.ts";
import { type BackendHost, type BackendModule, defineBackend } from "../src/backend_module.ts";
import { latin1, utf8 } from "../src/lib/octets.ts";
import { type Result, succeed } from "../src/lib/result.ts";
import { hasControl, printable } from "../src/lib/text.ts";
import { askUnix } from "./lib/unix_socket.ts";
import { accountRealm, nameForm, path, servesRealm, writeName } from "./lib/values.ts";

/** One octet more than this, and the daemon says "Request too big"; both NULs count. */
const REQUEST_LIMIT_OCTETS = 1022;
/** As much as Cyrus SASL reads. */
const ANSWER_LIMIT_OCTETS = 1023;

/** Said where the daemon could not look: by itself, or by the one that asks a directory. */
const OUTAGES: ReadonlySet<string> = new Set([
  "Error reading request",
  "Request too big",
  "Init Failed",
  "Bind Failed",
  "Search Failed",
]);
const REASONS: ReadonlyMap<string, RejectedBecause> = new Map([
  ["Userid not found", "unknown-user"],
  ["UserID Unknown", "unknown-user"],
  ["Account disabled", "disabled"],
]);

const OPTIONS = z.strictObject({
  /** The socket. */
  path: path.default("/var/pwcheck/pwcheck"),
  userName: nameForm.default("{user}"),
  realm: accountRealm,
});

interface Request {
  readonly login: string;
  readonly password: string;
}

/** The module of type `pwcheck`. */
export const PWCHECK: BackendModule<typeof OPTIONS> = defineBackend({
  type: "pwcheck",
  schema: OPTIONS,
  deadlineMs: 15_000,
  // The daemon serves one after the other, and its queue has room for 5.
  concurrency: 4,
  open: (name, options, host) => Promise.resolve(createBackend(name, options, host)),
});

function createBackend(name: string, options: z.output<typeof OPTIONS>, host: BackendHost): Backend {
  const socket = resolve(host.dataDir, options.path);
  const serves = servesRealm(options, host);
  const closed = new AbortController();
  const ask = ({ login, password }: Request, signal: AbortSignal): Promise<Result<string, string>> => {
    // In one write: a daemon that reads the first NUL alone takes the password for empty.
    const octets = utf8(`${login}\0${password}\0`);
    return askUnix({ paths: [socket], octets, read: readAnswer }, AbortSignal.any([signal, closed.signal]));
  };

  return {
    name,
    answers: { password: true, lookup: false, schemes: new Set(), tokens: new Set() },
    ask: async (question, signal): Promise<Answer> => {
      if (question.kind !== "password") return { kind: "rejected", why: "not-allowed" };
      const { user, password } = question;
      if (!serves(user)) return { kind: "rejected", why: "unknown-user" };
      const request = { login: user.local === "" ? "" : writeName(options.userName, user), password };
      const unsent = unsendable(request);
      if (unsent !== null) return unsent;
      const answer = await ask(request, signal);
      if (!answer.ok) return { kind: "unavailable", cause: answer.problem };
      if (!/^OK(?:\W|$)/.test(answer.value)) return refusalOf(answer.value);
      const account = {
        ...{ name: `${user.local}@${user.realm}`, backend: name },
        ...{ addresses: [], groups: [], attributes: {} },
      };
      return { kind: "accepted", account, credential: "password", version: "1" };
    },
    probe: async (signal) => {
      // Nobody has the empty name, so that any answer will do.
      const answer = await ask({ login: "", password: crypto.randomUUID() }, signal);
      return answer.ok ? succeed(undefined) : answer;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

/** The answer to what the daemon cannot be asked: what it would cut at a NUL, and what it has no room for. */
function unsendable({ login, password }: Request): Answer | null {
  const room = REQUEST_LIMIT_OCTETS - utf8(login).length - 2;
  if (login === "" || hasControl(login) || room < 1) return { kind: "rejected", why: "unknown-user" };
  const unfit = password === "" || hasControl(password) || utf8(password).length > room;
  return unfit ? { kind: "rejected", why: "wrong-secret" } : null;
}

function refusalOf(answer: string): Answer {
  if (OUTAGES.has(answer)) return { kind: "unavailable", cause: `pwcheck: ${printable(answer)}` };
  return { kind: "rejected", why: REASONS.get(answer) ?? "wrong-secret" };
}

/** Whole is an answer when the daemon closes; nothing at all is none. */
function readAnswer(octets: Uint8Array, ended: boolean): string | undefined {
  if (!ended && octets.length < ANSWER_LIMIT_OCTETS) return undefined;
  return octets.length === 0 ? undefined : latin1(octets.subarray(0, ANSWER_LIMIT_OCTETS));
}
