/**
 * Text in the old charsets of Japan, Korea and China, raw in a header field: its octets look like quotes, brackets and commas. Here they
 * are covered, so that the structure of the field shows.
 *
 * @module
 */

/** What covers a character: part of a word wherever words may be. */
const COVER = "x";

// ISO 2022 (RFC 1468, RFC 1557, RFC 1922): behind ESC $ or ESC ( I each character is two or one of the octets 21 to 7E; a blank or a line's
// end stands in none. SO and SI do the same by one octet each.
// deno-lint-ignore no-control-regex -- they are its escapes
const SHIFTED_REGEXP = /\x1b(?:\$\(?[@-~]|\(I)[\x21-\x7e]*|\x1b\$?[()*+.][@-~]|\x0e[\x21-\x7e]*|\x0f/g;
const ENCODED_WORD_REGEXP = /=\?[\w.*-]+\?[BbQq]\?[^?\s"\\<>]*\?=/g;
const SPECIAL_REGEXP = /[(),.:;@[\]]/g;
// Shift_JIS and its like: the second octet of a character may be one of these.
const DOUBLE_REGEXP = /[\x81-\xfe][@[\\\]]/g;

/**
 * Covers text in ISO 2022, and what an encoded word (RFC 2047) may hold in practice although it must not. The text keeps its length; one
 * that has none of that is given back as it is.
 */
export function coverShifted(text: string): string {
  const covered = text.replace(SHIFTED_REGEXP, cover);
  if (!covered.includes("=?")) return covered;
  return covered.replace(ENCODED_WORD_REGEXP, (word) => word.replace(SPECIAL_REGEXP, COVER));
}

/** Covers characters of two octets, in a text of one character an octet, whose second looks like ASCII. */
export function coverDouble(text: string): string {
  return text.replace(DOUBLE_REGEXP, cover);
}

/** ISO 2022 is in the octets up to the escape that ends it, which may be missing. */
function cover(run: string): string {
  return COVER.repeat(run.length);
}
