/**
 * Apple's configuration profile with one mail account (payload `com.apple.mail.managed`), as a property list.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { hex, utf8 } from "../../lib/octets.ts";
import { type ProfileAddress, userNameOf } from "./address.ts";
import type { ProfileSettings } from "./settings.ts";
import { element, xmlDocument, type XmlElement } from "./xml.ts";

/** Whose profile it is. */
export interface MobileconfigRequest {
  readonly address: ProfileAddress;
  /** Default: what follows from the address. */
  readonly userName?: string;
  /** For sending alone: an app password is known here, not to the server where mail is read. Absent: the device asks. */
  readonly outgoingPassword?: string;
}

type PlistValue = string | number | boolean | Plist | readonly Plist[];
interface Plist {
  readonly [key: string]: PlistValue;
}

const DOCTYPE =
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">';
/** Our own, for UUIDs made of names (RFC 9562 section 5.5). */
const NAMESPACE = Uint8Array.fromHex("6f1c3a527d0e5b0c9a2d8f41c7b35e90");

/**
 * The profile. The settings must have a server for reading and one for sending (`whyNoProfile`). Its identifiers are the same each
 * time for one address at one server, so that a new profile takes the place of the old.
 */
export function mobileconfig(settings: ProfileSettings, request: MobileconfigRequest): string {
  const { name, hostname } = settings;
  const { address } = request.address;
  const account = uuid(`${hostname} account ${address}`);
  const identifier = `${hostname.split(".").toReversed().join(".")}.mail.${account.toLowerCase()}`;
  const profile: Plist = {
    PayloadContent: [{
      ...mailAccount(settings, request),
      PayloadDescription: `Mail for ${address}`,
      PayloadDisplayName: name,
      PayloadIdentifier: `${identifier}.account`,
      PayloadType: "com.apple.mail.managed",
      PayloadUUID: account,
      PayloadVersion: 1,
    }],
    PayloadDescription: `Sets up mail for ${address}`,
    PayloadDisplayName: `${name} (${address})`,
    PayloadIdentifier: identifier,
    PayloadOrganization: name,
    PayloadType: "Configuration",
    PayloadUUID: uuid(`${hostname} profile ${address}`),
    PayloadVersion: 1,
  };
  return xmlDocument({ name: "plist", attributes: { version: "1.0" }, content: [dictionary(profile)] }, {
    doctype: DOCTYPE,
  });
}

function mailAccount(
  settings: ProfileSettings,
  { address, userName = userNameOf(address, settings), outgoingPassword }: MobileconfigRequest,
): Plist {
  const { name, imap, pop, submission: [outgoing] } = settings;
  const incoming = imap ?? pop;
  if (incoming === null || outgoing === undefined) throw new RangeError("Cannot make a profile: a server is missing");
  return {
    EmailAccountDescription: name,
    EmailAccountType: incoming === imap ? "EmailTypeIMAP" : "EmailTypePOP",
    EmailAddress: address.address,
    IncomingMailServerAuthentication: "EmailAuthPassword",
    IncomingMailServerHostName: incoming.host,
    IncomingMailServerPortNumber: incoming.port,
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: userName,
    OutgoingMailServerAuthentication: outgoing.authentication === "password-cleartext"
      ? "EmailAuthPassword"
      : "EmailAuthCRAMMD5",
    OutgoingMailServerHostName: outgoing.host,
    OutgoingMailServerPortNumber: outgoing.port,
    OutgoingMailServerUseSSL: true,
    OutgoingMailServerUsername: userName,
    ...outgoingPassword !== undefined && { OutgoingPassword: outgoingPassword },
    OutgoingPasswordSameAsIncomingPassword: outgoingPassword === undefined,
  };
}

function dictionary(values: Plist): XmlElement {
  return element("dict", Object.entries(values).flatMap(([key, value]) => [element("key", key), plistValue(value)]));
}

function plistValue(value: PlistValue): XmlElement {
  if (typeof value === "string") return element("string", value);
  if (typeof value === "number") return element("integer", String(value));
  if (typeof value === "boolean") return element(String(value), []);
  return isList(value) ? element("array", value.map(dictionary)) : dictionary(value);
}

function isList(value: Plist | readonly Plist[]): value is readonly Plist[] {
  return Array.isArray(value);
}

/** A UUID of version 5, in the upper case that Apple's own tools write. */
function uuid(name: string): string {
  const octets = new Uint8Array(createHash("sha1").update(NAMESPACE).update(utf8(name)).digest()).slice(0, 16);
  octets[6] = (octets[6] ?? 0) & 0x0f | 0x50;
  octets[8] = (octets[8] ?? 0) & 0x3f | 0x80;
  return hex(octets).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5").toUpperCase();
}
