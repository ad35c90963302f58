/**
 * Sizes and numbers for people.
 *
 * @module
 */

/** `812B`, `4K`, `12.3M`. */
export function sizeText(octets: number): string {
  if (octets < 1024) return `${octets}B`;
  const kibi = octets / 1024;
  return kibi < 1024 ? `${Math.ceil(kibi)}K` : `${(kibi / 1024).toFixed(1)}M`;
}

/** `1 mail`, `2 mails`. */
export function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
