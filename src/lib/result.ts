/**
 * The outcome of something that is expected to fail now and then.
 *
 * @module
 */

/** A value, or the problem that stood in its way; never an exception. */
export type Result<Value, Problem> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: Problem };

/** Wraps a value. */
export function succeed<Value>(value: Value): Result<Value, never> {
  return { ok: true, value };
}

/** Wraps a problem. */
export function fail<Problem>(problem: Problem): Result<never, Problem> {
  return { ok: false, problem };
}

/** Ends a `switch` over a union: the compiler then names each member that is not handled. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle ${JSON.stringify(value)}: no case for it`);
}
