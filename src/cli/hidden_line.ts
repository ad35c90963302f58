/**
 * A line typed in raw mode, for secrets: what each key does, without a terminal.
 *
 * @module
 */

import { decodeUtf8 } from "../lib/octets.ts";

/** What became of the octets so far. */
export type HiddenLineState =
  | { readonly kind: "more" }
  /** `text` is `null` when it was no UTF-8. `rest`: octets of the next line that came along. */
  | { readonly kind: "done"; readonly text: string | null; readonly rest: Uint8Array }
  | { readonly kind: "cancelled" };

/** No password is that long, so that nobody fills memory with one. */
const LIMIT_OCTETS = 4096;

/** Gathers one line. */
export class HiddenLine {
  readonly #octets: number[] = [];

  /** Takes what the terminal sent: Enter ends, ^C and an early ^D cancel, ^U clears, Backspace takes one character away. */
  feed(octets: Uint8Array): HiddenLineState {
    for (const [at, octet] of octets.entries()) {
      switch (octet) {
        case 0x0a:
        case 0x0d:
          return { kind: "done", text: decodeUtf8(Uint8Array.from(this.#octets)), rest: octets.subarray(at + 1) };
        case 0x03:
          return { kind: "cancelled" };
        case 0x04:
          if (this.#octets.length === 0) return { kind: "cancelled" };
          break;
        case 0x15:
          this.#octets.length = 0;
          break;
        case 0x08:
        case 0x7f:
          this.#erase();
          break;
        default:
          if (this.#octets.length < LIMIT_OCTETS) this.#octets.push(octet);
      }
    }
    return { kind: "more" };
  }

  /** A UTF-8 character is its first octet and all that follow of the form 10xxxxxx (RFC 3629 section 3). */
  #erase(): void {
    while (this.#octets.length > 0) {
      const octet = this.#octets.pop() ?? 0;
      if ((octet & 0xc0) !== 0x80) return;
    }
  }
}
