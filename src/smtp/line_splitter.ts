/**
 * Finds command lines in octets. A line ends in CRLF; one with a bare CR or LF or a NUL is no line but is read to its LF, so that the
 * client gets its reply at once and nothing of it is ever executed.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;

/** Why a line is refused. */
export type BadLine = "too-long" | "bare-cr" | "bare-lf" | "nul";

/** What lies at the start of the octets looked at. */
export type SplitLine =
  /** The line is `octets[start, end)`, the next one begins at `next`. `bareLf`: it ended in LF alone. */
  | { readonly kind: "line"; readonly end: number; readonly next: number; readonly bareLf?: true }
  | { readonly kind: "bad"; readonly why: BadLine; readonly next: number }
  /** No LF yet. */
  | { readonly kind: "more" };

/**
 * Looks for a line in `octets[start, end)`; `from` is where an earlier call found nothing before. Longer than `limitOctets` without its CRLF
 * is too long; the caller drops octets while there is no LF. `mayEndInLf`: a line that ends in LF alone is one too.
 */
export function splitLine(
  octets: Uint8Array,
  range: { readonly start: number; readonly from: number; readonly end: number; readonly mayEndInLf?: boolean },
  limitOctets: number,
): SplitLine {
  const { start, from, end, mayEndInLf = false } = range;
  const found = octets.indexOf(LF, from);
  if (found < 0 || found >= end) return { kind: "more" };
  const next = found + 1;
  if (found - start > limitOctets + 1) return { kind: "bad", why: "too-long", next };
  const firstCr = octets.indexOf(CR, start);
  if (firstCr < 0 || firstCr > found) {
    if (!mayEndInLf) return { kind: "bad", why: "bare-lf", next };
    if (octets.subarray(start, found).includes(0)) return { kind: "bad", why: "nul", next };
    return { kind: "line", end: found, next, bareLf: true };
  }
  if (firstCr !== found - 1) return { kind: "bad", why: "bare-cr", next };
  const nul = octets.indexOf(0, start);
  if (nul >= 0 && nul < firstCr) return { kind: "bad", why: "nul", next };
  return { kind: "line", end: firstCr, next };
}
