/**
 * Service files of Linux-PAM (pam.d(5)): whether one says who may log in, and with which modules.
 *
 * @module
 */

import { resolve } from "node:path";
import { whyUnreadable } from "../../src/lib/file_error.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";

/** The modules of a service, in order and without arguments, as `pam_unix.so`. None of the lists is empty. */
export interface PamService {
  readonly auth: readonly string[];
  readonly account: readonly string[];
}

const FOLDER = "/etc/pam.d";
/** Where libpam looks for files that are included and are not in the first. */
const VENDOR_FOLDER = "/usr/lib/pam.d";
/** As in libpam. */
const DEEPEST = 16;

/**
 * Reads the file of a service and those that it includes; the problem is a sentence for the administrator.
 *
 * libpam takes the service `other` for a file that is not there or cannot be read, and for each type that a file has no line for, and there
 * anybody may be let in. So a file that would send it there is a problem.
 */
export async function readPamService(service: string): Promise<Result<PamService, string>> {
  const file = `${FOLDER}/${service}`;
  const found: { readonly [Type in keyof PamService]: string[] } = { auth: [], account: [] };
  try {
    for await (const { type, module } of entriesOf(file, 0)) found[type].push(module);
  } catch (error) {
    if (error instanceof Unreadable) return fail(error.message);
    throw error;
  }
  for (const type of ["auth", "account"] as const) {
    if (found[type].length === 0) {
      return fail(`Cannot use ${file}: it has no line of type ${type}, and PAM would take that of ${FOLDER}/other`);
    }
  }
  return succeed(found);
}

class Unreadable extends Error {}

interface Entry {
  readonly type: keyof PamService;
  readonly module: string;
}

async function* entriesOf(file: string, depth: number): AsyncGenerator<Entry> {
  if (depth > DEEPEST) throw new Unreadable(`Cannot read ${file}: too many files include each other`);
  for (const line of (await read(file)).replace(/\\\n/g, " ").split("\n")) {
    const [first, control, name] = tokensOf(line);
    // Debian's own form: all lines of a file, of every type.
    if (first === "@include" && control !== undefined) {
      yield* entriesOf(await find(control), depth + 1);
      continue;
    }
    // A line of any other form makes libpam refuse the login.
    const type = first?.replace(/^-/, "").toLowerCase();
    if ((type !== "auth" && type !== "account") || name === undefined) continue;
    if (!/^(?:include|substack)$/i.test(control ?? "")) {
      yield { type, module: name };
      continue;
    }
    for await (const entry of entriesOf(await find(name), depth + 1)) if (entry.type === type) yield entry;
  }
}

/** The words of a line; what stands in brackets is one. */
function tokensOf(line: string): readonly string[] {
  return line.replace(/#.*/, "").match(/\[[^\]]*\]|\S+/g) ?? [];
}

async function find(name: string): Promise<string> {
  for (const folder of [FOLDER, VENDOR_FOLDER]) {
    const file = resolve(folder, name);
    const isThere = await Deno.stat(file).then(({ isFile }) => isFile, () => false);
    if (isThere) return file;
  }
  return resolve(FOLDER, name);
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Unreadable(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
}
