/**
 * RADIUS packets (RFC 2865, RFC 3579) as octets: requests made, replies checked. No I/O, no clock, no randomness.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import { equalConstantTime } from "../src/lib/constant_time.ts";
import { concat, utf8 } from "../src/lib/octets.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";

/** Attributes of RFC 2865 section 5 and RFC 3579 section 3.2 that are used here. */
export const ATTRIBUTE = {
  userName: 1,
  userPassword: 2,
  chapPassword: 3,
  serviceType: 6,
  callingStationId: 31,
  nasIdentifier: 32,
  chapChallenge: 60,
  messageAuthenticator: 80,
} as const;

/** The most octets that the value of an attribute has room for (RFC 2865 section 5). */
export const VALUE_LIMIT_OCTETS = 253;
/** The longest password that User-Password carries (RFC 2865 section 5.2). */
export const PASSWORD_LIMIT_OCTETS = 128;
/** The length of authenticators and challenges. */
export const AUTHENTICATOR_OCTETS = 16;

/** The longest packet (RFC 2865 section 3). */
export const PACKET_LIMIT_OCTETS = 4096;

/** One attribute; the value has 1 to 253 octets. */
export interface RadiusAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What a request is made of. `authenticator` and `identifier` must be unpredictable and new for each request, not for each sending. */
export interface RadiusRequest {
  /** Access-Request, or Status-Server (RFC 5997), which asks only whether somebody is there. */
  readonly kind: "access" | "status";
  /** 0 to 255. */
  readonly identifier: number;
  /** 16 octets. */
  readonly authenticator: Uint8Array;
  /** Without Message-Authenticator. */
  readonly attributes: readonly RadiusAttribute[];
}

/** A reply that was proved to come from someone who knows the secret, and to belong to the request. */
export interface RadiusReply {
  readonly kind: "accept" | "reject" | "challenge";
}

/** Why a datagram is no reply to the request. It is then as if it had never come. */
export type ReplyFault =
  /** No packet, one of another kind, or one with another identifier. */
  | "stray"
  /** The Response Authenticator or the Message-Authenticator is wrong: forged, or the two sides have different secrets. */
  | "forged"
  /** There is no Message-Authenticator where one is required. */
  | "unsigned";

const REQUEST_CODES = { access: 1, status: 12 } as const;
const REPLY_KINDS: ReadonlyMap<number, RadiusReply["kind"]> = new Map([[2, "accept"], [3, "reject"], [
  11,
  "challenge",
]]);
const HEADER_OCTETS = 20;
const AUTHENTICATOR_AT = 4;
const UNSIGNED = new Uint8Array(AUTHENTICATOR_OCTETS);

/**
 * The octets of a request. Message-Authenticator is always there and comes first, so that no collision of MD5 can be prepared in front
 * of it (CVE-2024-3596).
 */
export function encodeRequest(request: RadiusRequest, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  const signature = { type: ATTRIBUTE.messageAuthenticator, value: UNSIGNED };
  const attributes = [signature, ...request.attributes].map(encodeAttribute);
  const length = attributes.reduce((sum, { length }) => sum + length, HEADER_OCTETS);
  if (length > PACKET_LIMIT_OCTETS) throw new RangeError(`Cannot make a packet of ${length} octets`);
  const header = [REQUEST_CODES[request.kind], request.identifier, length >> 8, length & 0xff];
  const packet = concat(new Uint8Array(header), request.authenticator, ...attributes);
  packet.set(hmacMd5(secret, packet), HEADER_OCTETS + 2);
  return packet;
}

/** The value of User-Password (RFC 2865 section 5.2). The password has 1 to 128 octets and no NUL, since NULs fill it up. */
export function hidePassword(
  password: Uint8Array,
  { secret, authenticator }: { readonly secret: Uint8Array; readonly authenticator: Uint8Array },
): Uint8Array {
  if (password.length > PASSWORD_LIMIT_OCTETS) throw new RangeError("Cannot hide the password: it is too long");
  const hidden = new Uint8Array(Math.max(1, Math.ceil(password.length / 16)) * 16);
  hidden.set(password);
  let before = authenticator;
  for (let at = 0; at < hidden.length; at += 16) {
    const pad = md5(secret, before);
    for (const [offset, octet] of pad.entries()) hidden[at + offset] = (hidden[at + offset] ?? 0) ^ octet;
    before = hidden.subarray(at, at + 16);
  }
  return hidden;
}

/** The value of CHAP-Password (RFC 2865 section 5.3, RFC 1994 section 4.1). `identifier` is any octet. */
export function chapPassword(
  password: Uint8Array,
  { identifier, challenge }: { readonly identifier: number; readonly challenge: Uint8Array },
): Uint8Array {
  const octet = new Uint8Array([identifier]);
  return concat(octet, md5(octet, password, challenge));
}

/**
 * Reads a datagram as the reply to a request. Accepted is only what carries the right Response Authenticator (RFC 2865 section 3) and,
 * where there is a Message-Authenticator, the right one (RFC 3579 section 3.2); `signed` demands that there is one. Both are compared
 * octet by octet, in a time that tells nothing.
 */
export function readReply(
  datagram: Uint8Array,
  { request, secret, signed }: {
    readonly request: Pick<RadiusRequest, "identifier" | "authenticator">;
    readonly secret: Uint8Array;
    readonly signed: boolean;
  },
): Result<RadiusReply, ReplyFault> {
  if (datagram.length < HEADER_OCTETS) return fail("stray");
  const length = (datagram[2] ?? 0) << 8 | (datagram[3] ?? 0);
  // What follows the packet in its datagram is padding (RFC 2865 section 3).
  if (length < HEADER_OCTETS || length > datagram.length || length > PACKET_LIMIT_OCTETS) return fail("stray");
  const packet = datagram.slice(0, length);
  const kind = REPLY_KINDS.get(packet[0] ?? 0);
  const attributes = readAttributes(packet);
  if (kind === undefined || attributes === null || packet[1] !== request.identifier) return fail("stray");

  const shown = packet.slice(AUTHENTICATOR_AT, HEADER_OCTETS);
  packet.set(request.authenticator, AUTHENTICATOR_AT);
  if (!equalConstantTime(shown, md5(packet, secret))) return fail("forged");
  const [signature, ...more] = attributes.filter(({ type }) => type === ATTRIBUTE.messageAuthenticator);
  if (signature === undefined) return signed ? fail("unsigned") : succeed({ kind });
  const shownSignature = signature.value.slice();
  if (more.length > 0 || shownSignature.length !== AUTHENTICATOR_OCTETS) return fail("forged");
  signature.value.fill(0);
  return equalConstantTime(shownSignature, hmacMd5(secret, packet)) ? succeed({ kind }) : fail("forged");
}

/** Whether a text fits into one attribute. */
export function fitsAttribute(text: string): boolean {
  return text !== "" && utf8(text).length <= VALUE_LIMIT_OCTETS;
}

function encodeAttribute({ type, value }: RadiusAttribute): Uint8Array {
  if (value.length === 0 || value.length > VALUE_LIMIT_OCTETS) {
    throw new RangeError(`Cannot make attribute ${type} of ${value.length} octets`);
  }
  return concat(new Uint8Array([type, value.length + 2]), value);
}

/** The attributes, their values as views of the packet; `null` where they do not fill it exactly. */
function readAttributes(packet: Uint8Array): readonly RadiusAttribute[] | null {
  const attributes: RadiusAttribute[] = [];
  for (let at = HEADER_OCTETS; at < packet.length;) {
    const [type = 0, length = 0] = packet.subarray(at, at + 2);
    if (length < 2 || at + length > packet.length) return null;
    attributes.push({ type, value: packet.subarray(at + 2, at + length) });
    at += length;
  }
  return attributes;
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function hmacMd5(key: Uint8Array, octets: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("md5", key).update(octets).digest());
}
