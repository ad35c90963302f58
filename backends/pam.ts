/**
 * The backend `pam`: passwords and accounts that the modules of a PAM service check.
 *
 * @module
 */

import { z } from "zod";
import type { Answer, Backend, Question, UserName } from "../src/backend.ts";
import { type BackendHost, type BackendModule, BackendProblem, defineBackend } from "../src/backend_module.ts";
import { utf8 } from "../src/lib/octets.ts";
import { fail, succeed } from "../src/lib/result.ts";
import { openPam, type Pam, PASSWORD_LIMIT_OCTETS } from "./lib/pam_library.ts";
import { readPamService } from "./lib/pam_service.ts";
import { openPamLookup, type PamLookup } from "./lib/pam_lookup.ts";
import { checkReach } from "./lib/pam_reach.ts";
import { answerOf, isPamName } from "./lib/pam_verdict.ts";
import { accountRealm, nameForm, servesRealm, writeName } from "./lib/values.ts";

const SERVICE_ERROR = 'expected the name of a file in /etc/pam.d such as "dokodemo", in lower case, and not "other"';

const OPTIONS = z.strictObject({
  /** The file in /etc/pam.d. libpam reads the name in lower case, and `other` is what this shall never fall to. */
  service: z.string({ error: SERVICE_ERROR })
    .refine((name) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) && name !== "other", { error: SERVICE_ERROR })
    .default("dokodemo"),
  userName: nameForm.default("{user}"),
  realm: accountRealm,
  /** `system`: who is an account of this machine, is known. */
  lookup: z.enum(["none", "system"], { error: 'expected "none" or "system"' }).default("none"),
  /** For look-ups: accounts with a lower number are left out. */
  minUid: z.int().min(0).optional(),
});

type Options = z.output<typeof OPTIONS>;
type PasswordQuestion = Extract<Question, { readonly kind: "password" }>;

/** The module of type `pam`. */
export const PAM: BackendModule<typeof OPTIONS> = defineBackend({
  type: "pam",
  schema: OPTIONS,
  deadlineMs: 15_000,
  // As many threads are there for it.
  concurrency: 16,
  needs: ["ffi"],
  open: async (name, options, host) => {
    const { service, lookup, minUid } = options;
    if (lookup === "none" && minUid !== undefined) {
      throw new BackendProblem('Cannot use min_uid without lookup = "system": who may log in is up to the PAM service');
    }
    const read = await readPamService(service);
    if (!read.ok) throw new BackendProblem(read.problem);
    const reach = await checkReach(service, read.value);
    if (reach.kind === "nobody") throw new BackendProblem(reach.text);
    if (reach.kind === "some") host.warn?.(reach.text);
    const pam = openPam();
    if (!pam.ok) throw new BackendProblem(pam.problem);
    const accounts = lookup === "none" ? null : openPamLookup(minUid);
    if (accounts !== null && !accounts.ok) throw new BackendProblem(accounts.problem);
    return createBackend({ name, options, host, pam: pam.value, accounts: accounts?.value ?? null });
  },
});

interface Parts {
  readonly name: string;
  readonly options: Options;
  readonly host: BackendHost;
  readonly pam: Pam;
  readonly accounts: PamLookup | null;
}

function createBackend({ name, options, host, pam, accounts }: Parts): Backend {
  const { service, userName } = options;
  const serves = servesRealm(options, host);
  const closed = new AbortController();

  const checkPassword = async ({ user, password, origin }: PasswordQuestion, signal: AbortSignal): Promise<Answer> => {
    const given = writeName(userName, user);
    if (user.local === "" || !isPamName(given)) return { kind: "rejected", why: "unknown-user" };
    if (password === "" || !isPassword(password)) return { kind: "rejected", why: "wrong-secret" };
    // Each time, since a file that is away means that `other` is asked.
    const read = await readPamService(service);
    if (!read.ok) return { kind: "unavailable", cause: read.problem };
    const remote = origin.remote === "local" ? null : origin.remote;
    const verdict = await pam({ service, user: given, password, remote }, signal);
    return answerOf(verdict, { given, user, backend: name });
  };

  const lookUp = async (user: UserName, signal: AbortSignal): Promise<Answer> => {
    if (accounts === null) return { kind: "rejected", why: "not-allowed" };
    const found = await accounts(writeName(userName, user), signal);
    if (!found.ok) return { kind: "unavailable", cause: found.problem };
    if (!found.value) return { kind: "rejected", why: "unknown-user" };
    const account = { name: `${user.local}@${user.realm}`, backend: name, addresses: [], groups: [], attributes: {} };
    return { kind: "known", account };
  };

  return {
    name,
    answers: { password: true, lookup: accounts !== null, schemes: new Set(), tokens: new Set() },
    ask: async (question, signal): Promise<Answer> => {
      if (question.kind !== "password" && question.kind !== "lookup") return { kind: "rejected", why: "not-allowed" };
      if (!serves(question.user)) return { kind: "rejected", why: "unknown-user" };
      try {
        const asked = AbortSignal.any([signal, closed.signal]);
        return await (question.kind === "password" ? checkPassword(question, asked) : lookUp(question.user, asked));
      } catch (error) {
        if (signal.aborted || !closed.signal.aborted) throw error;
        return { kind: "unavailable", cause: "the backend is closed" };
      }
    },
    // What its modules could do now is known only by a login.
    probe: async () => {
      const read = await readPamService(service);
      return read.ok ? succeed(undefined) : fail(read.problem);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(closed.abort()),
  };
}

/** What can be handed over whole: in C a NUL would be its end. */
function isPassword(password: string): boolean {
  return !password.includes("\0") && utf8(password).length <= PASSWORD_LIMIT_OCTETS;
}
