/**
 * A throw-away authority and server certificate (RFC 5280), for the demo and for tests. The libraries that make certificates bring twenty
 * packages along, for what are eighty lines here.
 *
 * @module
 */

import { isIP } from "node:net";
import { concat, utf8 } from "../lib/octets.ts";

/** All in PEM. */
export interface DemoCertificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const COMMON_NAME = oid("550403");
const SUBJECT_ALTERNATIVE_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const TRUE = der(0x01, new Uint8Array([0xff]));

/** Makes a certificate for these host names and addresses, good for 30 days from `now` (milliseconds since the epoch). */
export async function makeCertificate(names: readonly string[], now: number): Promise<DemoCertificate> {
  const authorityKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const issuer = "dokodemo demo authority";
  const common = { issuer, signingKey: authorityKeys.privateKey, now };
  const authority = await signCertificate({
    ...common,
    subject: issuer,
    publicKey: authorityKeys.publicKey,
    extension: extension(BASIC_CONSTRAINTS, sequence(TRUE)),
  });
  const certificate = await signCertificate({
    ...common,
    subject: names[0] ?? "localhost",
    publicKey: keys.publicKey,
    extension: extension(SUBJECT_ALTERNATIVE_NAME, sequence(...names.map(generalName))),
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    authority: pem("CERTIFICATE", authority),
    certificate: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", key),
  };
}

interface ToSign {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: CryptoKey;
  readonly signingKey: CryptoKey;
  readonly extension: Uint8Array;
  readonly now: number;
}

async function signCertificate(parts: ToSign): Promise<Uint8Array> {
  const toBeSigned = sequence(
    der(0xa0, der(0x02, new Uint8Array([2]))),
    // Its first octet is between 0x40 and 0x7f: positive, and no leading zero.
    der(0x02, crypto.getRandomValues(new Uint8Array(16)).map((octet, at) => at === 0 ? octet & 0x3f | 0x40 : octet)),
    ECDSA_WITH_SHA256,
    distinguishedName(parts.issuer),
    sequence(time(parts.now - DAY_MS), time(parts.now + 30 * DAY_MS)),
    distinguishedName(parts.subject),
    new Uint8Array(await crypto.subtle.exportKey("spki", parts.publicKey)),
    der(0xa3, sequence(parts.extension)),
  );
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, parts.signingKey, toBeSigned);
  const signature = new Uint8Array(raw);
  const half = signature.length / 2;
  const value = sequence(integer(signature.subarray(0, half)), integer(signature.subarray(half)));
  return sequence(toBeSigned, ECDSA_WITH_SHA256, der(0x03, new Uint8Array([0]), value));
}

/** One element of DER (X.690): a tag, a length, a content. */
function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = concat(...content);
  const { length } = joined;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  return concat(new Uint8Array(head), joined);
}

function sequence(...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return der(0x30, ...content);
}

function oid(hexOctets: string): Uint8Array<ArrayBuffer> {
  return der(0x06, Uint8Array.fromHex(hexOctets));
}

/** A positive integer, with the zero in front that its sign needs and no other. */
function integer(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = octets.findIndex((octet) => octet !== 0);
  const bare = octets.subarray(first < 0 ? octets.length - 1 : first);
  return der(0x02, (bare[0] ?? 0) & 0x80 ? concat(new Uint8Array([0]), bare) : bare);
}

function distinguishedName(commonName: string): Uint8Array<ArrayBuffer> {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, utf8(commonName)))));
}

function time(ms: number): Uint8Array<ArrayBuffer> {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(0x18, utf8(digits));
}

function extension(id: string, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const critical = id === BASIC_CONSTRAINTS ? [TRUE] : [];
  return sequence(oid(id), ...critical, der(0x04, value));
}

function generalName(name: string): Uint8Array<ArrayBuffer> {
  if (isIP(name) === 4) return der(0x87, new Uint8Array(name.split(".").map(Number)));
  return der(0x82, utf8(name));
}

function pem(label: string, octets: Uint8Array): string {
  const lines = octets.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
