/**
 * Files of passwd(5) and shadow(5) as sources of the backends `passwd` and `shadow`.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { type Result, succeed } from "../../src/lib/result.ts";
import { createAccountFile, readableByOthers } from "./account_file.ts";
import { judgeHash } from "./crypt.ts";
import type { UnixAccount, UnixSource } from "./unix_backend.ts";
import { parsePasswd, parseShadow, readPasswordField } from "./unix_entries.ts";

/** How a file is opened. */
export interface UnixFileOptions {
  readonly form: "passwd" | "shadow";
  readonly allowDes: boolean;
}

/** An open file, and one of its hashes that can be checked, where it has one. */
export interface OpenUnixFile {
  readonly source: UnixSource;
  readonly likely: string | null;
}

/**
 * Accounts of a file, which is read anew when it changes. Throws `BackendProblem`: it cannot be read, everybody can read its hashes, its
 * hashes need a libcrypt that is not there, or its passwords are all in a shadow file.
 */
export async function openUnixFile(path: string, { form, allowDes }: UnixFileOptions): Promise<OpenUnixFile> {
  const file = createAccountFile(path, form === "passwd" ? readPasswd : readShadow);
  const opened = await file.entries();
  if (!opened.ok) throw new BackendProblem(opened.problem);
  const fields = [...opened.value.values()].map(({ password }) => readPasswordField(password));
  const hashes = fields.flatMap((field) => "hash" in field ? [field.hash] : []);
  if (hashes.length === 0 && fields.some(({ kind }) => kind === "in-shadow")) {
    throw new BackendProblem(
      `Cannot check passwords with ${path}: each is x, so they are in a shadow file; use shadow`,
    );
  }
  if (hashes.some((hash) => judgeHash(hash, { allowDes }) === "elsewhere")) {
    throw new BackendProblem(`Cannot check the hashes in ${path}: libcrypt is missing; install libcrypt1 or libxcrypt`);
  }
  const likely = hashes.find((hash) => judgeHash(hash, { allowDes }) === "here") ?? null;
  if (hashes.length > 0 && await readableByOthers(path)) {
    throw new BackendProblem(`Cannot use ${path}: everybody can read its hashes; run chmod o= on it`);
  }
  const source: UnixSource = {
    find: async (name, signal) => {
      signal.throwIfAborted();
      const entries = await file.entries();
      return entries.ok ? succeed(entries.value.get(name) ?? null) : entries;
    },
    check: async (): Promise<Result<void, string>> => {
      const entries = await file.entries();
      return entries.ok ? succeed(undefined) : entries;
    },
  };
  return { source, likely };
}

function readPasswd(text: string): ReadonlyMap<string, UnixAccount> {
  return mapped(parsePasswd(text), (entry) => ({ ...entry, aging: null }));
}

function readShadow(text: string): ReadonlyMap<string, UnixAccount> {
  return mapped(parseShadow(text), (entry) => ({ ...entry, uid: null, aging: entry }));
}

function mapped<From, To>(entries: ReadonlyMap<string, From>, map: (entry: From) => To): ReadonlyMap<string, To> {
  return new Map([...entries].map(([name, entry]) => [name, map(entry)]));
}
