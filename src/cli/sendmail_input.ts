/**
 * A message on standard input, as the sendmail command takes it: to its end, or to a line with a dot alone.
 *
 * @module
 */

import { concat } from "../lib/octets.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const PIECE_OCTETS = 64 * 1024;
// "From shin Tue Nov 24 ...", by which mbox files begin a message; some programs send it on.
const FROM_LINE_REGEXP = /^>?From [^\r\n]*\r?\n/;
const FROM_LINE_LIMIT = 1_000;

/** Where the octets come from. `null` at the end. */
export type ReadOctets = (into: Uint8Array) => Promise<number | null>;

/** The message in pieces. A line `From ...` in front is left out. With `dotEnds` a line of a dot alone ends it. */
export async function* readMessage(
  read: ReadOctets,
  { dotEnds }: { readonly dotEnds: boolean },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let first: Uint8Array<ArrayBuffer> | null = new Uint8Array(0);
  for await (const piece of dotEnds ? untilDot(read) : all(read)) {
    if (first === null) {
      yield piece;
      continue;
    }
    first = concat(first, piece);
    if (first.length < FROM_LINE_LIMIT && !first.includes(LF)) continue;
    yield withoutFromLine(first);
    first = null;
  }
  if (first !== null && first.length > 0) yield withoutFromLine(first);
}

async function* all(read: ReadOctets): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(PIECE_OCTETS);
  for (let count = await read(buffer); count !== null; count = await read(buffer)) {
    yield buffer.slice(0, count);
  }
}

/** What a line holds back until it is known whether it is the last: nothing, its dot, its dot and its CR. */
async function* untilDot(read: ReadOctets): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held: readonly number[] | null = [];
  for await (const piece of all(read)) {
    const octets = new Uint8Array(piece.length + 2);
    let length = 0;
    for (const octet of piece) {
      if (held !== null) {
        if (held.length === 0 && octet === DOT) {
          held = [DOT];
          continue;
        }
        if (held.length === 1 && octet === CR) {
          held = [DOT, CR];
          continue;
        }
        if (held.length > 0 && octet === LF) {
          yield octets.slice(0, length);
          return;
        }
        for (const before of held) octets[length++] = before;
      }
      octets[length++] = octet;
      held = octet === LF ? [] : null;
    }
    if (length > 0) yield octets.slice(0, length);
  }
  // A dot without a line end is the last of the input, and the end all the same.
}

function withoutFromLine(octets: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const start = new TextDecoder("latin1").decode(octets.subarray(0, FROM_LINE_LIMIT));
  return octets.subarray(FROM_LINE_REGEXP.exec(start)?.[0].length ?? 0);
}
