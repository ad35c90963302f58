/**
 * Accounts as the API shows them, and what it says where an act was refused.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { AccountRecord, Credential } from "../../accounts/account_store.ts";
import type { UserName } from "../../backend.ts";
import { unreachable } from "../../lib/result.ts";
import {
  type AccountOperations,
  accountOperations,
  type AccountRefusal,
  type AddressRefusal,
} from "../operations/accounts.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { accountOf, type ApiContext, unknownAccount } from "./frame.ts";

/** An account, without its credentials. The names are those of `user show --json`. */
export interface AccountItem {
  readonly account: string;
  readonly disabled: boolean;
  readonly created: string;
  readonly changed: string;
  readonly lastUsed: string | null;
  readonly addresses: readonly string[];
  readonly groups: readonly string[];
  readonly schemes: readonly string[];
  readonly legacyVerifiers: boolean;
  readonly imported: boolean;
  readonly missingRealms: readonly string[];
}

/** The form of an account in JSON. */
export const accountSchema: z.ZodType<AccountItem> = z.object({
  account: z.string().openapi({ example: "taro@example.jp" }),
  disabled: z.boolean(),
  created: z.iso.datetime(),
  changed: z.iso.datetime(),
  lastUsed: z.iso.datetime().nullable().openapi({ description: "The last login by any of its credentials." }),
  addresses: z.array(z.string()),
  groups: z.array(z.string()),
  schemes: z.array(z.string()).openapi({ description: "For which mechanisms verifiers of the password are stored." }),
  legacyVerifiers: z.boolean().openapi({ description: "Verifiers of CRAM-MD5 and DIGEST-MD5 are stored." }),
  imported: z.boolean().openapi({
    description: "The password is the hash of another system that no login has proved.",
  }),
  missingRealms: z.array(z.string()).openapi({ description: "DIGEST-MD5 in these realms works once it is set anew." }),
}).openapi("Account");

/** The form of a credential in JSON. */
export const credentialSchema: z.ZodType<Omit<Credential, "version">> = z.object({
  id: z.string(),
  kind: z.enum(["password", "app-password", "device"]),
  label: z.string(),
  networks: z.array(z.string()).openapi({ description: "From where it is accepted; empty: from everywhere." }),
  mechanisms: z.array(z.string()).nullable().openapi({ description: "With which it is accepted; null: with each." }),
  expires: z.iso.datetime().nullable(),
  created: z.iso.datetime(),
  lastUsed: z.iso.datetime().nullable(),
}).openapi("Credential");

/** The parameter of operations on the store. */
export const storeQuery: z.ZodObject<{ backend: z.ZodOptional<z.ZodString> }, z.core.$strict> = z.strictObject({
  backend: z.string().min(1).max(63).optional().openapi({
    description: "The backend whose store is meant; needed where several backends keep accounts here.",
  }),
});

/** Shows an account. */
export function accountItem(record: AccountRecord): AccountItem {
  const { name, disabled, created, changed, addresses, groups, schemes, legacyVerifiers, imported, missingRealms } =
    record;
  const uses = record.credentials.flatMap(({ lastUsed }) => lastUsed ?? []).toSorted();
  return {
    ...{ account: name, disabled, created, changed, lastUsed: uses.at(-1) ?? null },
    ...{ addresses, groups, schemes, legacyVerifiers, imported, missingRealms },
  };
}

/** Shows a credential. */
export function credentialItem({ version: _, ...credential }: Credential): Omit<Credential, "version"> {
  return credential;
}

/** The acts of whoever asks, on the store that the request means. */
export function actsOf(parts: SidecarParts, context: ApiContext): AccountOperations {
  return accountOperations(parts, context.get("actor"), context.req.query("backend"));
}

/** Works on the account that the path names. */
export async function withAccount(
  parts: SidecarParts,
  context: ApiContext,
  work: (acts: AccountOperations, user: UserName) => Promise<Response>,
): Promise<Response> {
  const user = accountOf(parts, context.req.param("account") ?? "");
  return user === null ? unknownAccount() : await work(actsOf(parts, context), user);
}

/** Says why an act was refused. */
export function refused(refusal: AccountRefusal): Response {
  switch (refusal.kind) {
    case "no-store":
      return problem(409, { detail: "No backend of the configuration keeps its accounts here" });
    case "which-store":
      return problem(400, {
        detail: `Several backends keep accounts here: name one of ${refusal.backends.join(", ")} as "backend"`,
        field: "backend",
      });
    case "unknown-store":
      return problem(400, {
        detail: refusal.backends.length === 0
          ? "No backend of the configuration keeps its accounts here"
          : `The parameter "backend" is none of ${refusal.backends.join(", ")}`,
        field: "backend",
      });
    case "unavailable":
      return problem(503, { detail: "The account store cannot be used now; the log has the reason" });
    case "unknown-account":
      return unknownAccount();
    case "exists":
      return problem(409, { detail: "There is an account with this name", field: "account" });
    case "bad-name":
      return problem(422, { detail: "The name is none that an account can have", field: "account" });
    case "bad-password":
      return problem(422, { detail: "The password holds characters that no password can have", field: "password" });
    default:
      return unreachable(refusal);
  }
}

/** Says why addresses were not set: which of those that were asked for, by its place. */
export function refusedAddresses(refusal: AddressRefusal, asked: readonly string[]): Response {
  switch (refusal.kind) {
    case "too-many":
      return problem(422, { detail: "An account has 100 addresses at most", field: "addresses" });
    case "unknown-account":
      return unknownAccount();
    case "bad-address":
      return problem(422, {
        detail: "This is no address and no pattern",
        field: `addresses.${asked.indexOf(refusal.address)}`,
      });
    case "taken":
      return problem(409, {
        detail: "Another account has this address, or has it as its name",
        field: `addresses.${asked.indexOf(refusal.address)}`,
      });
    default:
      return refused(refusal);
  }
}
