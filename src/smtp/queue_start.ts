/**
 * How ETRN ends (RFC 1985).
 *
 * @module
 */

/** What came of ETRN. `count`: recipients that wait. */
export type QueueStart =
  | { readonly kind: "started"; readonly count: number }
  /** It was asked for a moment ago. */
  | { readonly kind: "under-way" }
  | { readonly kind: "unavailable" };
