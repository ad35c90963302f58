/**
 * The certificate shown to clients, and what SCRAM binds to it.
 *
 * @module
 */

import { createHash, X509Certificate } from "node:crypto";
import tls from "node:tls";
import { hex } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { TlsConfig } from "../config/config.ts";

/** The certificate as it is shown. */
export interface ServerCertificate {
  readonly context: tls.SecureContext;
  /** `tls-server-end-point` (RFC 5929 section 4); `null` where the signature has no hash of its own (Ed25519). */
  readonly binding: Uint8Array | null;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** As it was read: `Deno.serve` takes nothing else. */
  readonly pem: { readonly cert: string; readonly key: string };
}

/** Loads certificate and key; the problem names the file. */
export async function loadCertificate(config: TlsConfig): Promise<Result<ServerCertificate, string>> {
  try {
    const cert = await Deno.readTextFile(config.certificateFile);
    const key = await Deno.readTextFile(config.keyFile);
    const leaf = new X509Certificate(cert);
    return succeed({
      context: tls.createSecureContext({ cert, key, minVersion: "TLSv1.2" }),
      binding: serverEndPoint(new Uint8Array(leaf.raw)),
      expires: Date.parse(leaf.validTo),
      pem: { cert, key },
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    return fail(`Cannot use ${config.certificateFile} with ${config.keyFile}: ${reason}`);
  }
}

/** The last octets of the OIDs of signature algorithms, and their hash; MD5 and SHA-1 become SHA-256 (RFC 5929 section 4.1). */
const SIGNATURE_HASHES: ReadonlyMap<string, string> = new Map([
  ["2a864886f70d010104", "sha256"],
  ["2a864886f70d010105", "sha256"],
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a864886f70d01010e", "sha224"],
  ["2a8648ce3d0401", "sha256"],
  ["2a8648ce3d040301", "sha224"],
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
]);

/** The channel binding of a certificate in DER. */
export function serverEndPoint(der: Uint8Array): Uint8Array | null {
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, ... }, ... } (RFC 5280 section 4.1).
  const certificate = element(der, 0);
  const toBeSigned = certificate === null ? null : element(der, certificate.start);
  const algorithm = toBeSigned === null ? null : element(der, toBeSigned.end);
  const oid = algorithm === null ? null : element(der, algorithm.start);
  if (oid === null) return null;
  const hash = SIGNATURE_HASHES.get(hex(der.subarray(oid.start, oid.end)));
  return hash === undefined ? null : new Uint8Array(createHash(hash).update(der).digest());
}

/** Where the content of the DER element at `at` lies. */
function element(der: Uint8Array, at: number): { readonly start: number; readonly end: number } | null {
  const first = der[at + 1];
  if (first === undefined) return null;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  let length = 0;
  const count = first & 0x7f;
  if (count > 4) return null;
  for (let index = 0; index < count; index++) length = length * 256 + (der[at + 2 + index] ?? 0);
  const start = at + 2 + count;
  return start + length > der.length ? null : { start, end: start + length };
}
