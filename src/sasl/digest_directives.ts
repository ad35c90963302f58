/**
 * The directives of DIGEST-MD5 (RFC 2831 section 2.1): `name=value` pairs in a list of the form of RFC 2616. Here a text has one
 * character for each octet, since what is hashed are the octets as they were sent.
 *
 * @module
 */

/** One directive; the name in lower case, the value without quotes and escapes. */
export interface Directive {
  readonly name: string;
  readonly value: string;
}

const LIMIT_OCTETS = 4096;
const SEPARATORS_REGEXP = /[\t\r\n ,]*/y;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SPACE = "[\\t\\r\\n ]*";
const QUOTED = '"((?:[^"\\\\\\x00-\\x1f\\x7f]|\\\\[^\\x00-\\x1f\\x7f])*)"';
const DIRECTIVE_REGEXP = new RegExp(`(${TOKEN})${SPACE}=${SPACE}(?:${QUOTED}|(${TOKEN}))${SPACE}(?:,|$)`, "y");

/** Splits a list of directives strictly, or gives `null`: it is over 4096 octets (section 2.1.2), empty, or of another form. */
export function parseDirectives(text: string): readonly Directive[] | null {
  if (text.length > LIMIT_OCTETS) return null;
  const directives: Directive[] = [];
  let at = 0;
  for (;;) {
    SEPARATORS_REGEXP.lastIndex = at;
    SEPARATORS_REGEXP.test(text);
    at = SEPARATORS_REGEXP.lastIndex;
    if (at === text.length) return directives.length > 0 ? directives : null;
    DIRECTIVE_REGEXP.lastIndex = at;
    const [match, name, quoted, token] = DIRECTIVE_REGEXP.exec(text) ?? [];
    if (match === undefined || name === undefined) return null;
    directives.push({ name: name.toLowerCase(), value: token ?? quoted?.replace(/\\(.)/g, "$1") ?? "" });
    at += match.length;
  }
}

/** The directives by name, or `null` when one comes twice (section 2.1.2). */
export function directivesByName(directives: readonly Directive[]): ReadonlyMap<string, string> | null {
  const byName = new Map(directives.map(({ name, value }) => [name, value]));
  return byName.size === directives.length ? byName : null;
}

/** Writes a value as a quoted-string. */
export function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}
