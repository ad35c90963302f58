/**
 * Keys for DKIM, and the records that publish them.
 *
 * @module
 */

import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { readActiveKeys } from "../../src/config/dkim_keys.ts";
import { createDkimSigner, type DkimSigner } from "../../src/delivery/dkim_signer.ts";

/** The key pair of one kind. */
export interface KeyPair {
  /** PEM. */
  readonly pem: string;
  /** The record, written here by hand and not by what is tested. */
  readonly record: string;
}

/** Makes an RSA key. */
export function rsaPair(bits = 2048): KeyPair {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return { pem: pemOf(privateKey), record: `v=DKIM1; p=${spki.toString("base64")}` };
}

/** Makes an Ed25519 key. */
export function ed25519Pair(): KeyPair {
  const { privateKey } = generateKeyPairSync("ed25519");
  const raw = createPublicKey(privateKey).export({ type: "spki", format: "der" }).subarray(-32);
  return { pem: pemOf(privateKey), record: `v=DKIM1; k=ed25519; p=${raw.toString("base64")}` };
}

/** Writes both keys of a selector and puts it in use. */
export async function writeKeys(
  folder: string,
  domain: string,
  { selector, rsa, ed25519 }: { readonly selector: string; readonly rsa?: KeyPair; readonly ed25519?: KeyPair },
): Promise<void> {
  await Deno.mkdir(join(folder, domain), { recursive: true });
  const write = (name: string, text: string) => Deno.writeTextFile(join(folder, domain, name), text, { mode: 0o600 });
  if (rsa !== undefined) await write(`${selector}.rsa.pem`, rsa.pem);
  if (ed25519 !== undefined) await write(`${selector}.ed25519.pem`, ed25519.pem);
  await write("active", `${selector}\n`);
}

/** The signer of what is in use in a folder. */
export async function signerOf(folder: string): Promise<DkimSigner> {
  const { keys, mistakes } = await readActiveKeys(folder);
  if (mistakes.length > 0) throw new Error(mistakes.join("; "));
  return await createDkimSigner(keys);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
