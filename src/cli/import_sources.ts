/**
 * Files of accounts of other systems, read into what can be imported of them. Nothing is written here.
 *
 * @module
 */

import { type CyrusAccount, readCyrusFile } from "../../backends/lib/cyrus_entries.ts";
import { judgeAging, parseShadow, readPasswordField, type ShadowEntry } from "../../backends/lib/unix_entries.ts";
import type { ImportedSecret } from "../accounts/account_store.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { importedSecret, judgeForeign } from "./foreign_hash.ts";

/** One account to import. */
export interface ImportItem {
  /** The name as it is to be read, `local@realm` or without a realm. */
  readonly name: string;
  readonly password: ImportedPassword;
  /** What is worth knowing. */
  readonly note?: string;
}

/** What there is of a password. */
export type ImportedPassword =
  /** The password itself: every verifier can be made at once. */
  | { readonly kind: "clear"; readonly text: string }
  | { readonly kind: "secret"; readonly secret: ImportedSecret; readonly disabled: boolean };

/** What stays behind, and why. */
export interface LeftOut {
  /** `null` where it has no name that could be shown. */
  readonly name: string | null;
  readonly why: string;
  /** False where nobody could log in before either: such an account is not missed. */
  readonly missed: boolean;
}

/** A whole file. */
export interface ImportSource {
  readonly items: readonly ImportItem[];
  readonly leftOut: readonly LeftOut[];
}

/** How a file is read. */
export interface SourceOptions {
  /** Of accounts; in a file of Cyrus SASL instead of those that it has. */
  readonly realm: string | undefined;
  readonly defaultRealm: string;
  readonly allowDes: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Reads the octets of a file. The problem does not name it. */
export type ReadSource = (octets: Uint8Array<ArrayBuffer>, options: SourceOptions) => Result<ImportSource, string>;

/** A file of Cyrus SASL 2 or 1.5. */
export function readSasldb(octets: Uint8Array<ArrayBuffer>, options: SourceOptions): Result<ImportSource, string> {
  const content = readCyrusFile(octets);
  if (!content.ok) return content;
  const items = content.value.accounts.map((account) => cyrusItem(account, options));
  return succeed({ items, leftOut: content.value.leftOut.map((why) => ({ name: null, why, missed: true })) });
}

/** A file of the form of shadow(5). */
export function readShadow(octets: Uint8Array<ArrayBuffer>, options: SourceOptions): Result<ImportSource, string> {
  const text = decodeUtf8(octets);
  if (text === null) return fail("it is not UTF-8");
  const entries = [...parseShadow(text).values()];
  return entries.length === 0 && text.trim() !== ""
    ? fail("no line of it has the form of shadow(5)")
    : succeed(sorted(entries.map((entry) => shadowItem(entry, options))));
}

/** A file of Apache's htpasswd. */
export function readHtpasswd(octets: Uint8Array<ArrayBuffer>, options: SourceOptions): Result<ImportSource, string> {
  const text = decodeUtf8(octets);
  if (text === null) return fail("it is not UTF-8");
  const hashes = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, name, hash] = /^([^#:][^:]*):([^:]*)(?::.*)?$/.exec(line.trim()) ?? [];
    if (name !== undefined && hash !== undefined && !hashes.has(name)) hashes.set(name, hash);
  }
  if (hashes.size === 0 && text.trim() !== "") return fail("no line of it has the form name:hash");
  return succeed(sorted([...hashes].map(([name, hash]) => hashItem(name, { hash, disabled: false }, options))));
}

function cyrusItem({ local, realm, password, secrets }: CyrusAccount, options: SourceOptions): ImportItem {
  const name = `${local}@${options.realm ?? (realm === "" ? options.defaultRealm : realm)}`;
  if (password === null) {
    const secret = importedSecret(secrets, { local, realm });
    return { name, password: { kind: "secret", secret, disabled: false }, note: "a secret of SASL 1.5" };
  }
  const item = { name, password: { kind: "clear", text: password.text } } as const;
  return password.guessed ? { ...item, note: "its password is not UTF-8 and was taken as ISO-8859-1" } : item;
}

function shadowItem(entry: ShadowEntry, options: SourceOptions): ImportItem | LeftOut {
  const { name } = entry;
  // Its hash is in every shadow file, and its password is not one for mail.
  if (name === "root") return { name, why: "root is never imported", missed: false };
  const field = readPasswordField(entry.password);
  if (field.kind === "none" || field.kind === "in-shadow") return { name, why: "it has no password", missed: false };
  const closed = field.kind === "locked" ? "locked" : judgeAging(entry, options.now) === "expired" ? "expired" : null;
  const item = hashItem(name, { hash: field.hash, disabled: closed !== null }, options);
  return closed === null || "why" in item ? item : { ...item, note: `${closed} there, so disabled here` };
}

function hashItem(
  name: string,
  { hash, disabled }: { readonly hash: string; readonly disabled: boolean },
  { allowDes }: SourceOptions,
): ImportItem | LeftOut {
  switch (judgeForeign(hash, { allowDes })) {
    case "here":
      return { name, password: { kind: "secret", secret: { hash, verifiers: [] }, disabled } };
    case "elsewhere":
      return { name, why: "checking its hash needs libcrypt, which is not on this machine", missed: true };
    case "nowhere": {
      const isDes = !allowDes && judgeForeign(hash, { allowDes: true }) !== "nowhere";
      const why = isDes ? "its hash is DES, which is imported with --allow-des only" : "its hash is of an unknown form";
      return { name, why, missed: true };
    }
  }
}

function sorted(all: readonly (ImportItem | LeftOut)[]): ImportSource {
  return {
    items: all.filter((each) => "password" in each),
    leftOut: all.filter((each) => "why" in each),
  };
}
