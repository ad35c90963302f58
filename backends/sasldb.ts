/**
 * The backend `sasldb`: the account store that the `user` and `saslpasswd` commands manage. It answers every kind of question but
 * tokens.
 *
 * @module
 */

import { z } from "zod";
import type { Answer, Backend, LocalAccounts, Question, Standing, UserName, VerifierScheme } from "../src/backend.ts";
import { type BackendHost, type BackendModule, defineBackend } from "../src/backend_module.ts";

type AccountStore = ReturnType<BackendHost["accounts"]>;

const OPTIONS = z.strictObject({
  /** The file with the accounts; a relative path is under `data_dir`. */
  file: z.string().min(1).default("sasldb"),
});

/** The module of type `sasldb`. */
export const SASLDB: BackendModule<typeof OPTIONS> = defineBackend({
  type: "sasldb",
  schema: OPTIONS,
  // Nothing remote is waited for, but the line for scrypt: some hundred logins at once take that long on a small machine.
  deadlineMs: 60_000,
  open: (name, { file }, host) => Promise.resolve(createBackend(name, host.accounts(file))),
});

function createBackend(name: string, accounts: AccountStore): Backend {
  return {
    name,
    answers: {
      password: true,
      lookup: true,
      tokens: new Set(),
      // As the store is now: an imported account may lack some until its first login.
      get schemes() {
        return accounts.schemes;
      },
    },
    local: localAccounts(name, accounts),
    ask: async (question, signal) => {
      try {
        return await answer(question, { name, accounts, signal });
      } catch (error) {
        if (!isOutage(error)) throw error;
        // Words of SQLite, which name tables and files, or of the store; never a value.
        return { kind: "unavailable", cause: error.message };
      }
    },
    probe: () => Promise.resolve(accounts.probe()),
    // The store belongs to the process and outlives this configuration.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Context {
  readonly name: string;
  readonly accounts: AccountStore;
  readonly signal: AbortSignal;
}

function answer(question: Question, context: Context): Promise<Answer> {
  switch (question.kind) {
    case "password":
      return answerPassword(question, context);
    case "verifiers":
      return answerVerifiers(question, context);
    case "lookup":
      return answerLookup(question.user, context);
    case "token":
      return Promise.resolve({ kind: "rejected", why: "not-allowed" });
  }
}

async function answerPassword(
  { user, password }: { readonly user: UserName; readonly password: string },
  { name, accounts, signal }: Context,
): Promise<Answer> {
  const account = await accounts.find(user);
  if (account === null) return { kind: "rejected", why: "unknown-user" };
  // A disabled account costs the same scrypt: the time must not tell which accounts are.
  const credential = await accounts.checkSecret(account.name, password, { signal });
  if (await accounts.state(account.name) !== "active") return { kind: "rejected", why: "disabled" };
  if (credential === "previous") return { kind: "rejected", why: "previous-secret" };
  if (credential === null) return { kind: "rejected", why: "wrong-secret" };
  return {
    kind: "accepted",
    account: { ...account, backend: name },
    credential: credential.id,
    version: credential.version,
  };
}

async function answerVerifiers(
  { user, scheme }: { readonly user: UserName; readonly scheme: VerifierScheme },
  { name, accounts }: Context,
): Promise<Answer> {
  const account = await accounts.find(user);
  if (account === null) return { kind: "rejected", why: "unknown-user" };
  const verifiers = await accounts.verifiers(account.name, scheme);
  if (verifiers.length === 0) return { kind: "rejected", why: "not-allowed" };
  return { kind: "verifiers", account: { ...account, backend: name }, verifiers, decoy: false };
}

async function answerLookup(user: UserName, { name, accounts }: Context): Promise<Answer> {
  const account = await accounts.find(user);
  if (account === null) return { kind: "rejected", why: "unknown-user" };
  return { kind: "known", account: { ...account, backend: name } };
}

function localAccounts(name: string, accounts: AccountStore): LocalAccounts {
  return {
    standing: async (user): Promise<Standing | null> => {
      const account = await accounts.find(user);
      if (account === null) return null;
      const disabled = await accounts.state(account.name) !== "active";
      const credentials = await accounts.credentials(account.name);
      return { account: { ...account, backend: name }, disabled, credentials };
    },
    namesakes: (local) => accounts.namesakes(local),
    used: ({ account }, credential, at, origin) => void accounts.used(account.name, credential, origin, at),
    spend: async (password, signal) => {
      // No account has an empty name.
      await accounts.checkPassword("", password, { signal });
    },
  };
}

/** The file cannot be read, or nothing here can check a hash that was imported. */
function isOutage(error: unknown): error is Error {
  return error instanceof Error && "code" in error &&
    (error.code === "ERR_SQLITE_ERROR" || error.code === "ERR_FOREIGN_HASH");
}
