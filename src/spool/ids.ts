/**
 * Ids of mails: short, in order of arrival, fit for a file name and for an SMTP reply.
 *
 * @module
 */

/** Crockford's base32: in ASCII order, and without letters that are taken for digits. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const COUNTER_LIMIT = 32 ** 2;

/**
 * Makes a source of ids of 15 characters of `[0-9A-Z]`: nine of milliseconds, two of a counter, four random ones. Each is greater than
 * the one before, also when the clock is set back.
 */
export function createIds(clock: { now(): number }): () => string {
  let last = 0;
  let counter = 0;
  return () => {
    const now = clock.now();
    if (now > last) {
      last = now;
      counter = 0;
    } else if (++counter === COUNTER_LIMIT) {
      last += 1;
      counter = 0;
    }
    const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    return base32(last, 9) + base32(counter, 2) + base32(random % 32 ** 4, 4);
  };
}

function base32(value: number, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = `${DIGITS[rest % 32]}${text}`;
  return text;
}
