/**
 * The folder of DKIM keys:
 *
 *     DOMAIN/SELECTOR.rsa.pem
 *     DOMAIN/SELECTOR.ed25519.pem
 *     DOMAIN/active                 the selector in use, one line
 *
 * A key is published under a name of its own, since a selector may have one record only (RFC 6376 section 3.6.2.2): the RSA key under
 * SELECTOR, the other one under SELECTOR-ed25519.
 *
 * @module
 */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { toAscii } from "../lib/domain.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { DkimDomain, DkimKey } from "./config.ts";

/** The folder where a configuration names none: below `data_dir`. */
export const DKIM_FOLDER = "dkim";

/** The name of the file that says which selector is in use. */
export const ACTIVE_FILE = "active";

/** The kinds of key, in the order in which they sign. */
export const DKIM_KINDS = ["rsa", "ed25519"] as const;
/** A kind of key. */
export type DkimKind = typeof DKIM_KINDS[number];

const ED25519_SUFFIX = "-ed25519";
const SELECTOR_REGEXP = /^[a-z0-9](?:[a-z0-9-]{0,52}[a-z0-9])?$/;
const KEY_FILE_REGEXP = /^(.+)\.(?:rsa|ed25519)\.pem$/;
/** RFC 8301 section 3.2: verifiers must not take a shorter one. */
const LEAST_RSA_BITS = 1024;

/** Whether a text can be a selector: one label in lower case, with room for what is put behind it, which it may not have already. */
export function isSelector(text: string): boolean {
  return SELECTOR_REGEXP.test(text) && !text.endsWith(ED25519_SUFFIX);
}

/** The name in DNS before `._domainkey.DOMAIN`. */
export function publishedSelector(selector: string, kind: DkimKind): string {
  return kind === "rsa" ? selector : `${selector}${ED25519_SUFFIX}`;
}

/** The file of a key below the folder. */
export function keyFile(folder: string, domain: string, { selector, kind }: {
  readonly selector: string;
  readonly kind: DkimKind;
}): string {
  return join(folder, domain, `${selector}.${kind}.pem`);
}

/** What stands in the folder of one domain. */
export interface DomainFolder {
  readonly domain: string;
  readonly selectors: readonly string[];
  /** `null`: no selector is in use. */
  readonly active: string | null;
}

/** The domains that have a folder, in order of their names. A folder that is not there has none. The problem is a sentence. */
export async function listDomains(folder: string): Promise<Result<readonly DomainFolder[], string>> {
  const names = await entries(folder);
  if (!names.ok) return names;
  const domains: DomainFolder[] = [];
  for (const name of names.value.filter((each) => toAscii(each) === each)) {
    const info = await Deno.stat(join(folder, name)).catch(() => null);
    if (info?.isDirectory !== true) continue;
    const found = await listDomain(folder, name);
    if (!found.ok) return found;
    domains.push(found.value);
  }
  return succeed(domains);
}

/** What stands in the folder of one domain, which need not be there. The problem is a sentence. */
export async function listDomain(folder: string, domain: string): Promise<Result<DomainFolder, string>> {
  const names = await entries(join(folder, domain));
  if (!names.ok) return names;
  const selectors = new Set(names.value.map((name) => KEY_FILE_REGEXP.exec(name)?.[1] ?? "").filter(isSelector));
  const file = join(folder, domain, ACTIVE_FILE);
  let active: string | null = null;
  try {
    if (names.value.includes(ACTIVE_FILE)) active = (await Deno.readTextFile(file)).trim();
  } catch (error) {
    return fail(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
  if (active !== null && !selectors.has(active)) return fail(`${file} names a selector that has no key`);
  return succeed({ domain, selectors: [...selectors], active });
}

/** Reads the keys of a selector, those that are there. The problems are sentences, which quote no key. */
export async function readSelector(
  folder: string,
  domain: string,
  selector: string,
): Promise<Result<readonly (DkimKey & { readonly key: KeyObject })[], string>> {
  const keys: (DkimKey & { readonly key: KeyObject })[] = [];
  for (const kind of DKIM_KINDS) {
    const file = keyFile(folder, domain, { selector, kind });
    const key = await readKey(file, kind);
    if (!key.ok) return key;
    if (key.value === null) continue;
    const pkcs8 = new Uint8Array(key.value.export({ type: "pkcs8", format: "der" }));
    keys.push({ kind, selector: publishedSelector(selector, kind), file, pkcs8, key: key.value });
  }
  return succeed(keys);
}

/** The keys in use, by domain. A key in use that cannot be read is a mistake: mail would go out without its signature. */
export async function readActiveKeys(
  folder: string,
): Promise<{ readonly keys: ReadonlyMap<string, DkimDomain>; readonly mistakes: readonly string[] }> {
  const domains = await listDomains(folder);
  if (!domains.ok) return { keys: new Map(), mistakes: [domains.problem] };
  const keys = new Map<string, DkimDomain>();
  const mistakes: string[] = [];
  for (const { domain, active } of domains.value) {
    if (active === null) continue;
    const read = await readSelector(folder, domain, active);
    if (!read.ok) mistakes.push(read.problem);
    else keys.set(domain, { domain, keys: read.value.map(({ key: _, ...rest }) => rest) });
  }
  return { keys, mistakes };
}

async function entries(folder: string): Promise<Result<readonly string[], string>> {
  try {
    const found = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return succeed(found.toSorted());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return succeed([]);
    if (!(error instanceof Deno.errors.NotADirectory)) return fail(`Cannot read ${folder}: ${whyUnreadable(error)}`);
    // Where it is a folder above that is none, it is told elsewhere.
    const there = await Deno.stat(folder).then(() => true, () => false);
    return there ? fail(`${folder} is no folder`) : succeed([]);
  }
}

async function readKey(file: string, kind: DkimKind): Promise<Result<KeyObject | null, string>> {
  let pem: string;
  try {
    const { mode } = await Deno.stat(file);
    if ((mode ?? 0) % 8 >= 4) return fail(`everybody can read ${file}: run chmod 600 on it`);
    pem = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return succeed(null);
    return fail(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The reason could quote the key.
    return fail(`Cannot read ${file}: it holds no private key in PEM form`);
  }
  if (key.asymmetricKeyType !== kind) return fail(`Cannot use ${file}: it holds no key of the kind ${kind}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS;
  if (bits >= LEAST_RSA_BITS) return succeed(key);
  return fail(`Cannot use ${file}: a key of ${bits} bits is too short (RFC 8301), make one of 2048`);
}
