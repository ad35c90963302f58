/**
 * Files of Cyrus SASL, and a backend over one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Pair } from "../../src/lib/berkeley_db.ts";
import { CYRUS_SASLDB } from "../../backends/cyrus_sasldb.ts";
import { createVerifierMaker } from "../../src/accounts/derived_verifiers.ts";
import type { Backend } from "../../src/backend.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts } from "../../src/sasl/derive.ts";
import { makeFolder } from "../servers/lib.ts";
import { loadDatabase } from "./berkeley_db_lib.ts";
import type { OpenBackend } from "./contract.ts";
import type { Login } from "./contract_lib.ts";

/** A file of saslpasswd2 2.1.28. */
export const FIXTURE = new URL("../fixtures/cyrus/sasldb2", import.meta.url);

/** The accounts in it. */
export const PASSWORDS: readonly Login[] = (await Deno.readTextFile(new URL("passwords.tsv", FIXTURE)))
  .trimEnd().split("\n").map((line) => {
    const [local = "", realm = "", password = ""] = line.split("\t");
    return { user: { local, realm }, password };
  });

/** A backend over a file. */
export interface OpenCyrus extends OpenBackend {
  readonly file: string;
  /** What it told the administrator. */
  readonly warnings: readonly string[];
}

/** Opens a backend named `mine` over a copy of these octets. */
export async function openCyrus(octets: Uint8Array<ArrayBuffer>): Promise<OpenCyrus> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await makeFolder());
  const file = join(folder.path, "sasldb2");
  await Deno.writeFile(file, octets, { mode: 0o600 });
  const warnings: string[] = [];
  const backend = made.use(await openAt(file, (text) => warnings.push(text)));
  const owned = made.move();
  return { backend, file, warnings, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Opens a backend named `mine` as the program would. */
export function openAt(file: string, warn: (text: string) => void = () => {}): Promise<Backend> {
  const defaultRealm = "baz.co.jp";
  const verifiersOf = createVerifierMaker({ key: new Uint8Array(32), defaultRealm, realms: [] });
  const accounts = () => {
    throw new TypeError("Cannot open an account store: this backend has none");
  };
  return CYRUS_SASLDB.open("mine", CYRUS_SASLDB.schema.parse({ file }), {
    ...{ dataDir: "/nowhere", defaultRealm, accounts, verifiersOf, warn },
  });
}

/** An entry: user, realm, property and value. */
export function entry(name: readonly [local: string, realm: string, property: string], value: Uint8Array): Pair {
  return [utf8(name.join("\0")), concat(value)];
}

/** The octets of a file with these entries. Needs db5.3_load. */
export async function cyrusFile(entries: readonly Pair[]): Promise<Uint8Array<ArrayBuffer>> {
  await using folder = await makeFolder();
  const file = join(folder.path, "made");
  await loadDatabase(file, entries, { type: "hash" });
  return await Deno.readFile(file);
}

/** What SASL 1.5 stores of a password, by mechanism. */
export function oldSecrets({ user: { local, realm }, password }: Login): ReadonlyMap<string, Uint8Array> {
  const salt = utf8("sixteen octets!!");
  const hash = createHash("md5").update(concat(salt, utf8("sasldb"), utf8(password))).digest();
  const ha1 = createHash("md5").update(utf8(`${local}:${realm}:${password}`)).digest();
  const { inner, outer } = cramMd5Contexts(password);
  const words = new DataView(concat(inner, outer).buffer);
  const turned = new DataView(new ArrayBuffer(32));
  for (let at = 0; at < 32; at += 4) turned.setUint32(at, words.getUint32(at, true));
  return new Map([
    ["PLAIN", concat(salt, new Uint8Array(1), hash)],
    ["CRAM-MD5", new Uint8Array(turned.buffer)],
    ["DIGEST-MD5", concat(ha1)],
  ]);
}
