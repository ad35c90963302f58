/**
 * Putting imported accounts into the account store, one after the other, with what became of each.
 *
 * @module
 */

import { isAccountName } from "../accounts/account_name.ts";
import type { AccountAdmin, AccountProblem } from "../accounts/account_store.ts";
import type { UserName } from "../backend.ts";
import type { Result } from "../lib/result.ts";
import { createTurns } from "../lib/turns.ts";
import { prepare } from "../sasl/saslprep.ts";
import { formatUserName, parseUserName } from "../sasl/user_name.ts";
import type { ImportItem } from "./import_sources.ts";

/** What became of an account. `verifiers`: all were made; else those of other mechanisms than PLAIN and LOGIN come with a login. */
export type ImportOutcome =
  | {
    readonly kind: "imported" | "replaced";
    readonly user: UserName;
    readonly verifiers: boolean;
    readonly note: string | null;
  }
  /** It was there and stays as it is. */
  | { readonly kind: "exists"; readonly user: UserName }
  | { readonly kind: "refused"; readonly name: string; readonly why: string };

/** How it is done. */
export interface ImportOptions {
  readonly store: AccountAdmin;
  /** For names without a realm. */
  readonly defaultRealm: string;
  /** Whether an account that is there gets the password of the file. */
  readonly overwrite: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
  /** Called after each account. */
  readonly onDone: () => void;
}

/** As many as scrypt works at. */
const AT_ONCE = 2;

/** Imports all of them, each durably before it counts; the outcomes are in the order of the items. */
export async function importAccounts(
  items: readonly ImportItem[],
  options: ImportOptions,
): Promise<readonly ImportOutcome[]> {
  const turns = createTurns(AT_ONCE);
  const seen = new Set<string>();
  return await Promise.all(items.map((item) => {
    const user = parseUserName(item.name, options);
    const twice = user !== null && seen.has(formatUserName(user));
    if (user !== null) seen.add(formatUserName(user));
    return turns(async (): Promise<ImportOutcome> => {
      const outcome = twice
        ? { kind: "refused", name: item.name, why: "the file has another account of this name" } as const
        : await importAccount(item, user, options);
      options.onDone();
      return outcome;
    });
  }));
}

async function importAccount(
  item: ImportItem,
  user: UserName | null,
  { store, overwrite, dryRun }: ImportOptions,
): Promise<ImportOutcome> {
  if (user === null || !isAccountName(user)) return { kind: "refused", name: item.name, why: WHY["bad-name"] };
  const existed = await store.show(user) !== null;
  if (existed && !overwrite) return { kind: "exists", user };
  if (item.password.kind === "clear" && prepare(item.password.text) === null) {
    return { kind: "refused", name: item.name, why: WHY["bad-password"] };
  }
  const done = dryRun ? null : await write(item, { user, store, existed });
  if (done?.ok === false) {
    return done.problem === "exists"
      ? { kind: "exists", user }
      : { kind: "refused", name: item.name, why: WHY[done.problem] };
  }
  const kind = existed ? "replaced" : "imported";
  return { kind, user, verifiers: item.password.kind === "clear", note: item.note ?? null };
}

async function write(
  { password }: ImportItem,
  { user, store, existed }: { readonly user: UserName; readonly store: AccountAdmin; readonly existed: boolean },
): Promise<Result<unknown, AccountProblem>> {
  if (password.kind === "secret") {
    return await store.addImported(user, password.secret, { replace: existed, disabled: password.disabled });
  }
  return existed ? await store.setPassword(user, password.text) : await store.add(user, password.text);
}

const WHY: Readonly<Record<AccountProblem, string>> = {
  "bad-name": "an account cannot have this name (1 to 64 octets, no space, no / or @, no leading dot)",
  "bad-password": "SASLprep (RFC 4013) forbids a character of its password",
  "exists": "it exists",
  "unknown-account": "it was deleted meanwhile",
};
