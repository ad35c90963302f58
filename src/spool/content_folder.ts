/**
 * The files of the Worker's side: content that no row names any more, and the reserve.
 *
 * @module
 */

import { CONTENT_FOLDER } from "./database.ts";

const RESERVE_OCTETS = 16 * 1024 * 1024;
const RESERVE_PIECE_OCTETS = 65536;

/** Removes content files; one that is not there is as good as removed. */
export function removeContent(dir: string, ids: Iterable<string>): void {
  for (const id of ids) removeIfThere(`${dir}/${CONTENT_FOLDER}/${id}`);
}

/** Compares the files with the rows that name them (`filed`: id and size). Only the holder of the lock on `data_dir` may remove orphans. */
export function compareContent(
  dir: string,
  filed: ReadonlyMap<string, number>,
): { readonly orphans: readonly string[]; readonly missing: readonly string[] } {
  const folder = `${dir}/${CONTENT_FOLDER}`;
  const orphans = [...Deno.readDirSync(folder)]
    .filter((entry) => entry.isFile && !filed.has(entry.name))
    .map((entry) => entry.name);
  const missing = [...filed].filter(([id, size]) => sizeOf(`${folder}/${id}`) !== size).map(([id]) => id);
  return { orphans, missing };
}

/** A file that only takes room, given back when an outcome cannot be written otherwise. */
export class Reserve {
  readonly #file: string;
  #held: boolean;

  constructor(dir: string) {
    this.#file = `${dir}/reserve`;
    this.#held = sizeOf(this.#file) === RESERVE_OCTETS;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Takes the room. Whether it is there afterwards; `false` when the disk has not that much. */
  create(): boolean {
    if (this.#held) return true;
    try {
      using file = Deno.openSync(this.#file, { create: true, write: true, truncate: true, mode: 0o600 });
      // Random octets: a file system that compresses or shares blocks would give no room for zeros.
      const piece = crypto.getRandomValues(new Uint8Array(RESERVE_PIECE_OCTETS));
      for (let octets = 0; octets < RESERVE_OCTETS;) octets += file.writeSync(piece);
      file.syncSync();
      this.#held = true;
    } catch {
      // Too little room after all: what was taken goes back.
      removeIfThere(this.#file);
    }
    return this.#held;
  }

  /** Gives the room back; `false` when there was none to give. */
  release(): boolean {
    if (!this.#held) return false;
    removeIfThere(this.#file);
    this.#held = false;
    return true;
  }
}

function sizeOf(path: string): number | null {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
