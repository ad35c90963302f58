/**
 * The system's libkrb5 (MIT Kerberos) by FFI. What waits for a KDC does so on a thread of its own.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { createTurns } from "../../src/lib/turns.ts";
import {
  cString,
  KerberosFailure,
  KerberosSession,
  type KerberosVerdict,
  KRB5_CODE,
  pointerIn,
  shortCode,
  STRUCTURE_OCTETS,
} from "./kerberos_session.ts";
import { type KerberosSymbols, SYMBOLS } from "./kerberos_symbols.ts";

/** Who proves to us that it is the KDC, and how it is found. */
export interface KerberosPlace {
  /** A file of our own keys. */
  readonly keytab: string;
  /** The principal whose key the KDC has to know. */
  readonly service: string;
  /** A file of the form of krb5.conf(5); `null`: the system's. */
  readonly config: string | null;
}

/** A login to be checked. No text holds a NUL, which would end it in C. */
export interface KerberosLogin extends KerberosPlace {
  readonly principal: string;
  readonly password: string;
}

/** What libkrb5 is used for. An aborted signal rejects with its reason at once; what runs ends by itself, and holds its place until then. */
export interface Kerberos {
  /** The principals in a keytab, each once; the problem is a sentence for the administrator. */
  principals(place: Pick<KerberosPlace, "keytab" | "config">): Result<readonly string[], string>;
  checkPassword(login: KerberosLogin, signal: AbortSignal): Promise<KerberosVerdict>;
  /** Asks the KDC about our own key. Step `password`. */
  checkKey(place: KerberosPlace, signal: AbortSignal): Promise<KerberosVerdict>;
}

/** Where the principal stands in a `krb5_keytab_entry`. */
const ENTRY_PRINCIPAL = 8;
/** What an account whose password has expired can still get a ticket for. */
const CHANGE_SERVICE = "kadmin/changepw";

/** Threads that wait for KDCs at a time, those included whose asker has gone. */
const TURNS = createTurns(16);

let loaded: KerberosSymbols | undefined;

/** Gets hold of libkrb5, once for the process; the problem is a sentence for the administrator. */
export function openKerberos(): Result<Kerberos, string> {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return fail("Cannot use Kerberos: the program may not call libraries, a restart is needed");
  }
  try {
    loaded ??= Deno.dlopen("libkrb5.so.3", SYMBOLS).symbols;
  } catch (error) {
    const reason = error instanceof Error ? error.message : "it cannot be loaded";
    return fail(`Cannot use Kerberos: libkrb5.so.3 is needed (Debian: libkrb5-3): ${reason}`);
  }
  const library = loaded;
  return succeed({
    principals: (place) => listPrincipals(library, place),
    checkPassword: (login, signal) => TURNS(() => checkPassword(library, login, signal), signal),
    checkKey: (place, signal) => TURNS(() => checkKey(library, place), signal),
  });
}

async function checkPassword(
  library: KerberosSymbols,
  login: KerberosLogin,
  signal: AbortSignal,
): Promise<KerberosVerdict> {
  try {
    using session = new KerberosSession(library, login.config);
    const { context } = session;
    const password = session.keep(cString(login.password));
    const client = session.principal(login.principal, "name");
    const service = session.principal(login.service, "local");
    const keytab = session.keytab(login.keytab);
    const options = session.options();
    const credentials = session.credentials();
    const exchange = (out: Uint8Array<ArrayBuffer>, wanted: Uint8Array<ArrayBuffer> | null) =>
      // Without a prompter: nothing is asked for but this password.
      library.krb5_get_init_creds_password(context, out, client, password, null, null, 0, wanted, options);

    let code = await exchange(credentials, null);
    if (shortCode(code) === KRB5_CODE.keyExpired) {
      // KDCs say so before they look at the password.
      signal.throwIfAborted();
      code = await exchange(session.credentials(), session.keep(cString(CHANGE_SERVICE))) || code;
    }
    session.must("password", code);
    signal.throwIfAborted();
    const strict = session.keep(new Uint8Array(STRUCTURE_OCTETS));
    library.krb5_verify_init_creds_opt_init(strict);
    // Else a keytab without the key would be a yes.
    library.krb5_verify_init_creds_opt_set_ap_req_nofail(strict, 1);
    session.must(
      "verify",
      await library.krb5_verify_init_creds(context, credentials, service, keytab, null, strict),
    );
    return { step: "verify", code: 0, text: "Success" };
  } catch (error) {
    if (error instanceof KerberosFailure) return error.verdict;
    throw error;
  }
}

async function checkKey(library: KerberosSymbols, place: KerberosPlace): Promise<KerberosVerdict> {
  try {
    using session = new KerberosSession(library, place.config);
    const { context } = session;
    const service = session.principal(place.service, "local");
    const keytab = session.keytab(place.keytab);
    const [options, credentials] = [session.options(), session.credentials()];
    session.must(
      "password",
      await library.krb5_get_init_creds_keytab(context, credentials, service, keytab, 0, null, options),
    );
    return { step: "password", code: 0, text: "Success" };
  } catch (error) {
    if (error instanceof KerberosFailure) return error.verdict;
    throw error;
  }
}

function listPrincipals(
  library: KerberosSymbols,
  { keytab: file, config }: Pick<KerberosPlace, "keytab" | "config">,
): Result<readonly string[], string> {
  try {
    using session = new KerberosSession(library, config);
    const { context } = session;
    const keytab = session.keytab(file);
    const [cursor, entry] = [new BigUint64Array(1), new Uint8Array(STRUCTURE_OCTETS)];
    session.must("local", library.krb5_kt_start_seq_get(context, keytab, cursor));
    const names = new Set<string>();
    let code: number;
    while ((code = library.krb5_kt_next_entry(context, keytab, entry, cursor)) === 0) {
      names.add(nameOf(session, new DataView(entry.buffer).getBigUint64(ENTRY_PRINCIPAL, true)));
      library.krb5_free_keytab_entry_contents(context, entry);
    }
    library.krb5_kt_end_seq_get(context, keytab, cursor);
    if (shortCode(code) !== KRB5_CODE.keytabEnd) session.must("local", code);
    return succeed([...names]);
  } catch (error) {
    if (error instanceof KerberosFailure) return fail(error.message);
    throw error;
  }
}

function nameOf({ library, context }: KerberosSession, principal: bigint): string {
  const out = new BigUint64Array(1);
  const code = library.krb5_unparse_name(context, Deno.UnsafePointer.create(principal), out);
  const name = pointerIn(out);
  if (code !== 0 || name === null) return "";
  const value = new Deno.UnsafePointerView(name).getCString();
  library.krb5_free_unparsed_name(context, name);
  return value;
}
