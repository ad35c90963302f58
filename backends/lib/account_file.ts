/**
 * A file of accounts that is read anew when it changes.
 *
 * @module
 */

import { whyUnreadable } from "../../src/lib/file_error.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";

/** A file of accounts. */
export interface AccountFile<Entry> {
  /** The entries as the file is now; the problem is a sentence that names the file. */
  entries(): Promise<Result<ReadonlyMap<string, Entry>, string>>;
}

/** A file that was written so shortly before it was read may have changed again with the same time and size. */
const SETTLED_MS = 2_000;

interface Reading<Entry> {
  readonly stamp: string;
  readonly settled: boolean;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Names the file; nothing is opened before it is asked for. */
export function createAccountFile<Entry>(
  path: string,
  parse: (text: string) => ReadonlyMap<string, Entry>,
): AccountFile<Entry> {
  let last: Reading<Entry> | null = null;
  return {
    entries: async () => {
      try {
        const info = await Deno.stat(path);
        const stamp = stampOf(info);
        if (last?.settled !== true || last.stamp !== stamp) {
          // The stamp is older than the text: a change in between shows the next time.
          const settled = Date.now() - (info.mtime?.getTime() ?? Infinity) > SETTLED_MS;
          last = { stamp, settled, entries: parse(await Deno.readTextFile(path)) };
        }
        return succeed(last.entries);
      } catch (error) {
        last = null;
        return fail(`Cannot read ${path}: ${whyUnreadable(error)}`);
      }
    },
  };
}

/** Whether anybody on the machine may read a file that is there. */
export async function readableByOthers(path: string): Promise<boolean> {
  return ((await Deno.stat(path)).mode ?? 0) % 8 >= 4;
}

function stampOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}
