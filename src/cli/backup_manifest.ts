/**
 * `manifest.json` of a backup: what is in it, and what it has to look like. It is written last: a backup without it was cut off.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { z } from "zod";

/** In the folder of a backup. */
export const MANIFEST_FILE = "manifest.json";
/** In the folder of a backup: what was in `data_dir`, under the same names. */
export const DATA_FOLDER = "data";
/** The form of the manifest. */
export const MANIFEST_FORMAT = 1;

const PIECE_OCTETS = 256 * 1024;

const owned = {
  /** Below `data_dir`; it leads to no other place. */
  path: z.string().refine((path) => path.split("/").every((part) => !["", ".", ".."].includes(part))),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
};
const fileSchema = z.object({
  ...owned,
  octets: z.int(),
  sha256: z.string(),
  /** Of a database: its `user_version`. */
  version: z.int().optional(),
});
const folderSchema = z.object(owned);

/** What a manifest says. */
export const manifestSchema = z.object({
  format: z.int(),
  /** The version of the program that made it. */
  program: z.string(),
  /** RFC 3339, UTC. */
  created: z.string(),
  hostname: z.string(),
  /** Whose `data_dir` was. */
  owner: z.object({ uid: z.int(), gid: z.int() }),
  mails: z.int(),
  folders: z.array(folderSchema),
  files: z.array(fileSchema),
});

/** A manifest. */
export type Manifest = z.output<typeof manifestSchema>;

/** A file of a backup. */
export type ManifestFile = z.output<typeof fileSchema>;

/** A folder of a backup. */
export type ManifestFolder = z.output<typeof folderSchema>;

/** Reads a file to its end; `take` gets each piece before the next is read. */
export async function digestOf(
  source: AsyncIterable<Uint8Array>,
  take: (octets: Uint8Array) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly octets: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let octets = 0;
  for await (const piece of source) {
    hash.update(piece);
    octets += piece.length;
    await take(piece);
  }
  return { octets, sha256: hash.digest("hex") };
}

/** The content of an open file, from where it stands. */
export async function* piecesOf(
  file: { read(buffer: Uint8Array): Promise<number | null> },
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(PIECE_OCTETS);
    const count = await file.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/** Writes a file of mode 600 and makes it durable. */
export async function writeDurably(
  path: string,
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly octets: number; readonly sha256: string }> {
  using file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  const digest = await digestOf(source, async (piece) => {
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  });
  await file.sync();
  return digest;
}

/** Makes the names in a folder durable. */
export async function syncFolderOf(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}
