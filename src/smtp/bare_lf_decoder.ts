/**
 * The content after DATA of a client whose lines may end in LF alone: each gets its CR, and from there on the strict decoder has the word. So
 * LF "." LF ends this client's content too, and a bare CR is refused here as everywhere.
 *
 * @module
 */

import { type ContentProblem, DotDecoder } from "./dot_decoder.ts";

const LF = 0x0a;
const CR = 0x0d;

/** Decodes the content of one DATA command, handed over in pieces of any size. */
export class BareLfDecoder {
  readonly #strict = new DotDecoder();
  #afterCr = false;
  #repaired = 0;

  /** The first thing found wrong so far. */
  get problem(): ContentProblem | null {
    return this.#strict.problem;
  }

  /** Whether the end was seen. */
  get ended(): boolean {
    return this.#strict.ended;
  }

  /** How many lines got a CR. */
  get repaired(): number {
    return this.#repaired;
  }

  /** Takes octets up to the end of content and gives their decoded pieces to `emit`; the result is how many it took. */
  decode(octets: Uint8Array, emit: (piece: Uint8Array) => void): number {
    const whole = new Uint8Array(octets.length * 2);
    const added: number[] = [];
    let length = 0;
    for (const octet of octets) {
      if (octet === LF && !this.#afterCr) {
        added.push(length);
        whole[length++] = CR;
      }
      whole[length++] = octet;
      this.#afterCr = octet === CR;
    }
    const taken = this.#strict.decode(whole.subarray(0, length), emit);
    const repaired = added.filter((at) => at < taken).length;
    this.#repaired += repaired;
    return taken - repaired;
  }
}
