/**
 * The content after DATA (RFC 5321 section 4.5.2): ended by CRLF "." CRLF and by nothing else, stuffed dots taken away, a bare CR, a bare LF
 * or a NUL noticed. Whoever ends content with another sequence (CVE-2023-51764 and its kin) goes on writing content.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** What makes content unacceptable. */
export type ContentProblem = "bare-cr" | "bare-lf" | "nul";

type Place = "line-start" | "dot" | "dot-cr" | "text" | "cr";

/** Decodes the content of one DATA command, handed over in pieces of any size. */
export class DotDecoder {
  // The CRLF of the DATA line itself counts (RFC 5321 section 4.1.1.4), so content begins at a line start.
  #at: Place = "line-start";
  #problem: ContentProblem | null = null;
  #ended = false;

  /** The first thing found wrong so far. */
  get problem(): ContentProblem | null {
    return this.#problem;
  }

  /** Whether the end was seen. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes octets up to the end of content and gives their decoded pieces to `emit`; the result is how many it took. */
  decode(octets: Uint8Array, emit: (piece: Uint8Array) => void): number {
    let run = 0;
    let at = 0;
    const flush = (to: number) => {
      if (to > run) emit(octets.subarray(run, to));
    };
    while (at < octets.length) {
      const octet = octets[at];
      switch (this.#at) {
        case "line-start":
          if (octet === DOT) {
            flush(at);
            run = ++at;
            this.#at = "dot";
          } else this.#at = "text";
          break;
        case "dot":
          if (octet === CR) {
            run = ++at;
            this.#at = "dot-cr";
          } else this.#at = "text";
          break;
        case "dot-cr":
          if (octet === LF) {
            this.#ended = true;
            this.#noteNul(octets.subarray(0, at));
            return at + 1;
          }
          this.#note("bare-cr", octets.subarray(0, at));
          this.#at = "text";
          break;
        case "text":
          at = this.#skipText(octets, at);
          break;
        case "cr":
          if (octet === LF) this.#at = "line-start";
          else this.#note("bare-cr", octets.subarray(0, at));
          if (octet !== LF && octet !== CR) this.#at = "text";
          else at++;
          break;
      }
    }
    flush(octets.length);
    this.#noteNul(octets);
    return octets.length;
  }

  /** From inside a line to behind its CR. A bare LF is noted and begins no line. */
  #skipText(octets: Uint8Array, from: number): number {
    const cr = octets.indexOf(CR, from);
    const lf = octets.indexOf(LF, from);
    if (lf >= 0 && (cr < 0 || lf < cr)) {
      this.#note("bare-lf", octets.subarray(0, lf));
      return lf + 1;
    }
    if (cr < 0) return octets.length;
    this.#at = "cr";
    return cr + 1;
  }

  /** A NUL is looked for only now, in the octets before: it may have come first. */
  #note(problem: ContentProblem, before: Uint8Array): void {
    this.#noteNul(before);
    this.#problem ??= problem;
  }

  #noteNul(octets: Uint8Array): void {
    if (this.#problem === null && octets.includes(0)) this.#problem = "nul";
  }
}

/** The same checks for content that comes in chunks (RFC 3030), where no dot means anything. */
export class ChunkChecker {
  #afterCr = false;
  #problem: ContentProblem | null = null;

  /** The first thing found wrong so far. */
  get problem(): ContentProblem | null {
    return this.#problem;
  }

  /** Looks at the next octets. */
  check(octets: Uint8Array): void {
    if (this.#problem !== null || octets.length === 0) return;
    const nul = octets.indexOf(0);
    this.#checkLineEnds(nul < 0 ? octets : octets.subarray(0, nul));
    if (nul >= 0) this.#problem ??= this.#afterCr ? "bare-cr" : "nul";
  }

  /** After the last octet: a CR at the very end is bare. */
  finish(): void {
    if (this.#afterCr) this.#problem ??= "bare-cr";
  }

  #checkLineEnds(octets: Uint8Array): void {
    if (octets.length === 0) return;
    let at = 0;
    if (this.#afterCr) {
      if (octets[0] !== LF) return void (this.#problem = "bare-cr");
      at = 1;
    }
    this.#afterCr = false;
    for (;;) {
      const cr = octets.indexOf(CR, at);
      const lf = octets.indexOf(LF, at);
      if (lf >= 0 && (cr < 0 || lf < cr)) return void (this.#problem = "bare-lf");
      if (cr < 0) return;
      if (cr === octets.length - 1) return void (this.#afterCr = true);
      if (lf !== cr + 1) return void (this.#problem = "bare-cr");
      at = lf + 1;
    }
  }
}
