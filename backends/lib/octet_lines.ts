/**
 * Lines of octets that a program writes.
 *
 * @module
 */

import { concat } from "../../src/lib/octets.ts";

/** A line without its end; `whole` is false for a piece of one that is longer than the limit. */
export interface OctetLine {
  readonly octets: Uint8Array;
  readonly whole: boolean;
}

const LINE_FEED = 0x0a;

/** Every line, the last one too where no line end follows. No piece is longer than `limit` and what one read gave. */
export async function* octetLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  limit: number,
): AsyncGenerator<OctetLine> {
  let rest = new Uint8Array();
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      const octets = concat(rest, chunk.subarray(from, at));
      yield { octets, whole: octets.length <= limit };
      rest = new Uint8Array();
      from = at + 1;
    }
    rest = concat(rest, chunk.subarray(from));
    if (rest.length > limit) {
      yield { octets: rest, whole: false };
      rest = new Uint8Array();
    }
  }
  if (rest.length > 0) yield { octets: rest, whole: true };
}
