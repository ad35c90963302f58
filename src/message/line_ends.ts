/**
 * What programs on this machine write, made content as SMTP has it: each line ended by CRLF and no longer than RFC 5321 allows.
 *
 * @module
 */

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/** RFC 5321 section 4.5.3.1.6, without the CRLF. */
export const LINE_LIMIT_OCTETS = 998;

/** The octets of a UTF-8 character behind its first one. */
const TRAIL_OCTETS = 3;

/**
 * Takes octets in pieces of any size. LF and CRLF end a line. A CR that ends none becomes a space, so that it can neither begin a field nor
 * end content further on; a NUL is left out; a longer line is broken before a character, the rest of it begins with a space.
 */
export class LineEnds {
  /** Written, and not given out yet: a break may have to go before them. */
  #tail: Uint8Array = new Uint8Array(0);
  #lineOctets = 0;
  #afterCr = false;

  /** The next octets, normalized as far as that can be told. */
  push(octets: Uint8Array): Uint8Array<ArrayBuffer> {
    const writer = this.#begin(octets.length);
    for (const octet of octets) this.#take(octet, writer);
    const kept = Math.min(TRAIL_OCTETS, this.#lineOctets, writer.length);
    this.#tail = writer.octets.slice(writer.length - kept, writer.length);
    return writer.octets.slice(0, writer.length - kept);
  }

  /** The rest; a last line without an end gets one. */
  finish(): Uint8Array<ArrayBuffer> {
    const writer = this.#begin(1);
    if (this.#afterCr) this.#put(SPACE, writer);
    if (this.#lineOctets > 0) this.#endLine(writer);
    this.#afterCr = false;
    this.#tail = new Uint8Array(0);
    return writer.octets.slice(0, writer.length);
  }

  /** Every octet becomes two at most, and a break for each full line is three more. */
  #begin(count: number): Writer {
    const most = this.#tail.length + 2 * count + 3 * (Math.floor(count / (LINE_LIMIT_OCTETS - TRAIL_OCTETS - 1)) + 2);
    const octets = new Uint8Array(most);
    octets.set(this.#tail);
    return { octets, length: this.#tail.length };
  }

  #take(octet: number, writer: Writer): void {
    if (this.#afterCr) {
      this.#afterCr = false;
      if (octet === LF) return this.#endLine(writer);
      this.#put(SPACE, writer);
    }
    if (octet === LF) return this.#endLine(writer);
    if (octet === CR) this.#afterCr = true;
    else if (octet !== NUL) this.#put(octet, writer);
  }

  #put(octet: number, writer: Writer): void {
    if (this.#lineOctets === LINE_LIMIT_OCTETS) this.#break(octet, writer);
    writer.octets[writer.length++] = octet;
    this.#lineOctets++;
  }

  #break(next: number, writer: Writer): void {
    let back = 0;
    // Octets that are no UTF-8 at all are cut where the line is full.
    for (let octet = next; isTrail(octet); octet = writer.octets[writer.length - back] ?? 0) {
      if (++back > TRAIL_OCTETS) break;
    }
    if (back > TRAIL_OCTETS) back = 0;
    const moved = writer.octets.slice(writer.length - back, writer.length);
    writer.length -= back;
    this.#endLine(writer);
    writer.octets[writer.length++] = SPACE;
    writer.octets.set(moved, writer.length);
    writer.length += moved.length;
    this.#lineOctets = 1 + moved.length;
  }

  #endLine(writer: Writer): void {
    writer.octets[writer.length++] = CR;
    writer.octets[writer.length++] = LF;
    this.#lineOctets = 0;
  }
}

interface Writer {
  readonly octets: Uint8Array<ArrayBuffer>;
  length: number;
}

function isTrail(octet: number): boolean {
  return (octet & 0xc0) === 0x80;
}
