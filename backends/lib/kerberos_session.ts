/**
 * A context of libkrb5 with all that is made in it: one for each check, since threads may not share one.
 *
 * @module
 */

import { utf8 } from "../../src/lib/octets.ts";
import type { KerberosSymbols } from "./kerberos_symbols.ts";

/** What came out, and of which step. */
export interface KerberosVerdict {
  /** `name`: the principal cannot be read; `password`: the exchange with the KDC; `verify`: the KDC's own proof; `local`: our files and settings. */
  readonly step: "local" | "name" | "password" | "verify";
  /** 0 is success. */
  readonly code: number;
  /** The library's words for the code. */
  readonly text: string;
}

/** Numbers of krb5.h as it has them, without the base of the table. */
export const KRB5_CODE = {
  nameExpired: 1,
  clientUnknown: 6,
  nullKey: 9,
  policy: 12,
  etypeUnsupported: 14,
  clientRevoked: 18,
  clientNotYet: 21,
  keyExpired: 23,
  preauthFailed: 24,
  badIntegrity: 31,
  skew: 37,
  cannotReadPassword: 130,
  replySkew: 148,
  kdcUnreachable: 156,
  keytabEnd: 182,
  preauthGeneric: 210,
} as const;

const TABLE_BASE = -1_765_328_384;

/** Room for `krb5_creds` (120 octets on machines of 64 bits), `krb5_keytab_entry` (48) and the options of the verification (8). */
export const STRUCTURE_OCTETS = 256;
/** Nobody uses the ticket. */
const TICKET_SECONDS = 300;

/** A step that did not succeed: thrown within this library, and never out of it. */
export class KerberosFailure extends Error {
  readonly verdict: KerberosVerdict;

  constructor(verdict: KerberosVerdict) {
    super(verdict.text);
    this.verdict = verdict;
  }
}

/** One context and all that was made in it, freed together, the last first. */
export class KerberosSession implements Disposable {
  readonly library: KerberosSymbols;
  readonly context: Deno.PointerObject;
  readonly #made = new DisposableStack();

  constructor(library: KerberosSymbols, config: string | null) {
    this.library = library;
    const profile = config === null ? null : this.#openProfile(config);
    const out = new BigUint64Array(1);
    const code = library.krb5_init_context_profile(profile, 0, out);
    const context = pointerIn(out);
    if (code !== 0 || context === null) {
      this.#made.dispose();
      throw new KerberosFailure({
        step: "local",
        code: shortCode(code),
        text: `libkrb5 cannot read its configuration (${code})`,
      });
    }
    this.context = context;
    this.#made.defer(() => library.krb5_free_context(context));
  }

  /** Makes something with a function that writes a pointer to it, and frees it at the end. */
  make(
    step: KerberosVerdict["step"],
    how: (out: BigUint64Array<ArrayBuffer>) => number,
    free: (made: Deno.PointerObject) => void,
  ): Deno.PointerObject {
    const out = new BigUint64Array(1);
    this.must(step, how(out));
    const made = pointerIn(out);
    if (made === null) throw new TypeError("Cannot use libkrb5: it gave nothing and no error");
    this.#made.defer(() => free(made));
    return made;
  }

  principal(name: string, step: "local" | "name"): Deno.PointerObject {
    const { library, context } = this;
    return this.make(
      step,
      (out) => library.krb5_parse_name(context, cString(name), out),
      (made) => library.krb5_free_principal(context, made),
    );
  }

  keytab(file: string): Deno.PointerObject {
    const { library, context } = this;
    return this.make(
      "local",
      (out) => library.krb5_kt_resolve(context, cString(`FILE:${file}`), out),
      (made) => library.krb5_kt_close(context, made),
    );
  }

  options(): Deno.PointerObject {
    const { library, context } = this;
    const options = this.make(
      "local",
      (out) => library.krb5_get_init_creds_opt_alloc(context, out),
      (made) => library.krb5_get_init_creds_opt_free(context, made),
    );
    library.krb5_get_init_creds_opt_set_tkt_life(options, TICKET_SECONDS);
    library.krb5_get_init_creds_opt_set_renew_life(options, 0);
    library.krb5_get_init_creds_opt_set_forwardable(options, 0);
    library.krb5_get_init_creds_opt_set_proxiable(options, 0);
    return options;
  }

  /** Octets for calls on other threads: wiped at the end, and so not given back to the collector while such a call has them. */
  keep(octets: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#made.defer(() => octets.fill(0));
    return octets;
  }

  /** Room for credentials, whose content is freed at the end. */
  credentials(): Uint8Array<ArrayBuffer> {
    const made = this.keep(new Uint8Array(STRUCTURE_OCTETS));
    this.#made.defer(() => this.library.krb5_free_cred_contents(this.context, made));
    return made;
  }

  /** Throws `KerberosFailure` for a code that is not 0. */
  must(step: KerberosVerdict["step"], code: number): void {
    if (code !== 0) throw new KerberosFailure({ step, code: shortCode(code), text: this.#wordsFor(code) });
  }

  [Symbol.dispose](): void {
    this.#made.dispose();
  }

  #wordsFor(code: number): string {
    const words = this.library.krb5_get_error_message(this.context, code);
    if (words === null) return `error ${code}`;
    const said = new Deno.UnsafePointerView(words).getCString();
    this.library.krb5_free_error_message(this.context, words);
    return said;
  }

  /** The environment's KRB5_CONFIG is of the whole process; a profile is of this context alone. */
  #openProfile(file: string): Deno.PointerObject {
    const name = cString(file);
    const files = BigUint64Array.of(BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(name))), 0n);
    const out = new BigUint64Array(1);
    const code = Number(this.library.profile_init(files, out));
    const profile = pointerIn(out);
    // Used, and so not given back to the collector before: `files` only points to it.
    name.fill(0);
    if (code !== 0 || profile === null) {
      throw new KerberosFailure({ step: "local", code: shortCode(code), text: `cannot read ${file} (${code})` });
    }
    this.#made.defer(() => this.library.profile_abandon(profile));
    return profile;
  }
}

/** The pointer that a function has written there. */
export function pointerIn(out: BigUint64Array<ArrayBuffer>): Deno.PointerValue {
  return Deno.UnsafePointer.create(out[0] ?? 0n);
}

/** Numbers of the library's own table from its beginning; errno and others as they are. */
export function shortCode(code: number): number {
  return code >= TABLE_BASE && code < TABLE_BASE + 256 ? code - TABLE_BASE : code;
}

/** A string of C. */
export function cString(value: string): Uint8Array<ArrayBuffer> {
  return utf8(`${value}\0`);
}
