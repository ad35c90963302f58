/**
 * A copy of a spool that a server may be working with: its rows at one moment, and the content of each of those mails.
 *
 * @module
 */

import { CONTENT_FOLDER, DATABASE_FILE } from "./database.ts";
import { DatabaseMoment } from "./copy_database.ts";

/** Where names for content are kept while a copy is made, in `data_dir`; it is gone afterwards. */
export const HELD_FOLDER = ".backup";

/** What was found at the moment. */
export interface SpoolMoment extends AsyncDisposable {
  readonly mails: number;
  /** Sizes of the content files, by id. */
  readonly filed: ReadonlyMap<string, number>;
  /** Mails whose content is missing or cut off in the spool itself. */
  readonly broken: ReadonlySet<string>;
  /** Where a content file is as long as this is not disposed, whatever becomes of its mail. */
  contentFile(id: string): string;
  /** Writes the database to a file, once; it is durable afterwards. */
  writeDatabase(file: string): Promise<void>;
}

/**
 * Holds one moment of the spool in `dir`. The content gets second names first, so that a mail which is delivered meanwhile keeps its own;
 * then rows are read; then what came in between gets its name too. Where a mail came and went in between, another moment is taken: of no
 * mail is there a row without content, unless the spool itself has lost it. One caller at a time. Throws what SQLite and the system throw.
 */
export async function holdSpool(dir: string): Promise<SpoolMoment> {
  await using stack = new AsyncDisposableStack();
  const held = `${dir}/${HELD_FOLDER}`;
  await removeIfThere(held);
  await Deno.mkdir(held, { mode: 0o700 });
  stack.defer(() => removeIfThere(held));
  const hold = async (id: string, size: number) => {
    const path = `${held}/${id}`;
    if (await sizeOf(path) === size) return true;
    // A copy that was made while the file was written.
    await removeIfThere(path);
    return await keepName(`${dir}/${CONTENT_FOLDER}/${id}`, path) && await sizeOf(path) === size;
  };
  for (const { isFile, name } of await contentOf(dir)) {
    if (isFile) await keepName(`${dir}/${CONTENT_FOLDER}/${name}`, `${held}/${name}`);
  }
  for (let missing = new Set<string>();;) {
    using passing = new DisposableStack();
    const moment = passing.use(new DatabaseMoment(`${dir}/${DATABASE_FILE}`));
    const { count: mails, filed } = moment.mails();
    const gone = new Set<string>();
    for (const [id, size] of filed) if (!await hold(id, size)) gone.add(id);
    // The row of a mail goes before its file does: what had no file before this moment, and a row in it, has lost it.
    if (!gone.isSubsetOf(missing)) {
      missing = gone;
      continue;
    }
    stack.use(passing.move());
    const all = stack.move();
    return {
      mails,
      filed,
      broken: gone,
      contentFile: (id) => `${held}/${id}`,
      writeDatabase: (file) => moment.writeTo(file),
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    };
  }
}

async function contentOf(dir: string): Promise<readonly Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(`${dir}/${CONTENT_FOLDER}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Gives a file a second name, or makes a copy where the system has none; `false`: there is no such file. */
async function keepName(from: string, to: string): Promise<boolean> {
  try {
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
  }
  try {
    await Deno.copyFile(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
