/**
 * What Cyrus SASL keeps of accounts in its Berkeley DB file. A key is `user NUL realm NUL property`, without a NUL at its end.
 *
 * - SASL 2 (`/etc/sasldb2`): `userPassword` is the password in clear text; `cmusaslsecretMECH` is what a conversion from SASL 1.5 left.
 * - SASL 1.5 (`/etc/sasldb`): the property is the mechanism. `PLAIN-APOP` is 16 octets of salt, a NUL and the clear text; the others
 *   are as in `cyrus_secrets.ts`. An entry without a user says that a mechanism has ever been used.
 *
 * @module
 */

import { toAscii } from "../../src/lib/domain.ts";
import { decodeUtf8, latin1 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { printable } from "../../src/lib/text.ts";
import { type Pair, readBerkeleyDb } from "../../src/lib/berkeley_db.ts";
import { type CyrusSecret, readSecret } from "./cyrus_secrets.ts";

/** An account of such a file. */
export interface CyrusAccount {
  readonly local: string;
  /** As the file has it: in some case, or empty. */
  readonly realm: string;
  /** The password; `null` where only secrets of SASL 1.5 are there. */
  readonly password: CyrusPassword | null;
  /** Looked at only where there is no password; then at least one. */
  readonly secrets: readonly CyrusSecret[];
}

/** A password in clear text. */
export interface CyrusPassword {
  readonly text: string;
  /** Its octets are no UTF-8 and were taken as ISO-8859-1. */
  readonly guessed: boolean;
}

/** What a file holds. */
export interface CyrusContent {
  /** No two have the same user and realm. By name; of realms that differ by case the one in lower case comes first. */
  readonly accounts: readonly CyrusAccount[];
  /** What is not read and why, one sentence each, without a secret. */
  readonly leftOut: readonly string[];
}

interface Entry {
  readonly local: string;
  readonly realm: string;
  readonly property: string;
  readonly value: Uint8Array<ArrayBuffer>;
}

const PASSWORD = "userPassword";
const APOP = "PLAIN-APOP";
/** Salt and NUL before the clear text of `PLAIN-APOP`. */
const APOP_OFFSET = 17;
const SECRET_PREFIX = "cmusaslsecret";

/** Reads a whole file. The problem says why it cannot be read, and does not name it. */
export function readCyrusFile(octets: Uint8Array<ArrayBuffer>): Result<CyrusContent, string> {
  const pairs = readBerkeleyDb(octets);
  if (!pairs.ok) return pairs;
  const leftOut: string[] = [];
  const grouped = new Map<string, Entry[]>();
  for (const pair of pairs.value) {
    const entry = readEntry(pair);
    if (!entry.ok) leftOut.push(entry.problem);
    else if (entry.value.local !== "") {
      const { local, realm } = entry.value;
      const entries = grouped.get(`${local}\0${realm}`) ?? [];
      grouped.set(`${local}\0${realm}`, [...entries, entry.value]);
    }
  }
  const accounts = [...grouped.values()].flatMap((entries) => readAccount(entries, leftOut) ?? []);
  return succeed({ accounts: accounts.toSorted(byName), leftOut });
}

/** The form in which names are looked up: that of prepared names. An empty realm is the default one. */
export function cyrusKey(
  { local, realm }: { readonly local: string; readonly realm: string },
  defaultRealm: string,
): string {
  return `${local.normalize("NFKC")}\0${canonicalRealm(realm === "" ? defaultRealm : realm)}`;
}

/** A realm as it is compared: without case, an A-label where it is a domain. */
export function canonicalRealm(realm: string): string {
  const lower = realm.normalize("NFC").toLowerCase();
  return toAscii(lower) ?? lower;
}

function byName(a: CyrusAccount, b: CyrusAccount): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function sortKey({ local, realm }: CyrusAccount): string {
  const lower = realm.toLowerCase();
  return [local, lower, realm === lower ? "" : realm].join("\0");
}

function readEntry([key, value]: Pair): Result<Entry, string> {
  const [local, realm, property, ...more] = decodeUtf8(key)?.split("\0") ?? [];
  if (local === undefined || realm === undefined || property === undefined || more.length > 0) {
    return fail(`an entry "${printable(latin1(key), 80)}" has no key of user, realm and property in UTF-8`);
  }
  return succeed({ local, realm, property, value });
}

/** `null` where nothing of it can be used. */
function readAccount(entries: readonly Entry[], leftOut: string[]): CyrusAccount | null {
  const [{ local, realm } = { local: "", realm: "" }] = entries;
  const name = printable(`${local}@${realm}`, 300);
  const clear = entries.find(({ property }) => property === PASSWORD)?.value ??
    entries.find(({ property }) => property === APOP)?.value.subarray(APOP_OFFSET) ?? null;
  const secrets: CyrusSecret[] = [];
  for (const { property, value } of entries) {
    if (property === PASSWORD || property === APOP) continue;
    const mechanism = property.startsWith(SECRET_PREFIX) ? property.slice(SECRET_PREFIX.length) : property;
    const secret = readSecret(mechanism, value);
    if (secret !== null) secrets.push(secret);
    // With a password nothing else is missed: Cyrus writes OTP's secret beside it.
    else if (clear === null) leftOut.push(`${name}: "${printable(property, 40)}" is of no form that is read here`);
  }
  if (clear !== null && clear.length === 0) {
    leftOut.push(`${name}: its password is empty`);
    return null;
  }
  if (clear === null && secrets.length === 0) return null;
  return { local, realm, password: clear === null ? null : readPassword(clear), secrets };
}

function readPassword(octets: Uint8Array): CyrusPassword {
  const text = decodeUtf8(octets);
  return { text: text ?? latin1(octets), guessed: text === null };
}
