/**
 * The system's libcrypt (libxcrypt) by FFI.
 *
 * @module
 */

import { latin1, utf8 } from "../../src/lib/octets.ts";

/** crypt(3) on a thread of its own: the hash of a password under a setting, or `null` where the library refuses the setting. The password's octets are wiped. */
export type Crypt = (password: Uint8Array<ArrayBuffer>, setting: string) => Promise<string | null>;

/** Debian, Ubuntu and SUSE have the first; Fedora and its kin only the second, unless libxcrypt-compat is installed. */
const SONAMES = ["libcrypt.so.1", "libcrypt.so.2"];

/** `crypt_rn` is libxcrypt's: unlike `crypt_r` of the old glibc it gives NULL for a failure, never a string that could be compared. */
const SYMBOLS = {
  crypt_rn: { parameters: ["buffer", "buffer", "buffer", "i32"], result: "pointer", nonblocking: true },
} as const;

/** `sizeof (struct crypt_data)`; its first member is the output, at most 384 octets with the final NUL. */
const DATA_OCTETS = 32_768;
const OUTPUT_OCTETS = 384;

let loaded: Crypt | null | undefined;

/** libcrypt, loaded once for the process; `null` where it is not on this machine or FFI is not permitted. */
export function cryptLibrary(): Crypt | null {
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load(): Crypt | null {
  // Without the question first, a program with a terminal would ask its user for the permission.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return null;
  for (const soname of SONAMES) {
    try {
      const { symbols } = Deno.dlopen(soname, SYMBOLS);
      return (password, setting) => crypt(symbols, { password, setting });
    } catch {
      // The next name, or none: to be absent is no fault.
    }
  }
  return null;
}

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

async function crypt(
  symbols: Symbols,
  { password, setting }: { readonly password: Uint8Array<ArrayBuffer>; readonly setting: string },
): Promise<string | null> {
  const phrase = new Uint8Array(password.length + 1);
  phrase.set(password);
  const settingOctets = utf8(`${setting}\0`);
  const data = new Uint8Array(DATA_OCTETS);
  const result = await symbols.crypt_rn(phrase, settingOctets, data, DATA_OCTETS);
  const output = latin1(data.subarray(0, Math.min(OUTPUT_OCTETS, data.indexOf(0))));
  // Wiped, and so not given back to the collector while the call still had them.
  for (const used of [password, phrase, settingOctets, data]) used.fill(0);
  return result === null ? null : output;
}
