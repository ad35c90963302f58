/**
 * Text that comes from outside, made safe to show.
 *
 * @module
 */

// deno-lint-ignore no-control-regex -- control characters are what this looks for
const CONTROL_REGEXP = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** Whether a text holds a control character (C0, DEL, C1 or a line separator of Unicode). */
export function hasControl(text: string): boolean {
  return CONTROL_REGEXP.test(text);
}

/** At most `limit` characters, each control character as `?`: fit for one log line or one reply. */
export function printable(text: string, limit = 200): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return hasControl(cut) ? cut.replace(new RegExp(CONTROL_REGEXP, "g"), "?") : cut;
}

/** Upper-case ASCII letters become lower-case ones; nothing else changes (SMTP keywords and domains). */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
