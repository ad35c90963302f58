/**
 * Accounts in a directory: which entry is meant by a name, and what it says of its account.
 *
 * @module
 */

import { type Filter, FilterParser } from "ldapts";
import type { Account, UserName } from "../src/backend.ts";
import { toAscii } from "../src/lib/domain.ts";
import { utf8 } from "../src/lib/octets.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { hasControl, printable } from "../src/lib/text.ts";
import type { LdapConnection, LdapEntry, LdapFailure, LdapSearch } from "./ldap_connection.ts";
import type { LdapOptions } from "./ldap_options.ts";
import {
  comparedWithUser,
  fillDn,
  fillFilter,
  fillPlain,
  isDnTemplate,
  placeholdersOf,
  type TemplateValues,
} from "./ldap_text.ts";

/** What a name leads to. */
export type Located =
  | { readonly kind: "found"; readonly entry: LdapEntry; readonly account: Account; readonly member: boolean }
  | { readonly kind: "none" }
  /** Something that the administrator must see. */
  | { readonly kind: "odd"; readonly note: string };

/** Finds accounts. */
export interface LdapDirectory {
  /** Whether an account can be found by a search or a read of its entry. */
  readonly canLocate: boolean;
  /** Whether a name leads to the same entry in whichever realm it is given. */
  readonly ignoresRealm: boolean;
  /** Whether a login needs more than the bind. */
  readonly readsEntry: boolean;
  /** What to bind with where there is a template; `null`: no account has such a name. */
  bindName(user: UserName): string | null;
  /** Finds the entry, and whether it belongs to the required group. `more`: further attributes to read. */
  locate(
    connection: LdapConnection,
    query: { readonly user: UserName; readonly more?: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Result<Located, LdapFailure>>;
  /** The account of a name whose entry is not read. */
  accountOf(user: UserName): Account;
}

/** The filter that every entry fits. */
export const ANY_ENTRY: Filter = FilterParser.parseString("(objectClass=*)");
const LOCAL_PART_OCTETS = 64;

/** Makes one for the backend `name`. Throws an `Error` for a filter that cannot be read. */
export function createDirectory(name: string, options: LdapOptions): LdapDirectory {
  const { template, base, filter, requireGroup, addressAttributes, nameAttribute, groupAttribute } = options;
  const userAttribute = options.userAttribute ?? comparedWithUser(filter ?? template ?? "");
  const attributes = [userAttribute, nameAttribute, groupAttribute, ...addressAttributes].filter((one) => one != null);
  for (const each of [filter, requireGroup]) if (each !== undefined && isFilter(each)) checkFilter(each);

  const search = (user: UserName, more: readonly string[]): LdapSearch | null => {
    const values = valuesOf(user);
    const wanted = [...attributes, ...more];
    if (base !== undefined && filter !== undefined) {
      return {
        base: fillDn(base, values),
        scope: options.scope,
        filter: parse(fillFilter(filter, values)),
        attributes: wanted,
      };
    }
    if (template === undefined || !isDnTemplate(template)) return null;
    return { base: fillDn(template, values), scope: "base", filter: ANY_ENTRY, attributes: wanted };
  };

  return {
    ignoresRealm: ![template, base, filter, requireGroup].some((text) => text !== undefined && namesRealm(text)),
    canLocate: filter !== undefined || isDnTemplate(template ?? ""),
    readsEntry: filter !== undefined || requireGroup !== undefined || options.userAttribute !== undefined ||
      nameAttribute !== undefined || groupAttribute !== undefined || addressAttributes.length > 0,
    bindName: (user) => template === undefined ? null : bindNameOf(template, user),
    accountOf: (user) => accountOf(name, { ...user, local: foldLocal(user.local) }),
    locate: async (connection, { user, more = [], signal }) => {
      const query = search(user, more);
      if (query === null) return fail({ kind: "refused", text: "there is no filter to find entries by" });
      const found = await connection.search(query, signal);
      if (!found.ok) return found;
      if (found.value === null && base !== undefined && isFixed(base)) {
        return fail({ kind: "refused", text: missing("base", query.base) });
      }
      const [entry, second] = found.value ?? [];
      if (entry === undefined) return succeed({ kind: "none" });
      if (second !== undefined) return succeed({ kind: "odd", note: `two entries: "${entry.dn}" and "${second.dn}"` });
      const local = userAttribute === null ? foldLocal(user.local) : localOf(entry, { user, userAttribute });
      if (local === null || entry.dn === "") {
        return succeed({
          kind: "odd",
          note: `"${entry.dn}" has no ${userAttribute} that can be the name of an account`,
        });
      }
      const member = await isMember(connection, { entry, user: { ...user, local }, requireGroup, signal });
      if (!member.ok) return member;
      return succeed({ kind: "found", entry, account: readAccount(entry, { ...user, local }), member: member.value });
    },
  };

  function readAccount(entry: LdapEntry, user: UserName): Account {
    const values = (attribute: string) => entry.attributes.get(attribute.toLowerCase()) ?? [];
    const display = nameAttribute === undefined ? undefined : values(nameAttribute)[0];
    return {
      ...accountOf(name, user),
      addresses: [...new Set(addressAttributes.flatMap(values).flatMap((value) => addressOf(value) ?? []))],
      groups: groupAttribute === undefined ? [] : values(groupAttribute).filter((group) => !hasControl(group)),
      attributes: display === undefined ? {} : { name: printable(display) },
    };
  }
}

/**
 * The name as an account can have it: with the realm as an A-label where it is a domain. `null` for what is the name of no account, as
 * in our own store: over 64 octets, `/`, `@`, white space, a control character or a dot in front.
 */
export function accountName({ local, realm }: UserName): UserName | null {
  return isLocal(local) ? { local, realm: toAscii(realm) ?? realm } : null;
}

function isLocal(local: string): boolean {
  return local !== "" && utf8(local).length <= LOCAL_PART_OCTETS && !/^\.|[/@\s]/.test(local) && !hasControl(local);
}

/**
 * A name that is not a DN is not escaped: in it, what belongs to other forms of names (Active Directory has a dozen) would make another
 * account of it.
 */
function bindNameOf(template: string, user: UserName): string | null {
  if (isDnTemplate(template)) return fillDn(template, valuesOf(user));
  return /["\\/,;:=<>+*?|[\]]/.test(user.local) ? null : fillPlain(template, valuesOf(user));
}

function namesRealm(text: string): boolean {
  return placeholdersOf(text).some((name) => name !== "user" && name !== "dn");
}

function valuesOf({ local, realm }: UserName, dn?: string): TemplateValues {
  return { user: local, realm, ...(dn === undefined ? {} : { dn }) };
}

async function isMember(
  connection: LdapConnection,
  { entry, user, requireGroup, signal }: {
    readonly entry: LdapEntry;
    readonly user: UserName;
    readonly requireGroup: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Result<boolean, LdapFailure>> {
  if (requireGroup === undefined) return succeed(true);
  const values = valuesOf(user, entry.dn);
  const query: LdapSearch = isFilter(requireGroup)
    ? { base: entry.dn, scope: "base", filter: parse(fillFilter(requireGroup, values)), attributes: [] }
    : { base: fillDn(requireGroup, values), scope: "base", filter: parse(fillFilter(MEMBER, values)), attributes: [] };
  const found = await connection.search(query, signal);
  if (!found.ok) return found;
  if (found.value === null && !isFilter(requireGroup) && isFixed(requireGroup)) {
    return fail({ kind: "refused", text: missing("require_group", query.base) });
  }
  return succeed((found.value ?? []).length > 0);
}

/** groupOfNames, groupOfUniqueNames and posixGroup. */
const MEMBER = "(|(member={dn})(uniqueMember={dn})(memberUid={user}))";

/** The name as the directory writes it; of several the one that was given, else the first in order, so that it does not change. */
function localOf(
  entry: LdapEntry,
  { user, userAttribute }: { readonly user: UserName; readonly userAttribute: string },
): string | null {
  const values = (entry.attributes.get(userAttribute.toLowerCase()) ?? []).filter(isLocal);
  const typed = foldLocal(user.local);
  return values.find((value) => foldLocal(value) === typed) ?? values.toSorted()[0] ?? null;
}

/** Directories compare names without case. */
function foldLocal(local: string): string {
  return local.normalize("NFC").toLowerCase().normalize("NFC");
}

function accountOf(backend: string, user: UserName): Account {
  return { name: `${user.local}@${user.realm}`, backend, addresses: [], groups: [], attributes: {} };
}

/** Active Directory's proxyAddresses have `smtp:` in front. Wildcards are for the administrator of the mail server to give. */
function addressOf(value: string): string | null {
  const address = value.replace(/^smtp:/i, "");
  return /^[^@\s:]+@[^@\s:]+$/.test(address) && !hasControl(address) ? address : null;
}

/** What is missing there is the administrator's mistake. With a placeholder it can be the client's, which must not look like an outage. */
function isFixed(template: string): boolean {
  return placeholdersOf(template).length === 0;
}

function isFilter(text: string): boolean {
  return text.startsWith("(");
}

function checkFilter(template: string): void {
  parse(fillFilter(template, { user: "user", realm: "example.org", dn: "dc=example" }));
}

function parse(filter: string): Filter {
  return FilterParser.parseString(filter);
}

function missing(key: string, dn: string): string {
  return `${key} "${dn}" is not in the directory, or may not be read there`;
}
