/**
 * Content in the form that DATA sends (RFC 5321 section 4.5.2): a dot doubled at the start of each line.
 *
 * @module
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

const FINAL_DOT = new Uint8Array([DOT, CR, LF]);
const CRLF_FINAL_DOT = new Uint8Array([CR, LF, DOT, CR, LF]);

/**
 * Encodes content chunk by chunk. A bare CR or LF gives `null` and nothing may be sent after it: another server could take it
 * for the end of a line, and what follows for commands (SMTP smuggling).
 */
export class DotEncoder {
  #last: "line-start" | "cr" | "other" = "line-start";

  /** The octets to send for this chunk. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> | null {
    const encoded = new Uint8Array(chunk.length * 2);
    let length = 0;
    let last = this.#last;
    for (const octet of chunk) {
      if ((octet === LF) !== (last === "cr")) return null;
      if (octet === DOT && last === "line-start") encoded[length++] = DOT;
      encoded[length++] = octet;
      last = octet === LF ? "line-start" : octet === CR ? "cr" : "other";
    }
    this.#last = last;
    return encoded.subarray(0, length);
  }

  /** The octets that end the content: the final dot, on a line of its own. */
  finish(): Uint8Array<ArrayBuffer> | null {
    if (this.#last === "cr") return null;
    return this.#last === "line-start" ? FINAL_DOT : CRLF_FINAL_DOT;
  }
}
