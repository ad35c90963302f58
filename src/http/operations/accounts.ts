/**
 * What is done to accounts of our own store: the same for the API and for the pages. Each act is in the audit log and in the log; a
 * session ends with the password or the right that it was begun with.
 *
 * @module
 */

import { canonicalName } from "../../accounts/account_name.ts";
import type { AccountAdmin, AccountProblem, AccountRecord, AddressProblem } from "../../accounts/account_store.ts";
import type { UserName } from "../../backend.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import type { Actor } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { auditBy, type OperationParts } from "./act.ts";

/** Why no store of accounts can be worked on. */
export type StoreProblem =
  /** No backend keeps its accounts here. */
  | { readonly kind: "no-store" }
  /** There are several, and none was named; or the one that was named is none of them. */
  | { readonly kind: "which-store" | "unknown-store"; readonly backends: readonly string[] }
  /** An outage; the log has the reason. */
  | { readonly kind: "unavailable" };

/** There is no such account in the store. */
export interface UnknownAccount {
  readonly kind: "unknown-account";
}

/** Why a change was not made. */
export type AccountRefusal = StoreProblem | { readonly kind: AccountProblem };

/** Why addresses were not set. */
export type AddressRefusal = StoreProblem | AddressProblem;

/** Which accounts are asked for. */
export interface AccountSearch {
  readonly realm?: string;
  /** A part of the name or of an address, without case. */
  readonly search?: string;
}

/** One page of accounts, sorted by name. */
export interface AccountPage {
  readonly items: readonly AccountRecord[];
  /** What to give as `after` for the next page; `null`: this is the last. */
  readonly next: string | null;
}

/** The acts. Names are complete (`parseUserName`), and are found as a login finds them. */
export interface AccountOperations {
  list(
    search: AccountSearch,
    page: { readonly after: string | null; readonly count: number },
  ): Promise<Result<AccountPage, StoreProblem>>;
  show(user: UserName): Promise<Result<AccountRecord, StoreProblem | UnknownAccount>>;
  add(user: UserName, password: string): Promise<Result<AccountRecord, AccountRefusal>>;
  /** Replaces the main password and ends the account's sessions. */
  setPassword(user: UserName, password: string): Promise<Result<AccountRecord, AccountRefusal>>;
  /** A disabled account cannot log in, and its sessions end. */
  setDisabled(user: UserName, disabled: boolean): Promise<Result<AccountRecord, AccountRefusal>>;
  setAddresses(user: UserName, addresses: readonly string[]): Promise<Result<AccountRecord, AddressRefusal>>;
  /** Removes the account with its app passwords, sessions, administration and part of the authentication log. Its queued mail stays. */
  remove(user: UserName): Promise<Result<void, AccountRefusal>>;
}

/** The acts of one actor, on the store of this backend or, where none is named, on the only one there is. */
export function accountOperations(
  parts: OperationParts & Pick<SidecarParts, "limits">,
  actor: Actor,
  backend?: string,
): AccountOperations {
  const { records, limits, log, current } = parts;
  const audit = auditBy(parts, actor);

  const inStore = async <Value, Problem>(
    work: (store: AccountAdmin) => Promise<Result<Value, Problem>>,
  ): Promise<Result<Value, Problem | StoreProblem>> => {
    const chosen = chooseStore(current().stores, backend);
    if (!chosen.ok) return chosen;
    try {
      return await work(chosen.value);
    } catch (error) {
      if (!isOutage(error)) throw error;
      // Words of SQLite, which name tables and files; never a value.
      log({ kind: "warning", about: "accounts", text: printable(`The account store failed: ${error.message}`, 500) });
      return fail({ kind: "unavailable" });
    }
  };
  const changed = (account: string, { what, ends, detail }: {
    readonly what: string;
    /** Whether its sessions end. */
    readonly ends: boolean;
    readonly detail?: string;
  }) => {
    if (ends) records.sessions.endOthers(account, null);
    log({ kind: "account-changed", account, what, by: actor.who });
    audit(`account.${what}`, account, detail);
  };

  return {
    list: ({ realm, search }, { after, count }) =>
      inStore(async (store) => {
        const filter = { ...realm !== undefined && { realm }, ...search !== undefined && { search } };
        const found = await store.list({ ...filter, ...after !== null && { after }, count: count + 1 });
        const items = found.slice(0, count);
        return succeed({ items, next: found.length > count ? items.at(-1)?.name ?? null : null });
      }),
    show: (user) => inStore((store) => find(store, user)),
    add: (user, password) =>
      inStore(async (store) => {
        const added = await store.add(user, password);
        if (added.ok) changed(added.value.name, { what: "add", ends: false });
        return refusal(added);
      }),
    setPassword: (user, password) =>
      inStore(async (store) => {
        const set = await store.setPassword(user, password);
        if (set.ok) changed(set.value.name, { what: "password", ends: true });
        return refusal(set);
      }),
    setDisabled: (user, disabled) =>
      inStore(async (store) => {
        const set = await store.setDisabled(user, disabled);
        if (set.ok) changed(set.value.name, { what: disabled ? "disable" : "enable", ends: disabled });
        return refusal(set);
      }),
    setAddresses: (user, addresses) =>
      inStore(async (store) => {
        const set = await store.setAddresses(user, addresses);
        if (!set.ok) return set;
        const { name, addresses: now } = set.value;
        changed(name, { what: "addresses", ends: false, detail: now.join(" ") });
        return set;
      }),
    remove: (user) =>
      inStore(async (store) => {
        const found = await find(store, user);
        if (!found.ok) return found;
        const { name } = found.value;
        const removed = await store.remove(user);
        if (!removed.ok) return refusal(removed);
        // Those that are kept beside an account of another backend with the same name.
        await current().appPasswords.forget(canonicalName(user));
        records.forgetAccount(name);
        limits.forget(name);
        changed(name, { what: "delete", ends: false });
        return removed;
      }),
  };
}

/** The store of this backend or, where none is named, the only one there is. */
export function chooseStore(
  stores: ReadonlyMap<string, AccountAdmin>,
  backend: string | undefined,
): Result<AccountAdmin, StoreProblem> {
  const backends = [...stores.keys()];
  if (backend !== undefined) {
    const named = stores.get(backend);
    return named === undefined ? fail({ kind: "unknown-store", backends }) : succeed(named);
  }
  // Two sections may name one file.
  const [only, ...others] = new Set(stores.values());
  if (only === undefined) return fail({ kind: "no-store" });
  return others.length === 0 ? succeed(only) : fail({ kind: "which-store", backends });
}

async function find(store: AccountAdmin, user: UserName): Promise<Result<AccountRecord, UnknownAccount>> {
  const record = await store.show(user);
  return record === null ? fail({ kind: "unknown-account" }) : succeed(record);
}

function refusal<Value>(made: Result<Value, AccountProblem>): Result<Value, { readonly kind: AccountProblem }> {
  return made.ok ? made : fail({ kind: made.problem });
}

/** The file cannot be read or written now. */
export function isOutage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}
