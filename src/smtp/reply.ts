/**
 * Replies (RFC 5321 section 4.2) with enhanced status codes (RFC 3463).
 *
 * @module
 */

/** The class, subject and detail of an enhanced status code. */
export type EnhancedCode = `${2 | 4 | 5}.${number}.${number}`;

/** One reply, of one line or more. */
export interface Reply {
  readonly code: number;
  /** Always written out, never derived from the code; `null` for 3xx, greeting and EHLO. */
  readonly enhanced: EnhancedCode | null;
  readonly lines: readonly [string, ...string[]];
}

const TEXT_REGEXP = /^[\t\x20-\x7e]*$/;

/** Makes a reply. Throws a `RangeError` when it could not be sent as it is: that is a bug here. */
export function reply(code: number, enhanced: EnhancedCode | null, ...lines: [string, ...string[]]): Reply {
  if (enhanced !== null && enhanced[0] !== String(code)[0]) {
    throw new RangeError(`Cannot make reply ${code}: class of "${enhanced}" differs`);
  }
  for (const line of lines) {
    if (!TEXT_REGEXP.test(line)) throw new RangeError(`Cannot make reply ${code}: line has a control character`);
  }
  return { code, enhanced, lines };
}

/** Writes a reply in the form it has on the wire, the enhanced code on each line. */
export function formatReply({ code, enhanced, lines }: Reply): string {
  const prefix = enhanced === null ? "" : `${enhanced} `;
  const last = lines.length - 1;
  return lines.map((line, at) => `${code}${at < last ? "-" : " "}${prefix}${line}\r\n`).join("");
}

/** The same reply with ` (id)` behind its last line, by which the log line is found. */
export function withId({ code, enhanced, lines }: Reply, id: string): Reply {
  const [first, ...rest] = lines;
  const last = rest.pop();
  return reply(
    code,
    enhanced,
    ...(last === undefined ? [`${first} (${id})`] : [first, ...rest, `${last} (${id})`]) as [string],
  );
}
