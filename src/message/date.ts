/**
 * The date and time of header fields (RFC 5322 section 3.3), always in UTC.
 *
 * @module
 */

/** Writes milliseconds since the epoch as `Tue, 24 Nov 2026 04:12:00 +0000`. Throws a `RangeError` outside the years that `Date` knows. */
export function formatDate(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) throw new RangeError(`Cannot write date ${ms}: outside the range of dates`);
  // RFC 5322 says "+0000" for a time that is known to be UTC; "GMT" is its obsolete form.
  return date.toUTCString().replace("GMT", "+0000");
}
