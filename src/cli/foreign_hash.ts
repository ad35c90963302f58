/**
 * Password hashes of other systems, as the account store keeps what was imported: crypt(3), htpasswd's own, and the secrets of SASL 1.5 in
 * the form `{CYRUS MECHANISM}VALUES`.
 *
 * @module
 */

import { judgeHash, verifyCrypt } from "../../backends/lib/crypt.ts";
import { cryptLibrary } from "../../backends/lib/crypt_library.ts";
import {
  type CyrusSecret,
  digestSecretFits,
  plainSecretFits,
  readSecret,
  writeSecret,
} from "../../backends/lib/cyrus_secrets.ts";
import { isHtpasswdHash, verifyHtpasswdHash } from "../../backends/lib/htpasswd_hash.ts";
import type { ImportedSecret, VerifyForeign } from "../accounts/account_store.ts";
import type { UserName, Verifier } from "../backend.ts";
import { equalConstantTime } from "../lib/constant_time.ts";
import { decodeBase64, decodeUtf8, encodeBase64, utf8 } from "../lib/octets.ts";
import { cramMd5Contexts } from "../sasl/derive.ts";

const CYRUS_REGEXP = /^\{CYRUS ([A-Z0-9-]+)\}([^ ]+) ([^ ]+)$/;
const STRONGEST_FIRST: readonly CyrusSecret["mechanism"][] = ["PLAIN", "DIGEST-MD5", "CRAM-MD5"];

/** Where a hash can be checked: on this machine, only on one that has libcrypt, or nowhere. */
export function judgeForeign(
  hash: string,
  { allowDes }: { readonly allowDes: boolean },
): "here" | "elsewhere" | "nowhere" {
  return isHtpasswdHash(hash) ? "here" : judgeHash(hash, { allowDes });
}

/**
 * Makes the function that checks what was imported. libcrypt is loaded at once, since the permission for it may be given up later. DES
 * counts: whoever imported it has said so.
 */
export function createForeignVerifier(): VerifyForeign {
  cryptLibrary();
  return async (password, hash, signal = new AbortController().signal) => {
    if (hash.startsWith("{CYRUS ")) return cyrusFits(password, hash) ? "right" : "wrong";
    if (isHtpasswdHash(hash)) return verifyHtpasswdHash(password, hash) ? "right" : "wrong";
    const verdict = await verifyCrypt(password, hash, { signal, allowDes: true });
    return verdict === "right" || verdict === "wrong" ? verdict : "unavailable";
  };
}

/**
 * The secrets of an account of SASL 1.5, at least one, as they are imported: the strongest one for passwords, the others as the verifiers that
 * they are. `user` is as the old file has it.
 */
export function importedSecret(secrets: readonly CyrusSecret[], user: UserName): ImportedSecret {
  const ordered = STRONGEST_FIRST.flatMap((mechanism) => secrets.filter((secret) => secret.mechanism === mechanism));
  const [strongest] = ordered;
  if (strongest === undefined) throw new RangeError("Cannot import an account without a secret");
  const [value, name] = [writeSecret(strongest), utf8(`${user.local}\0${user.realm}`)].map(encodeBase64);
  const hash = `{CYRUS ${strongest.mechanism}}${value} ${name}`;
  return { hash, verifiers: ordered.flatMap((secret) => verifierOf(secret, user) ?? []) };
}

function verifierOf(secret: CyrusSecret, { realm }: UserName): Verifier | null {
  const credential = "password";
  switch (secret.mechanism) {
    case "PLAIN":
      return null;
    case "CRAM-MD5":
      return { scheme: "cram-md5", credential, inner: secret.inner, outer: secret.outer };
    case "DIGEST-MD5":
      return { scheme: "digest-md5", credential, realm, ha1s: [secret.ha1] };
  }
}

function cyrusFits(password: string, hash: string): boolean {
  const [, mechanism = "", value = "", name = ""] = CYRUS_REGEXP.exec(hash) ?? [];
  const octets = decodeBase64(value);
  const secret = octets === null ? null : readSecret(mechanism, octets);
  const [local = "", realm = ""] = decodeUtf8(decodeBase64(name) ?? new Uint8Array())?.split("\0") ?? [];
  switch (secret?.mechanism) {
    case "PLAIN":
      return plainSecretFits(secret, password);
    case "DIGEST-MD5":
      return digestSecretFits(secret, { local, realm, password });
    case "CRAM-MD5": {
      const { inner, outer } = cramMd5Contexts(password);
      return equalConstantTime(inner, secret.inner) && equalConstantTime(outer, secret.outer);
    }
    default:
      return false;
  }
}
