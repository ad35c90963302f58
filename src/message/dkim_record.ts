/**
 * The DNS record of a DKIM key (RFC 6376 section 3.6.1, RFC 8463 section 4): written, and judged.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../lib/octets.ts";

/** The public half of a key, as `p=` has it: of RSA the SubjectPublicKeyInfo, of Ed25519 the 32 octets alone. */
export interface PublishedKey {
  readonly kind: "rsa" | "ed25519";
  readonly octets: Uint8Array;
}

/** What is wrong with a published record; `serious`: verifiers will not take signatures by it. */
export interface RecordFault {
  readonly serious: boolean;
  readonly text: string;
}

const STRING_LIMIT = 255;
const TAG_REGEXP = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*([^;]*?)\s*$/;
/** RFC 8301 section 3.2. */
const GOOD_RSA_OCTETS = 2048 / 8;

/** The name of the record. */
export function recordName(selector: string, domain: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** The value of the record. */
export function formatRecord({ kind, octets }: PublishedKey): string {
  return `v=DKIM1; k=${kind}; p=${encodeBase64(octets)}`;
}

/** The record as a line of a zone file, in strings of 255 octets at most (RFC 1035 section 3.3). */
export function zoneLine(name: string, value: string): string {
  const strings = value.match(new RegExp(`.{1,${STRING_LIMIT}}`, "g")) ?? [""];
  return `${name}. IN TXT ( ${strings.map((text) => `"${text}"`).join(" ")} )`;
}

/** Compares what is published with the key that we sign with. Nothing is wrong: an empty list. */
export function judgeRecords(records: readonly string[], key: PublishedKey): readonly RecordFault[] {
  const [record, ...others] = records;
  if (record === undefined) return [serious("there is no TXT record of this name")];
  if (others.length > 0) {
    return [serious(`there are ${records.length} TXT records of this name, and only one is allowed`)];
  }
  const tags = parseTags(record);
  if (typeof tags === "string") return [serious(tags)];
  return judgeTags(tags, key);
}

function judgeTags(tags: ReadonlyMap<string, string>, key: PublishedKey): readonly RecordFault[] {
  const faults: RecordFault[] = [];
  const version = tags.get("v");
  if (version !== undefined && version !== "DKIM1") faults.push(serious(`v=${version}, expected v=DKIM1`));
  else if (version !== undefined && [...tags.keys()][0] !== "v") faults.push(serious("v= is not the first tag"));
  const kind = tags.get("k") ?? "rsa";
  if (kind !== key.kind) faults.push(serious(`k=${kind}, and the key is of the kind ${key.kind}`));
  const hashes = tags.get("h")?.split(":").map((hash) => hash.trim());
  if (hashes?.includes("sha256") === false) faults.push(serious(`h=${hashes.join(":")} does not permit sha256`));
  const services = tags.get("s")?.split(":").map((service) => service.trim());
  if (services?.some((service) => service === "*" || service === "email") === false) {
    faults.push(serious(`s=${services.join(":")} does not permit email`));
  }
  faults.push(...judgeKey(tags.get("p"), key));
  const flags = tags.get("t")?.split(":").map((flag) => flag.trim()) ?? [];
  if (flags.includes("y")) {
    faults.push(slight("t=y: the domain says that it is only trying, and verifiers may ignore it"));
  }
  if (flags.includes("s")) {
    faults.push(slight("t=s: signatures do not count for addresses of subdomains"));
  }
  return faults;
}

function judgeKey(published: string | undefined, { kind, octets }: PublishedKey): readonly RecordFault[] {
  if (published === undefined) return [serious("p= is missing")];
  const text = published.replace(/\s+/g, "");
  if (text === "") return [serious("p= is empty: the key is revoked")];
  const found = decodeBase64(text);
  if (found === null) return [serious("p= is no base64: is it cut off, or are there quotes in it?")];
  const ours = encodeBase64(octets);
  if (encodeBase64(found) !== ours) {
    const cut = ours.startsWith(text.replace(/=+$/, "").slice(0, -3));
    return [serious(cut ? "p= is cut off" : "p= is another key than the one that signs here")];
  }
  // The encoding of the rest is some 38 octets.
  const weak = kind === "rsa" && octets.length < GOOD_RSA_OCTETS;
  return weak ? [slight("the key is shorter than 2048 bits (RFC 8301): make a new one")] : [];
}

/** A tag-list (RFC 6376 section 3.2), or what is wrong with it. */
function parseTags(record: string): ReadonlyMap<string, string> | string {
  const tags = new Map<string, string>();
  const pieces = record.split(";");
  if (pieces.at(-1)?.trim() === "") pieces.pop();
  for (const piece of pieces) {
    const [, name, value = ""] = TAG_REGEXP.exec(piece) ?? [];
    if (name === undefined) return `"${piece.trim().slice(0, 40)}" is no tag of the form name=value`;
    if (tags.has(name)) return `the tag ${name}= is there twice`;
    tags.set(name, value);
  }
  return tags.size === 0 ? "the record is empty" : tags;
}

function serious(text: string): RecordFault {
  return { serious: true, text };
}

function slight(text: string): RecordFault {
  return { serious: false, text };
}
