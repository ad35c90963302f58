/**
 * The relaxed canonical forms of DKIM (RFC 6376 sections 3.4.2 and 3.4.4).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { encodeBase64, latin1 } from "../lib/octets.ts";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;

const LINE_ENDS = 512;
const MANY_LINE_ENDS = new Uint8Array(2 * LINE_ENDS).map((_, at) => at % 2 === 0 ? CR : LF);

/** A field in relaxed form with its CRLF, one character an octet. */
export function relaxField(raw: Uint8Array): string {
  const text = latin1(raw).replace(/\r\n/g, "");
  const colon = text.indexOf(":");
  const name = text.slice(0, colon).replace(/[ \t]+$/, "").toLowerCase();
  const value = text.slice(colon + 1).replace(/[ \t]+/g, " ").replace(/^ | $/g, "");
  return `${name}:${value}\r\n`;
}

/** The hash (SHA-256) of a body in relaxed form; the body comes in pieces of any size. */
export class RelaxedBodyHash {
  readonly #hash = createHash("sha256");
  /** What the octets so far have left open: a CR, blanks, line ends behind the last octet that counts. */
  #cr = false;
  #blank = false;
  #lineEnds = 0;
  #empty = true;

  /** Takes the next octets of the body. */
  update(octets: Uint8Array): void {
    // No octet becomes more than itself, but for a blank and a CR that were left open.
    const out = new Uint8Array(octets.length + 2);
    let used = 0;
    let [cr, blank] = [this.#cr, this.#blank];
    let lineEnds = 0;
    // A plain loop: this sees every octet of a mail.
    for (let at = 0; at < octets.length; at++) {
      const octet = octets[at] ?? 0;
      if (octet === SPACE || octet === TAB) {
        if (cr) {
          [used, lineEnds] = this.#content(out, used, { lineEnds, blank });
          out[used++] = CR;
          cr = false;
        }
        blank = true;
        continue;
      }
      if (octet === LF && cr) {
        // Blanks at the end of a line do not count.
        cr = blank = false;
        lineEnds++;
        continue;
      }
      if (octet === CR && !cr) {
        cr = true;
        continue;
      }
      if (lineEnds > 0 || this.#lineEnds > 0 || blank || cr) {
        [used, lineEnds] = this.#content(out, used, { lineEnds, blank });
        blank = false;
        if (cr) out[used++] = CR;
        cr = octet === CR;
        if (cr) continue;
      }
      out[used++] = octet;
    }
    if (used > 0) {
      this.#empty = false;
      this.#hash.update(out.subarray(0, used));
    }
    this.#lineEnds += lineEnds;
    this.#cr = cr;
    this.#blank = blank;
  }

  /** The hash in base64, once. A body that is empty, or nothing but line ends, is the empty string. */
  finish(): string {
    if (this.#cr) {
      const out = new Uint8Array(2 + 2);
      const [used] = this.#content(out, 0, { lineEnds: 0, blank: this.#blank });
      out[used] = CR;
      this.#hash.update(out.subarray(0, used + 1));
      this.#empty = false;
    }
    if (!this.#empty) this.#hash.update(MANY_LINE_ENDS.subarray(0, 2));
    return encodeBase64(this.#hash.digest());
  }

  /** Writes the line ends and the blank that an octet behind them makes count. */
  #content(
    out: Uint8Array,
    used: number,
    { lineEnds, blank }: { readonly lineEnds: number; readonly blank: boolean },
  ): readonly [used: number, lineEnds: number] {
    // Those of earlier calls are no part of `out`, which is still empty then.
    while (this.#lineEnds > 0) {
      const some = Math.min(this.#lineEnds, LINE_ENDS);
      this.#hash.update(MANY_LINE_ENDS.subarray(0, 2 * some));
      this.#lineEnds -= some;
    }
    let at = used;
    for (let left = lineEnds; left > 0; left--) {
      out[at++] = CR;
      out[at++] = LF;
    }
    if (blank) out[at++] = SPACE;
    return [at, 0];
  }
}
