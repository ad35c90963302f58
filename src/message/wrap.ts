/**
 * Lines of plain text: Latin words stay whole, Japanese breaks between characters.
 *
 * @module
 */

/** What fits on a line, an ideograph counted as two. */
export const LINE_COLUMNS = 76;

const WIDE = String.raw`\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60`;
const WIDE_REGEXP = new RegExp(`[${WIDE}]`, "u");
/** What may not begin a line stays with what stands before it, what may not end one with what follows. */
const TOKEN_REGEXP = new RegExp(
  ` |[（「『]*(?:[${WIDE}]|[^ ${WIDE}]+)[、。，．）」』！？ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ]*`,
  "gu",
);

/** Breaks a text into lines; a word that is too long has a line of its own. */
export function wrap(text: string, indent = ""): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const token of text.match(TOKEN_REGEXP) ?? []) {
    if (line.trim() !== "" && columns(indent + line + token.trimEnd()) > LINE_COLUMNS) {
      lines.push((indent + line).trimEnd());
      line = token === " " ? "" : token;
    } else if (line !== "" || token !== " ") {
      line += token;
    }
  }
  return [...lines, (indent + line).trimEnd()];
}

function columns(text: string): number {
  let count = 0;
  for (const character of text) count += WIDE_REGEXP.test(character) ? 2 : 1;
  return count;
}
