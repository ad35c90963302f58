/**
 * The Received field (RFC 5321 section 4.4) with the protocol names of RFC 3848 and RFC 6531.
 *
 * @module
 */

import { isIP } from "node:net";
import { toAscii } from "../lib/domain.ts";
import { canonicalAddress } from "../lib/network.ts";
import { formatDate } from "./date.ts";

/** How a mail came in. */
export interface ReceivedProtocol {
  /** EHLO was said, not HELO. */
  readonly extended: boolean;
  readonly tls: boolean;
  readonly authenticated: boolean;
  readonly smtputf8: boolean;
}

/** What a Received field tells. */
export interface ReceivedInput {
  /** What EHLO or HELO said; anything may stand in it. */
  readonly clientName: string;
  /** The client's IP address. */
  readonly clientAddress: string;
  /** The canonical account of the client, or `null`. */
  readonly login: string | null;
  /** Leaves the client's name, address and login out. */
  readonly hideClient: boolean;
  readonly hostname: string;
  readonly protocol: ReceivedProtocol;
  readonly id: string;
  /** `cipher` is empty where it is not known. */
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  /** The forward-path when there is one recipient; `null` else, so that nobody learns of others (RFC 5321 section 7.6). */
  readonly forwardPath: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const LINE_LIMIT = 77;
const NAME_LIMIT = 255;

/** The name behind `with`: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA (RFC 3848), UTF8SMTP, UTF8SMTPS, UTF8SMTPA, UTF8SMTPSA (RFC 6531). */
export function protocolName({ extended, tls, authenticated, smtputf8 }: ReceivedProtocol): string {
  // There is no name for HELO with TLS or AUTH; the letters say more than the missing E.
  const base = smtputf8 ? "UTF8SMTP" : extended || tls || authenticated ? "ESMTP" : "SMTP";
  return `${base}${tls ? "S" : ""}${authenticated ? "A" : ""}`;
}

/** Writes the whole field with its last CRLF. Nothing that a client said can end a line, a comment or the field. */
export function formatReceived(input: ReceivedInput): string {
  const utf8 = input.protocol.smtputf8;
  const clauses = ["Received:"];
  if (!input.hideClient) {
    clauses.push(`from ${safeName(input.clientName)}`, `(${addressLiteral(input.clientAddress)})`);
    if (input.login !== null) clauses.push(`(authenticated as ${safeComment(input.login, utf8)})`);
  }
  clauses.push(`by ${input.hostname} (dokodemo)`, `with ${protocolName(input.protocol)} id ${safeAtom(input.id)}`);
  if (input.tls !== null) {
    const { version, cipher } = input.tls;
    clauses.push(`(version=${safeAtom(version)}${cipher === "" ? "" : ` cipher=${safeAtom(cipher)}`})`);
  }
  const path = input.forwardPath === null ? null : safePath(input.forwardPath, utf8);
  if (path !== null) clauses.push(`for <${path}>`);
  const last = clauses.pop() ?? "";
  return fold([...clauses, `${last};`, formatDate(input.at)]);
}

/** What a Received field tells of a mail that a program on this machine has left. */
export interface LocalReceivedInput
  extends Pick<ReceivedInput, "hideClient" | "hostname" | "id" | "forwardPath" | "at"> {
  /** The system's user. */
  readonly user: string;
  readonly uid: number;
  readonly smtputf8: boolean;
}

/** Writes the field as sendmail does for its command: `(from USER@localhost)`. */
export function formatLocalReceived(input: LocalReceivedInput): string {
  const { hideClient, hostname, id, forwardPath, at, user, uid, smtputf8 } = input;
  const path = forwardPath === null ? null : safePath(forwardPath, smtputf8);
  const clauses = [
    "Received:",
    ...hideClient ? [] : [`(from ${safeComment(user, smtputf8)}@localhost, uid ${uid})`],
    `by ${hostname} (dokodemo)`,
    `id ${safeAtom(id)}`,
    ...path === null ? [] : [`for <${path}>`],
  ];
  const last = clauses.pop() ?? "";
  return fold([...clauses, `${last};`, formatDate(at)]);
}

/** An address as RFC 5321 section 4.1.3 writes it: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
export function addressLiteral(address: string): string {
  const bare = canonicalAddress(address);
  return isIP(bare) === 6 ? `[IPv6:${bare}]` : `[${isIP(bare) === 4 ? bare : "unknown"}]`;
}

/** Breaks between clauses alone, where a line would get too long. */
function fold(clauses: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const clause of clauses) {
    if (line !== "" && line.length + 1 + clause.length > LINE_LIMIT) {
      lines.push(line);
      line = "";
    }
    line = line === "" && lines.length === 0 ? clause : `${line} ${clause}`;
  }
  return `${[...lines, line].join("\r\n")}\r\n`;
}

/** A domain or an address literal as it is; in anything else what could have a meaning in a header field becomes `?`. */
function safeName(name: string): string {
  const domain = toAscii(name);
  if (domain !== null) return domain;
  const safe = name.slice(0, NAME_LIMIT).replace(/[^A-Za-z0-9.:\-_[\]]/g, "?");
  return safe === "" ? "unknown" : safe;
}

function safeAtom(text: string): string {
  return text.replace(/[^A-Za-z0-9.\-_]/g, "?");
}

function safeComment(text: string, utf8: boolean): string {
  const printable = utf8 ? /[()\\\p{Cc}\p{Zl}\p{Zp}]/gu : /[^\x20-\x7e]|[()\\]/gu;
  return text.slice(0, NAME_LIMIT).replace(printable, "?");
}

/** A path that would need escaping here, or is not ASCII in a mail that must be, is left out rather than changed. */
function safePath(path: string, utf8: boolean): string | null {
  const plain = utf8 ? /^[^\s<>()"\\\p{Cc}]+$/u : /^[\x21-\x7e]+$/;
  return plain.test(path) && !/[<>()"\\]/.test(path) ? path : null;
}
