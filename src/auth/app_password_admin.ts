/**
 * App passwords as people, administrators and commands manage them: for an account of whichever backend.
 *
 * @module
 */

import { type AppPasswordFile, isStorable, splitAccountName } from "../accounts/app_password_store.ts";
import type { AccountAdmin, AppPasswordProblem, AppPasswordRequest, Credential } from "../accounts/account_store.ts";
import type { Account, Answer, Backend, UserName } from "../backend.ts";
import type { BackendConfig } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { takesAppPasswords } from "./app_passwords.ts";
import type { Authenticator } from "./authenticator.ts";
import { canonicalRealm, realmSet } from "./members.ts";

/** What is needed to manage them. */
export interface AppPasswordsParts {
  readonly sections: readonly Pick<BackendConfig, "name" | "control" | "realms">[];
  readonly backends: readonly Backend[];
  readonly authenticator: Pick<Authenticator, "lookup">;
  /** Our stores, by the name of their backend, in the order of the chain. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  readonly file: AppPasswordFile;
}

/** A fresh app password, and whose it is. Nobody can read the password again. */
export interface MadeAppPassword {
  readonly account: Account;
  readonly credential: Credential;
  readonly password: string;
}

/** Why there is no app password, or nothing to say about those of an account. */
export type AppPasswordRefusal =
  /** What was asked for is not right, or nobody knows the account. */
  | { readonly kind: AppPasswordProblem }
  /** Its backend knows it, and says that it may not log in. */
  | { readonly kind: "not-allowed" }
  /** The account may be in one of these backends, which cannot tell whether it is there. */
  | { readonly kind: "no-lookup"; readonly backends: readonly string[] }
  /** These backends have to agree to each login, and cannot be shown an app password. */
  | { readonly kind: "required"; readonly backends: readonly string[] }
  /** The backend gives the account a name that cannot be stored. */
  | { readonly kind: "bad-name" }
  /** An outage; the cause is for the administrator. */
  | { readonly kind: "unavailable"; readonly cause: string };

/** The app passwords of accounts of all backends. Names are as clients give them, completed with the default realm. */
export interface AppPasswords {
  /** The oldest first. No backend is asked where some are stored. */
  list(account: UserName): Promise<Result<readonly Credential[], AppPasswordRefusal>>;
  add(account: UserName, request: AppPasswordRequest): Promise<Result<MadeAppPassword, AppPasswordRefusal>>;
  /** No login by it is accepted from now on. No backend is asked. */
  revoke(account: UserName, credential: string): Promise<Result<void, "unknown-credential" | "unavailable">>;
  /** Removes those that are kept beside an account of another backend; those of our own accounts go with the account. */
  forget(account: UserName): Promise<void>;
  /** Whether this credential of an account, as a login gave both, is its main password and no app password. */
  isMain(account: Account, credential: string): Promise<boolean>;
}

/** Who of the chain could have an account, and whose yes it needs. */
interface Candidates {
  readonly blind: readonly string[];
  readonly required: readonly string[];
}

/** Makes it for one configuration. */
export function createAppPasswords(parts: AppPasswordsParts): AppPasswords {
  const { authenticator, stores, file } = parts;
  const lookup = (user: UserName) => authenticator.lookup(user, new AbortController().signal);

  /** Of our stores, and of the file: where an account has credentials. */
  async function stored(user: UserName): Promise<Result<StoredCredentials, AppPasswordRefusal>> {
    const others = file.existing();
    if (!others.ok) return fail({ kind: "unavailable", cause: others.problem.message });
    const name = await others.value?.find(user) ?? null;
    const foreign = others.value === null || name === null ? [] : await others.value.credentials(name);
    const ours: Credential[] = [];
    let isOurs = false;
    for (const store of stores.values()) {
      const account = await store.find(user);
      if (account === null) continue;
      isOurs = true;
      ours.push(...await store.credentials(account.name));
    }
    return succeed({ isOurs, credentials: [...ours, ...foreign].filter(({ kind }) => kind === "app-password") });
  }

  async function addForeign(
    account: Account,
    request: AppPasswordRequest,
  ): Promise<Result<MadeAppPassword, AppPasswordRefusal>> {
    const name = splitAccountName(account.name);
    const { required } = candidates(parts, name.realm);
    if (required.length > 0) return fail({ kind: "required", backends: required });
    const backend = parts.backends.find((each) => each.name === account.backend);
    if (backend === undefined || !takesAppPasswords(backend)) {
      return fail({ kind: "no-lookup", backends: [account.backend] });
    }
    if (!isStorable(account.name)) return fail({ kind: "bad-name" });
    const store = file.make();
    if (!store.ok) return fail({ kind: "unavailable", cause: store.problem.message });
    const added = await store.value.add(name, request);
    return added.ok ? succeed({ account, ...added.value }) : fail({ kind: added.problem });
  }

  async function addOurs(
    store: AccountAdmin,
    account: Account,
    request: AppPasswordRequest,
  ): Promise<Result<MadeAppPassword, AppPasswordRefusal>> {
    const added = await store.addAppPassword(splitAccountName(account.name), request);
    return added.ok ? succeed({ account, ...added.value }) : fail({ kind: added.problem });
  }

  return {
    list: async (user) => {
      const found = await stored(user);
      if (!found.ok) return found;
      const { credentials, isOurs } = found.value;
      if (credentials.length > 0 || isOurs) return succeed(credentials);
      const answer = await lookup(user);
      return answer.kind === "known" ? succeed([]) : fail(refusalOf(answer, candidates(parts, user.realm)));
    },
    add: async (user, request) => {
      const answer = await lookup(user);
      if (answer.kind === "known") {
        const store = stores.get(answer.account.backend);
        return store === undefined
          ? await addForeign(answer.account, request)
          : await addOurs(store, answer.account, request);
      }
      // In a realm that is not served an account of ours is there all the same.
      for (const [backend, store] of stores) {
        const account = await store.find(user);
        if (account !== null) return await addOurs(store, { ...account, backend }, request);
      }
      return fail(refusalOf(answer, candidates(parts, user.realm)));
    },
    revoke: async (user, credential) => {
      for (const store of stores.values()) {
        if ((await store.revokeAppPassword(user, credential)).ok) return succeed(undefined);
      }
      const others = file.existing();
      if (!others.ok) return fail("unavailable");
      const revoked = await others.value?.revoke(user, credential);
      return revoked?.ok === true ? succeed(undefined) : fail("unknown-credential");
    },
    forget: async (user) => {
      const others = file.existing();
      if (others.ok) await others.value?.remove(user);
    },
    isMain: async ({ name, backend }, credential) => {
      const ours = await stores.get(backend)?.credentials(name);
      if (ours !== undefined) return ours.some(({ id, kind }) => id === credential && kind === "password");
      const others = file.existing();
      const foreign = others.ok ? await others.value?.credentials(name) ?? [] : [];
      return others.ok && !foreign.some(({ id }) => id === credential);
    },
  };
}

interface StoredCredentials {
  readonly isOurs: boolean;
  readonly credentials: readonly Credential[];
}

/** A sentence for the administrator, without the name of the account. */
export function explainRefusal(refusal: AppPasswordRefusal): string {
  switch (refusal.kind) {
    case "unknown-account":
      return "there is no such account";
    case "bad-label":
      return "the label has 1 to 64 printable characters";
    case "label-taken":
      return "another app password of the account has this label";
    case "bad-networks":
      return "expected 20 addresses or networks at most, such as 192.0.2.0/24";
    case "bad-mechanisms":
      return "expected names of mechanisms, such as SCRAM-SHA-256 or PLAIN";
    case "bad-expires":
      return "expected a time in the future, such as 2027-01-31T00:00:00Z";
    case "too-many":
      return "the account has 50 app passwords, and that is the most";
    case "not-allowed":
      return "the backend of the account says that it may not log in";
    case "no-lookup":
      return `the account may be in ${
        listed(refusal.backends)
      }, and whether it still is there could not be asked at a login`;
    case "required":
      return `each login needs the yes of ${listed(refusal.backends)}, which cannot be shown an app password`;
    case "bad-name":
      return "its backend gives the account a name that cannot be stored";
    case "unavailable":
      return `it cannot be told now: ${printable(refusal.cause, 300)}`;
  }
}

function candidates({ sections, backends }: AppPasswordsParts, realm: string): Candidates {
  const asked = sections.filter(({ realms }) => realmSet(realms)?.has(canonicalRealm(realm)) !== false);
  const names = new Set(asked.map(({ name }) => name));
  return {
    blind: backends.filter(({ name, answers }) => names.has(name) && !answers.lookup).map(({ name }) => name),
    required: asked.filter(({ control }) => control === "required").map(({ name }) => name),
  };
}

function refusalOf(answer: Answer, { blind }: Candidates): AppPasswordRefusal {
  if (answer.kind === "unavailable") return { kind: "unavailable", cause: answer.cause };
  if (answer.kind === "rejected" && answer.why !== "unknown-user") return { kind: "not-allowed" };
  return blind.length > 0 ? { kind: "no-lookup", backends: blind } : { kind: "unknown-account" };
}

function listed(backends: readonly string[]): string {
  return `the backend${backends.length === 1 ? "" : "s"} ${backends.join(", ")}`;
}
