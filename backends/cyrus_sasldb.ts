/**
 * The backend `cyrus_sasldb`: the accounts of Cyrus SASL's `sasldb2`, as `saslpasswd2` writes it, and of SASL 1.5's `sasldb`. The
 * passwords in it are clear text, so every mechanism can be answered.
 *
 * @module
 */

import { createHmac, randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { z } from "zod";
import type { Account, Answer, Backend, Question, RejectedBecause, UserName, VerifierScheme } from "../src/backend.ts";
import { type BackendHost, type BackendModule, BackendProblem, defineBackend } from "../src/backend_module.ts";
import { equalConstantTime } from "../src/lib/constant_time.ts";
import { utf8 } from "../src/lib/octets.ts";
import { succeed } from "../src/lib/result.ts";
import { createCyrusFile, type CyrusFile } from "./cyrus_sasldb_file.ts";
import { readableByOthers } from "./lib/account_file.ts";
import { canonicalRealm, type CyrusAccount } from "./lib/cyrus_entries.ts";
import { type CyrusSecret, digestSecretFits, plainSecretFits } from "./lib/cyrus_secrets.ts";
import { path } from "./lib/values.ts";

const OPTIONS = z.strictObject({
  /** The file; a relative path is under `data_dir`. */
  file: path.default("/etc/sasldb2"),
});

/** The module of type `cyrus_sasldb`. */
export const CYRUS_SASLDB: BackendModule<typeof OPTIONS> = defineBackend({
  type: "cyrus_sasldb",
  schema: OPTIONS,
  deadlineMs: 10_000,
  open: async (name, { file }, host) => {
    const found = resolve(host.dataDir, file);
    const warn = host.warn ?? (() => {});
    const cyrus = createCyrusFile(found, { defaultRealm: host.defaultRealm, warn });
    const opened = await cyrus.read();
    if (!opened.ok) {
      const denied = opened.problem.endsWith("permission denied");
      throw new BackendProblem(
        denied ? `${opened.problem}; put this service's user into the file's group` : opened.problem,
      );
    }
    if (await readableByOthers(found)) {
      throw new BackendProblem(
        `Cannot use ${found}: everybody can read its passwords; run chmod 600 on it, or 640 where this service reads it by its group`,
      );
    }
    tellLeftOut(opened.value.leftOut, { file: found, warn });
    return createBackend(name, { cyrus, host, key: randomBytes(32) });
  },
});

/** Most entries that are named one by one. */
const NAMED = 20;
/** The one that every account has. */
const CREDENTIAL = "password";
/** What is made for unknown users, to take the time of known ones. */
const NOBODYS_PASSWORD = "nobody's";

interface Context {
  readonly cyrus: CyrusFile;
  readonly host: BackendHost;
  /** Of versions: a plain hash of a password would give it away. */
  readonly key: Uint8Array;
}

function createBackend(name: string, context: Context): Backend {
  const { cyrus, host } = context;
  return {
    name,
    answers: {
      password: true,
      lookup: true,
      tokens: new Set(),
      // As the file is now: accounts that SASL 1.5 left behind have not all of them.
      get schemes() {
        return host.verifiersOf === undefined ? new Set<VerifierScheme>() : cyrus.last?.schemes ?? new Set();
      },
    },
    ask: (question, signal) => answer(question, { ...context, name, signal }),
    probe: async () => {
      const accounts = await cyrus.read();
      return accounts.ok ? succeed(undefined) : accounts;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface AskContext extends Context {
  readonly name: string;
  readonly signal: AbortSignal;
}

async function answer(question: Question, context: AskContext): Promise<Answer> {
  if (question.kind === "token") return rejected("not-allowed");
  if (question.kind === "password" && question.password === "") return rejected("wrong-secret");
  const { user } = question;
  const accounts = await context.cyrus.read();
  context.signal.throwIfAborted();
  if (!accounts.ok) return { kind: "unavailable", cause: accounts.problem };
  const found = accounts.value.find(user);
  switch (question.kind) {
    case "lookup":
      return found === null ? rejected("unknown-user") : { kind: "known", account: accountOf(user, context.name) };
    case "password":
      if (found === null) return rejected("unknown-user");
      return await answerPassword(found, { user, password: question.password }, context);
    case "verifiers":
      return await answerVerifiers(found, { user, scheme: question.scheme }, context);
  }
}

async function answerPassword(
  found: CyrusAccount,
  { user, password }: { readonly user: UserName; readonly password: string },
  { name, host, key }: AskContext,
): Promise<Answer> {
  const fits = found.password !== null
    ? samePassword(found.password.text, password)
    : await fitsSecrets(found, { user, password }, host);
  if (!fits) return rejected("wrong-secret", found.password?.guessed === true ? GUESSED : undefined);
  const version = createHmac("sha256", key).update(password).digest("hex").slice(0, 16);
  return { kind: "accepted", account: accountOf(user, name), credential: CREDENTIAL, version };
}

async function answerVerifiers(
  found: CyrusAccount | null,
  { user, scheme }: { readonly user: UserName; readonly scheme: VerifierScheme },
  { name, host }: AskContext,
): Promise<Answer> {
  if (host.verifiersOf === undefined) return rejected(found === null ? "unknown-user" : "not-allowed");
  const named = { local: user.local, realm: canonicalRealm(user.realm) };
  if (found === null) {
    await host.verifiersOf(scheme, { user: named, password: NOBODYS_PASSWORD });
    return rejected("unknown-user");
  }
  const account = accountOf(user, name);
  if (found.password !== null) {
    const verifiers = await host.verifiersOf(scheme, { user: named, password: found.password.text });
    if (verifiers.length === 0) return rejected("not-allowed", "its password is one that SASLprep forbids");
    return { kind: "verifiers", account, verifiers, decoy: false };
  }
  const secret = found.secrets.find(({ mechanism }) => mechanism.toLowerCase() === scheme);
  const credential = CREDENTIAL;
  switch (secret?.mechanism) {
    case "CRAM-MD5": {
      const { inner, outer } = secret;
      return {
        kind: "verifiers",
        account,
        verifiers: [{ scheme: "cram-md5", credential, inner, outer }],
        decoy: false,
      };
    }
    case "DIGEST-MD5": {
      const verifier = { scheme: "digest-md5", credential, realm: named.realm, ha1s: [secret.ha1] } as const;
      return { kind: "verifiers", account, verifiers: [verifier], decoy: false };
    }
    default:
      return rejected("not-allowed", `SASL 1.5 left no ${scheme} secret of it, and no password`);
  }
}

const GUESSED = "its password is not UTF-8 and was taken as ISO-8859-1";

/** As it was typed, or as Unicode sees no difference (a prepared password is in NFKC). */
function samePassword(stored: string, given: string): boolean {
  const [exact, compatible] = [(text: string) => text, (text: string) => text.normalize("NFKC")].map((form) =>
    equalConstantTime(utf8(form(stored)), utf8(form(given)))
  );
  return exact === true || compatible === true;
}

/** The strongest of the secrets decides. */
async function fitsSecrets(
  { local, realm, secrets }: CyrusAccount,
  { user, password }: { readonly user: UserName; readonly password: string },
  host: BackendHost,
): Promise<boolean> {
  const plain = secrets.find((secret) => secret.mechanism === "PLAIN");
  if (plain !== undefined) return plainSecretFits(plain, password);
  const digest = secrets.find((secret) => secret.mechanism === "DIGEST-MD5");
  if (digest !== undefined) return digestSecretFits(digest, { local, realm, password });
  const cram = secrets.find((secret) => secret.mechanism === "CRAM-MD5");
  return cram !== undefined && await fitsContexts(cram, { user, password }, host);
}

async function fitsContexts(
  { inner, outer }: CyrusSecret & { mechanism: "CRAM-MD5" },
  login: { readonly user: UserName; readonly password: string },
  host: BackendHost,
): Promise<boolean> {
  const made = await host.verifiersOf?.("cram-md5", login) ?? [];
  return made.some((one) =>
    one.scheme === "cram-md5" && equalConstantTime(one.inner, inner) && equalConstantTime(one.outer, outer)
  );
}

function accountOf({ local, realm }: UserName, backend: string): Account {
  return { name: `${local}@${canonicalRealm(realm)}`, backend, addresses: [], groups: [], attributes: {} };
}

function rejected(why: RejectedBecause, note?: string): Answer {
  return note === undefined ? { kind: "rejected", why } : { kind: "rejected", why, note };
}

function tellLeftOut(
  leftOut: readonly string[],
  { file, warn }: { readonly file: string; readonly warn: (text: string) => void },
): void {
  for (const each of leftOut.slice(0, NAMED)) warn(`${file}: ${each}`);
  if (leftOut.length > NAMED) warn(`${file}: ${leftOut.length - NAMED} more entries are left out`);
}
