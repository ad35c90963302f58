/**
 * The system's accounts by FFI: `getpwnam_r` and `getspnam_r` of glibc, which ask whatever nsswitch.conf names (files, NIS, LDAP, SSSD).
 *
 * @module
 */

import { getSystemErrorName } from "node:util";
import { utf8 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { createTurns } from "../../src/lib/turns.ts";
import type { PasswdEntry, ShadowEntry } from "./unix_entries.ts";

/** Looks up accounts: an entry, `null` for a name that is not there, or a sentence why it cannot be told now. An aborted signal rejects with its reason. */
export interface SystemAccounts {
  passwd(name: string, signal: AbortSignal): Promise<Result<PasswdEntry | null, string>>;
  /** Also `null` where the process may not read shadow entries: behind `files` the next service then says that it knows no such name. */
  shadow(name: string, signal: AbortSignal): Promise<Result<ShadowEntry | null, string>>;
}

const LOOK_UP = {
  parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
  result: "i32",
  nonblocking: true,
} as const;
const SYMBOLS = { getpwnam_r: LOOK_UP, getspnam_r: LOOK_UP } as const;

type LookUp = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"][keyof typeof SYMBOLS];

/** glibc on x86-64 and arm64, the two that Deno runs on: pointers and `long` of 8 octets, little-endian. Room for the larger structure. */
const ENTRY_OCTETS = 72;
const PASSWD = { name: 0, password: 8, uid: 16 } as const;
const SHADOW = { name: 0, password: 8, lastChange: 16, max: 32, inactive: 48, expires: 56 } as const;

/** What can be a name at all (LOGIN_NAME_MAX). To C a NUL would end it and make it another's; "+" and "-" are NIS marks in old files. */
// deno-lint-ignore no-control-regex -- control characters are what must not be there
const NAME_REGEXP = /^(?![+-])[^\x00-\x1f\x7f:]{1,255}$/;
const FIRST_TEXT_OCTETS = 4096;
const LAST_TEXT_OCTETS = 1_048_576;
const { ERANGE, ENOENT, ESRCH } = { ERANGE: 34, ENOENT: 2, ESRCH: 3 };

/** A look-up that hangs on a directory server holds a thread until it comes back. */
const TURNS = createTurns(16);

/** Gets hold of the system's look-ups; the problem is a sentence for the administrator. */
export function openSystemAccounts(): Result<SystemAccounts, string> {
  if (Deno.build.os !== "linux") return fail(`Cannot look up accounts of ${Deno.build.os}: name a file`);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return fail("Cannot look up the system's accounts: the program may not call libraries, a restart is needed");
  }
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  return succeed({
    passwd: (name, signal) => lookUp(name, { call: symbols.getpwnam_r, read: readPasswd, what: "getpwnam_r", signal }),
    shadow: (name, signal) => lookUp(name, { call: symbols.getspnam_r, read: readShadow, what: "getspnam_r", signal }),
  });
}

interface Wanted<Entry> {
  readonly call: LookUp;
  readonly what: string;
  readonly read: (entry: DataView) => Entry;
  readonly signal: AbortSignal;
}

async function lookUp<Entry>(
  name: string,
  { call, what, read, signal }: Wanted<Entry>,
): Promise<Result<Entry | null, string>> {
  if (!NAME_REGEXP.test(name)) return succeed(null);
  return await TURNS(async () => {
    for (let octets = FIRST_TEXT_OCTETS; octets <= LAST_TEXT_OCTETS; octets *= 4) {
      const key = utf8(`${name}\0`);
      const entry = new Uint8Array(ENTRY_OCTETS);
      const texts = new Uint8Array(octets);
      const found = new BigUint64Array(1);
      const code = await call(key, entry, texts, BigInt(octets), found);
      const result = code === 0 && found[0] !== 0n ? read(new DataView(entry.buffer)) : null;
      // The entry points into `texts`. What the call was given has to live until here.
      for (const used of [key, entry, texts]) used.fill(0);
      if (code === ERANGE) continue;
      // With some services a name that is not there comes as an error (getpwnam(3), RETURN VALUE).
      if (code === 0 || code === ENOENT || code === ESRCH) return succeed(result);
      return fail(`${what} says ${errorName(code)}`);
    }
    return fail(`${what} needs more than ${LAST_TEXT_OCTETS} octets`);
  }, signal);
}

function readPasswd(entry: DataView): PasswdEntry {
  return {
    name: textAt(entry, PASSWD.name),
    password: textAt(entry, PASSWD.password),
    uid: entry.getUint32(PASSWD.uid, true),
  };
}

function readShadow(entry: DataView): ShadowEntry {
  const number = (at: number) => Number(entry.getBigInt64(at, true));
  return {
    name: textAt(entry, SHADOW.name),
    password: textAt(entry, SHADOW.password),
    lastChange: number(SHADOW.lastChange),
    max: number(SHADOW.max),
    inactive: number(SHADOW.inactive),
    expires: number(SHADOW.expires),
  };
}

/** A member that is a `char *`. */
function textAt(entry: DataView, at: number): string {
  const pointer = Deno.UnsafePointer.create(entry.getBigUint64(at, true));
  return pointer === null ? "" : new Deno.UnsafePointerView(pointer).getCString();
}

function errorName(code: number): string {
  try {
    return getSystemErrorName(-code);
  } catch {
    return `error ${code}`;
  }
}
