/**
 * What the tests of `command`, `http` and `custom` share: programs and tables that stand in docs/backends.md, and backends with their log.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { parse } from "smol-toml";
import type { Answer, Backend } from "../../src/backend.ts";
import type { BackendHost, BackendModule } from "../../src/backend_module.ts";
import { renameKeys } from "../../src/config/keys.ts";
import { never, ORIGIN } from "./contract_lib.ts";

/** The realm of these tests. */
export const REALM = "baz.co.jp";
/** The login that is right. */
export const RIGHT = { user: { local: "shin", realm: REALM }, password: "correct-horse" };
/** One that is not ASCII. */
export const FOREIGN = { user: { local: "ゆき", realm: REALM }, password: 'パスワード 1,2="x"' };

const PAGE = await Deno.readTextFile(new URL("../../docs/backends.md", import.meta.url));

/** A block of the page in this language, the first behind this heading. */
export function fromPage(heading: string, language: string): string {
  const [, text = ""] = PAGE.split(`\n${heading}\n`);
  const block = new RegExp(`(?<=\`\`\`${language}\n)[^]*?(?=\`\`\`)`).exec(text)?.[0];
  ok(block !== undefined, `the page has no ${language} at ${heading}`);
  return block;
}

/** Writes a program. */
export async function writeProgram(path: string, text: string): Promise<string> {
  await Deno.writeTextFile(path, text, { mode: 0o755 });
  return path;
}

/** A backend, and what it has told the administrator. */
export interface Told extends AsyncDisposable {
  readonly backend: Backend;
  readonly warnings: readonly string[];
}

/** Opens a backend with the keys as the file has them. */
export async function openWith(
  module: BackendModule,
  keys: Readonly<Record<string, unknown>>,
  host: Partial<BackendHost> & { readonly dataDir: string },
): Promise<Told> {
  const warnings: string[] = [];
  const { tree, mistakes } = renameKeys(keys, module.schema, { path: [] });
  ok(mistakes.length === 0, JSON.stringify(mistakes));
  const backend = await module.open("mine", module.schema.parse(tree), {
    defaultRealm: REALM,
    accounts: () => {
      throw new TypeError("no store here");
    },
    warn: (text) => void warnings.push(text),
    ...host,
  });
  return { backend, warnings, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
}

/** The keys of the section `[backend.NAME]` of a piece of TOML, but for its type. */
export function section(toml: string, name: string): Record<string, unknown> {
  const { type: _, ...keys } = Object(Object(parse(toml)).backend)[name];
  return keys;
}

/** Asks for a password; `local` in the realm of these tests. */
export function askPassword(
  { backend }: Pick<Told, "backend">,
  local: string,
  options: { readonly password?: string; readonly realm?: string; readonly signal?: AbortSignal } = {},
): Promise<Answer> {
  const { password = RIGHT.password, realm = REALM, signal = never() } = options;
  return backend.ask({ kind: "password", user: { local, realm }, password, origin: ORIGIN }, signal);
}

/** The file of accounts that the page's helper in Python reads. */
export function accountLines(logins: readonly typeof RIGHT[]): string {
  return logins.map(({ user: { local, realm }, password }) => {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const key = scryptSync(password, salt, 64, { N: 16_384, r: 8, p: 1 });
    return `${local}@${realm}:${salt.toHex()}:${key.toString("hex")}\n`;
  }).join("");
}

/** A process behind a file with its id. */
export class PidFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sends a signal; it is no fault if the process is gone, or never was. */
  signal(name: Deno.Signal): void {
    try {
      Deno.kill(Number(Deno.readTextFileSync(this.#path)), name);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }
}
