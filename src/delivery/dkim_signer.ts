/**
 * Signs mail with the keys of its author's domain (RFC 6376). The signature stands on top of the mail, and is known only when the last octet
 * has come: room for it is written first. The keys are in memory: no file is read for a mail.
 *
 * @module
 */

import type { DkimDomain, DkimKey } from "../config/config.ts";
import { toAscii } from "../lib/domain.ts";
import { concat, encodeBase64, latin1, utf8 } from "../lib/octets.ts";
import {
  fieldsToSign,
  octetsToSign,
  type SignatureFacts,
  signatureField,
  signatureRoom,
  type SignedFields,
} from "../message/dkim.ts";
import { RelaxedBodyHash } from "../message/dkim_canonical.ts";
import { fromDomain } from "../message/from_domain.ts";
import { type HeaderField, HeaderReader, type HeaderSplit, splitFields } from "../message/header.ts";
import { domainOf } from "../smtp/path.ts";

/** A mail that is being signed. */
export interface SigningMail {
  /** What to write on top of the mail until the signature is known; as long as that. */
  readonly room: Uint8Array<ArrayBuffer>;
  /** Takes what of the body comes after the `rest` of the beginning, piece by piece. */
  update(octets: Uint8Array): void;
  /** The fields that stand in the place of the room. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

/** What is known of a mail beside its content. */
export interface SignedMail {
  readonly reversePath: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Signs for the domains that it has keys of. */
export interface DkimSigner {
  /**
   * Begins a mail, whose header section is final. `rest` is as much of the body as is there, behind the empty line, and is not given to
   * `update` again. `null`: there is no key for it, or it has no author to sign for.
   */
  begin(content: HeaderSplit, mail: SignedMail): SigningMail | null;
}

interface Signatory {
  readonly key: CryptoKey;
  readonly facts: Omit<SignatureFacts, "now">;
}

const EMPTY_LINE = "\r\n";

/** Takes keys over. They were checked when the configuration was read; one that cannot sign all the same makes it reject. */
export async function createDkimSigner(domains: ReadonlyMap<string, DkimDomain>): Promise<DkimSigner> {
  const signatories = new Map<string, readonly Signatory[]>();
  for (const { domain, keys } of domains.values()) {
    signatories.set(domain, await Promise.all(keys.map((key) => openKey(domain, key))));
  }
  return {
    begin({ header, rest }, { reversePath, now }) {
      if (signatories.size === 0) return null;
      // A header section beyond the limit of `HeaderReader` goes on in the rest.
      if (rest.length > 0 && latin1(rest.subarray(0, EMPTY_LINE.length)) !== EMPTY_LINE) return null;
      const fields = splitFields(header);
      const found = authors(fields, reversePath).map((domain) => closest(domain, signatories));
      const chosen = found.find((each) => each !== null) ?? null;
      if (chosen === null) return null;
      const signing = new Signing(fieldsToSign(fields), chosen, now);
      signing.update(rest.subarray(EMPTY_LINE.length));
      return signing;
    },
  };
}

/** Signs a mail that is in memory; without a key for it the mail stays as it is. */
export async function signMail<Content extends Uint8Array>(
  signer: DkimSigner,
  content: Content,
  mail: SignedMail,
): Promise<Content | Uint8Array<ArrayBuffer>> {
  const reader = new HeaderReader();
  const split = reader.push(content) ?? reader.finish();
  const signing = signer.begin(split, mail);
  return signing === null ? content : concat(await signing.finish(), split.header, split.rest);
}

/** The domain of From, which is the one that receivers compare (RFC 7489 section 3.1), else that of the reverse-path. */
function authors(fields: readonly HeaderField[], reversePath: string | null): readonly string[] {
  const author = fromDomain(fields);
  // Nobody could tell which of two authors the signature is for; without any it is void (RFC 6376 section 5.4).
  if (author === "ambiguous") return [];
  const sender = reversePath === null ? null : toAscii(domainOf(reversePath) ?? "");
  return [author, sender].filter((domain) => domain !== null);
}

/** The signatories of a domain or of the closest one above it. */
function closest(domain: string, all: ReadonlyMap<string, readonly Signatory[]>): readonly Signatory[] | null {
  for (let name = domain;; name = name.slice(name.indexOf(".") + 1)) {
    const found = all.get(name);
    if (found !== undefined) return found;
    if (!name.includes(".")) return null;
  }
}

class Signing implements SigningMail {
  readonly room: Uint8Array<ArrayBuffer>;
  readonly #signed: SignedFields;
  readonly #signatories: readonly Signatory[];
  readonly #now: number;
  readonly #body = new RelaxedBodyHash();

  constructor(signed: SignedFields, signatories: readonly Signatory[], now: number) {
    this.#signed = signed;
    this.#signatories = signatories;
    this.#now = now;
    this.room = utf8(signatories.map(({ facts }) => signatureRoom({ ...facts, now }, signed)).join(""));
  }

  update(octets: Uint8Array): void {
    this.#body.update(octets);
  }

  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    const bodyHash = this.#body.finish();
    const fields = await Promise.all(this.#signatories.map(async ({ key, facts }) => {
      const all = { ...facts, now: this.#now };
      const signature = await sign(key, octetsToSign(all, this.#signed, bodyHash));
      return signatureField(all, this.#signed, { bodyHash, signature: encodeBase64(signature) });
    }));
    const octets = utf8(fields.join(""));
    if (octets.length !== this.room.length) throw new RangeError("Cannot sign: the signature does not fit its room");
    return octets;
  }
}

async function openKey(domain: string, { kind, selector, pkcs8 }: DkimKey): Promise<Signatory> {
  const algorithm = kind === "rsa" ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "Ed25519" };
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const { length } = await sign(key, new Uint8Array(0));
  return { key, facts: { algorithm: `${kind}-sha256`, domain, selector, signatureOctets: length } };
}

/** By Web Crypto, whose work is done by threads of the runtime: a signature of RSA keeps one busy for milliseconds. */
async function sign(key: CryptoKey, octets: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // RFC 8463 section 3: Ed25519 signs the hash.
  const signed = key.algorithm.name === "Ed25519" ? await crypto.subtle.digest("SHA-256", octets) : octets;
  return new Uint8Array(await crypto.subtle.sign(key.algorithm.name, key, signed));
}
