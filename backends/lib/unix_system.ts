/**
 * The system's own accounts as sources of the backends `passwd` and `shadow`.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { whyUnreadable } from "../../src/lib/file_error.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { cryptLibrary } from "./crypt_library.ts";
import { openSystemAccounts, type SystemAccounts } from "./nss.ts";
import type { UnixAccount, UnixSource } from "./unix_backend.ts";
import { type PasswdEntry, readPasswordField } from "./unix_entries.ts";

/** The mark of an account without a password. */
const NO_PASSWORD = "*";
const PASSWD_FILE = "/etc/passwd";
const SHADOW_FILE = "/etc/shadow";
const ADVICE =
  "put the user of this service into the group of that file (usermod -aG shadow USER) and start it again, " +
  "or use saslauthd";

/**
 * The system's accounts. With `passwords` "shadow" each password is that of its shadow entry; with "passwd" only where passwd has `x`.
 * Throws `BackendProblem` where the system has no such look-ups or its files may not be read. A file that was there and is away later is
 * an outage: everybody would be unknown.
 */
export async function openSystemSource(passwords: "passwd" | "shadow"): Promise<UnixSource> {
  const accounts = openSystemAccounts();
  if (!accounts.ok) throw new BackendProblem(accounts.problem);
  // Loaded while the program may load libraries.
  cryptLibrary();
  const files = await openFiles();
  if (!files.ok) throw new BackendProblem(files.problem);
  return {
    find: async (name, signal) => {
      const found = await accounts.value.passwd(name, signal);
      if (!found.ok) return found;
      if (found.value === null) return await unlessClosed(files.value.passwd, null);
      const inShadow = passwords === "shadow" || readPasswordField(found.value.password).kind === "in-shadow";
      return inShadow
        ? await withShadow(found.value, { accounts: accounts.value, file: files.value.shadow, signal })
        : succeed({ ...found.value, aging: null });
    },
    check: async () => {
      const passwd = await files.value.passwd();
      return passwd.ok ? await files.value.shadow() : passwd;
    },
  };
}

async function withShadow(
  { name, uid }: PasswdEntry,
  { accounts, file, signal }: {
    readonly accounts: SystemAccounts;
    readonly file: SystemFile;
    readonly signal: AbortSignal;
  },
): Promise<Result<UnixAccount, string>> {
  const found = await accounts.shadow(name, signal);
  if (found.ok && found.value !== null) {
    return succeed({ name, uid, password: found.value.password, aging: found.value });
  }
  const open = await unlessClosed(file, { name, uid, password: NO_PASSWORD, aging: null });
  return open.ok && !found.ok ? found : open;
}

/**
 * Tries to open a file of the system's accounts, since a look-up itself does not tell: behind `files` the next service of nsswitch.conf
 * says that it knows no such name. The problem is a sentence for the administrator.
 */
type SystemFile = () => Promise<Result<void, string>>;

/** Both files. Where one is not there, those accounts are elsewhere, or nowhere; but what is there now has to be there later. */
async function openFiles(): Promise<Result<Readonly<Record<"passwd" | "shadow", SystemFile>>, string>> {
  const files = { passwd: await watchFile(PASSWD_FILE), shadow: await watchFile(SHADOW_FILE, ADVICE) };
  for (const file of Object.values(files)) {
    const open = await file();
    if (!open.ok) return open;
  }
  return succeed(files);
}

async function watchFile(path: string, advice?: string): Promise<SystemFile> {
  const open = async (): Promise<Error | null> => {
    try {
      using _opened = await Deno.open(path);
      return null;
    } catch (error) {
      if (error instanceof Error) return error;
      throw error;
    }
  };
  const isElsewhere = await open() instanceof Deno.errors.NotFound;
  return async () => {
    const error = await open();
    if (error === null || (isElsewhere && error instanceof Deno.errors.NotFound)) return succeed(undefined);
    const advised = advice !== undefined && error instanceof Deno.errors.PermissionDenied ? `; ${advice}` : "";
    return fail(`Cannot read ${path}: ${whyUnreadable(error)}${advised}`);
  };
}

async function unlessClosed<Value>(file: SystemFile, value: Value): Promise<Result<Value, string>> {
  const open = await file();
  return open.ok ? succeed(value) : open;
}
