/**
 * Writes the folder of DKIM keys.
 *
 * @module
 */

import { generateKeyPair } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { ACTIVE_FILE, DKIM_KINDS, type DkimKind, keyFile, listDomain } from "../config/dkim_keys.ts";
import { utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { EXIT } from "./exit.ts";

/** Why not: the sentence and the exit code. */
export interface FileProblem {
  readonly message: string;
  readonly exit: number;
}

const RSA_BITS = 2048;

/** Makes the keys of a new selector, mode 600 in folders of mode 700. A selector that has keys is left alone. */
export async function makeKeys(folder: string, domain: string, selector: string): Promise<Result<void, FileProblem>> {
  const found = await listDomain(folder, domain);
  if (found.ok && found.value.selectors.includes(selector)) {
    const message =
      `There are keys of ${domain} with the selector ${selector} already: name another one with --selector`;
    return fail({ message, exit: EXIT.data });
  }
  const pems = await Promise.all(DKIM_KINDS.map(makePem));
  const made: string[] = [];
  try {
    await Deno.mkdir(join(folder, domain), { recursive: true, mode: 0o700 });
    for (const [at, kind] of DKIM_KINDS.entries()) {
      const file = keyFile(folder, domain, { selector, kind });
      await Deno.writeTextFile(file, pems[at] ?? "", { createNew: true, mode: 0o600 });
      made.push(file);
    }
    return succeed(undefined);
  } catch (error) {
    // Half of a pair would be taken for the whole.
    for (const file of made) await Deno.remove(file).catch(() => {});
    return fail(problemOf(join(folder, domain), error));
  }
}

/** Puts a selector in use; `null`: none. A crash leaves the one or the other. */
export async function setActive(
  folder: string,
  domain: string,
  selector: string | null,
): Promise<Result<void, FileProblem>> {
  const file = join(folder, domain, ACTIVE_FILE);
  try {
    if (selector === null) {
      await Deno.remove(file);
      return succeed(undefined);
    }
    {
      using written = await Deno.open(`${file}.new`, { create: true, truncate: true, write: true, mode: 0o600 });
      await written.write(utf8(`${selector}\n`));
      await written.sync();
    }
    await Deno.rename(`${file}.new`, file);
    return succeed(undefined);
  } catch (error) {
    return fail(problemOf(file, error));
  }
}

async function makePem(kind: DkimKind): Promise<string> {
  const { privateKey } = kind === "rsa"
    ? await promisify(generateKeyPair)("rsa", { modulusLength: RSA_BITS })
    : await promisify(generateKeyPair)("ed25519", {});
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function problemOf(path: string, error: unknown): FileProblem {
  const denied = error instanceof Deno.errors.PermissionDenied;
  const reason = denied ? "permission denied" : error instanceof Error ? error.message : "unknown reason";
  return { message: `Cannot write ${path}: ${reason}`, exit: denied ? EXIT.noPermission : EXIT.cannotCreate };
}
