/**
 * crypt(3) hashes: is this the password? By the system's libcrypt where there is one, which knows every form and works off the main
 * thread; else the SHA-crypts and bcrypt in JavaScript.
 *
 * @module
 */

import { equalConstantTime } from "../../src/lib/constant_time.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { cryptLibrary } from "./crypt_library.ts";
import { verifyShaCrypt } from "./crypt_sha.ts";
import { createTurns } from "../../src/lib/turns.ts";

/**
 * `unsupported`: no hash of a form that is checked here. `unavailable`: of a form for which libcrypt is needed, and there is none on this
 * machine.
 */
export type CryptVerdict = "right" | "wrong" | "unsupported" | "unavailable";

/** How a hash is checked. */
export interface CryptOptions {
  /** Aborted, it ends the check with a rejection. */
  readonly signal: AbortSignal;
  /** Whether DES hashes count: of a password they see 8 characters, of each character 7 bits. Default false. */
  readonly allowDes?: boolean;
}

/** A form of hash, and what checks it where libcrypt is absent. */
interface CryptForm {
  readonly pattern: RegExp;
  readonly fallback: "sha" | "bcrypt" | null;
}

/**
 * A string that is none of these never reaches libcrypt: to it nearly any two characters are a salt for DES. How much work a hash is (its
 * rounds or cost) is up to whoever writes it.
 */
const FORMS: readonly CryptForm[] = [
  { pattern: /^\$g?y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}$/, fallback: null },
  { pattern: /^\$7\$[./0-9A-Za-z]{11}[!-#%-9;-~]{1,86}\$[./0-9A-Za-z]{43}$/, fallback: null },
  { pattern: /^\$6\$(?:rounds=[1-9]\d{3,8}\$)?[!-#%-9;-~]{0,16}\$[./0-9A-Za-z]{86}$/, fallback: "sha" },
  { pattern: /^\$5\$(?:rounds=[1-9]\d{3,8}\$)?[!-#%-9;-~]{0,16}\$[./0-9A-Za-z]{43}$/, fallback: "sha" },
  { pattern: /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./0-9A-Za-z]{53}$/, fallback: "bcrypt" },
  { pattern: /^\$1\$[!-#%-9;-~]{0,8}\$[./0-9A-Za-z]{22}$/, fallback: null },
];
const DES: CryptForm = { pattern: /^[./0-9A-Za-z]{13}$/, fallback: null };

/** libcrypt refuses passwords from here on (CRYPT_MAX_PASSPHRASE_SIZE, with the final NUL), so no hash can be of one. */
const PASSWORD_OCTETS = 512;

/** In libcrypt the work is the processor's own, and one core is left to the event loop. */
const LIBRARY_TURNS = createTurns(Math.max(2, navigator.hardwareConcurrency - 1));
/** In JavaScript all of it is on the main thread, and two at a time would only hold that for longer. */
const SCRIPT_TURNS = createTurns(1);

/** Hashes that no password has, in the forms that systems make today. */
const DUMMY_YESCRYPT = `$y$j9T$F5Jx5fExrKuPp53xLKQ..1$${".".repeat(43)}`;
const DUMMY_SHA = `$6$dokodemodokodemo$${".".repeat(86)}`;

/** Whether a password, in UTF-8, has this hash. Only so many are checked at a time, the others wait. An aborted signal rejects with its reason. */
export async function verifyCrypt(password: string, hash: string, options: CryptOptions): Promise<CryptVerdict> {
  const form = formOf(hash, options);
  if (form === null) return "unsupported";
  if (needsLibrary(form) && cryptLibrary() === null) return "unavailable";
  const octets = utf8(password);
  // To C a NUL ends the password: what follows would not count.
  if (octets.length >= PASSWORD_OCTETS || octets.includes(0)) return "wrong";
  const turns = cryptLibrary() === null ? SCRIPT_TURNS : LIBRARY_TURNS;
  return await turns(() => verify(octets, { hash, form, password, signal: options.signal }), options.signal);
}

/** Takes the time of a wrong password: of one with a hash `like` this, or with one in the form that the system makes. */
export async function spendCrypt(password: string, like: string | null, options: CryptOptions): Promise<void> {
  await verifyCrypt(password, like ?? (cryptLibrary() === null ? DUMMY_SHA : DUMMY_YESCRYPT), options);
}

/** Where a hash can be checked: on this machine, only on one that has libcrypt, or nowhere, since it is none of a form that is checked. */
export function judgeHash(hash: string, options: Pick<CryptOptions, "allowDes">): "here" | "elsewhere" | "nowhere" {
  const form = formOf(hash, options);
  if (form === null) return "nowhere";
  return needsLibrary(form) && cryptLibrary() === null ? "elsewhere" : "here";
}

function formOf(hash: string, { allowDes = false }: Pick<CryptOptions, "allowDes">): CryptForm | null {
  return [...FORMS, ...allowDes ? [DES] : []].find(({ pattern }) => pattern.test(hash)) ?? null;
}

function needsLibrary({ fallback }: CryptForm): boolean {
  return fallback === null;
}

interface Check {
  readonly hash: string;
  readonly form: CryptForm;
  readonly password: string;
  readonly signal: AbortSignal;
}

async function verify(octets: Uint8Array<ArrayBuffer>, { hash, form, password, signal }: Check): Promise<CryptVerdict> {
  const crypt = cryptLibrary();
  if (crypt !== null) {
    const made = await crypt(octets, hash);
    if (made === null) return "unsupported";
    return equalConstantTime(utf8(made), utf8(hash)) ? "right" : "wrong";
  }
  if (form.fallback === "bcrypt") {
    // Loaded here, since hardly any machine needs it. It holds the main thread for up to 100 ms at a time.
    const { compare } = await import("bcryptjs");
    return await compare(password, hash) ? "right" : "wrong";
  }
  const right = await verifyShaCrypt(octets, hash, signal);
  if (right === null) return "unsupported";
  return right ? "right" : "wrong";
}
