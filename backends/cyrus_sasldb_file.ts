/**
 * A sasldb of Cyrus SASL that is read anew when it changes, while others write it without telling.
 *
 * @module
 */

import type { VerifierScheme } from "../src/backend.ts";
import { whyUnreadable } from "../src/lib/file_error.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { type CyrusAccount, type CyrusContent, cyrusKey, readCyrusFile } from "./lib/cyrus_entries.ts";

/** The accounts of one reading. */
export interface CyrusAccounts {
  find(user: { readonly local: string; readonly realm: string }): CyrusAccount | null;
  /** What each of them has verifiers for. */
  readonly schemes: ReadonlySet<VerifierScheme>;
  readonly leftOut: readonly string[];
}

/** The file. */
export interface CyrusFile {
  /** The accounts as the file is now; the problem is a sentence that names the file. Never rejects. */
  read(): Promise<Result<CyrusAccounts, string>>;
  /** Those of the last good reading; `null` before it. */
  readonly last: CyrusAccounts | null;
}

/** How it is read. */
export interface CyrusFileOptions {
  readonly defaultRealm: string;
  /** Told once of a file that cannot be understood while what it held before still counts. */
  readonly warn: (text: string) => void;
}

interface Reading {
  readonly stamp: string;
  readonly settled: boolean;
  readonly accounts: CyrusAccounts;
}

/** What was written so shortly before it was read may have changed again with the same time and size. */
const SETTLED_MS = 2_000;
/** Some million accounts. */
const LIMIT_OCTETS = 2 ** 28;
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];

/** Names the file; nothing is opened before it is asked for. */
export function createCyrusFile(path: string, { defaultRealm, warn }: CyrusFileOptions): CyrusFile {
  let last: Reading | null = null;
  let told: string | null = null;
  let under: Promise<Result<CyrusAccounts, string>> | null = null;

  const read = async (): Promise<Result<CyrusAccounts, string>> => {
    const info = await Deno.stat(path);
    const stamp = stampOf(info);
    if (last?.settled === true && last.stamp === stamp) return succeed(last.accounts);
    if (!info.isFile) return fail("it is not a file");
    if (info.size > LIMIT_OCTETS) return fail(`it has more than ${LIMIT_OCTETS} octets`);
    // The stamp is older than the octets: a change in between shows the next time.
    const settled = Date.now() - (info.mtime?.getTime() ?? Infinity) > SETTLED_MS;
    const content = readCyrusFile(await Deno.readFile(path));
    if (content.ok) {
      told = null;
      last = { stamp, settled, accounts: accountsOf(content.value, defaultRealm) };
      return succeed(last.accounts);
    }
    // Cyrus writes in place and without a lock: a reader may come in the midst of it.
    if (last === null) return content;
    if (told !== content.problem) warn(`Cannot read ${path}: ${content.problem}; what it held before counts`);
    told = content.problem;
    return succeed(last.accounts);
  };

  return {
    read: async () => {
      under ??= read().catch((error) => fail(whyUnreadable(error))).finally(() => under = null);
      const accounts = await under;
      return accounts.ok ? accounts : fail(`Cannot read ${path}: ${accounts.problem}`);
    },
    get last() {
      return last?.accounts ?? null;
    },
  };
}

function accountsOf({ accounts, leftOut }: CyrusContent, defaultRealm: string): CyrusAccounts {
  const byKey = new Map<string, CyrusAccount>();
  for (const account of accounts) {
    const key = cyrusKey(account, defaultRealm);
    if (!byKey.has(key)) byKey.set(key, account);
  }
  return {
    find: (user) => byKey.get(cyrusKey(user, defaultRealm)) ?? null,
    schemes: new Set(SCHEMES.filter((scheme) => accounts.every((account) => hasScheme(account, scheme)))),
    leftOut,
  };
}

/** Whether there is something to make verifiers of this scheme from. */
function hasScheme({ password, secrets }: CyrusAccount, scheme: VerifierScheme): boolean {
  return password !== null || secrets.some(({ mechanism }) => mechanism.toLowerCase() === scheme);
}

function stampOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}
