/**
 * Content as a stream, from where it is stored. No transaction is open while somebody reads.
 *
 * @module
 */

import { CONTENT_FOLDER } from "./database.ts";
import { SpoolError } from "./spool_error.ts";

/** A stream of octets that are all there. */
export function streamOf(octets: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => {
      if (octets.length > 0) controller.enqueue(octets);
      controller.close();
    },
  });
}

/** The stream of a content file; it closes the file at its end and when it is cancelled. Rejects with a `SpoolError` for one that is not whole. */
export async function openContentFile(
  dir: string,
  { id, sizeOctets }: { readonly id: string; readonly sizeOctets: number },
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(`${dir}/${CONTENT_FOLDER}/${id}`);
  } catch (error) {
    throw new SpoolError(`open mail ${id}`, error instanceof Deno.errors.NotFound ? "not-there" : "unavailable");
  }
  const { size } = await file.stat();
  if (size === sizeOctets) return file.readable;
  file.close();
  throw new SpoolError(`open mail ${id}`, "unavailable");
}
