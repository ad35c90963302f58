/**
 * What is in a Maildir.
 *
 * @module
 */

import { join } from "node:path";

/** The files in `new`, oldest name first; none when there is no such folder. */
export async function mailsIn(maildir: string): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const folder = join(maildir, "new");
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await Promise.all(names.sort().map((name) => Deno.readFile(join(folder, name))));
}
