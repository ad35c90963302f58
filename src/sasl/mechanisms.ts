/**
 * The mechanisms that there are.
 *
 * @module
 */

import { CRAM_MD5 } from "./cram_md5.ts";
import { DIGEST_MD5 } from "./digest_md5.ts";
import { LOGIN } from "./login.ts";
import type { ExchangeStep, Mechanism } from "./mechanism.ts";
import { PLAIN } from "./plain.ts";
import { SCRAM_SHA_1, SCRAM_SHA_1_PLUS, SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from "./scram.ts";

/** Every mechanism, the strongest first: the order in which they are offered. */
export const MECHANISMS: readonly Mechanism[] = [
  sealed(SCRAM_SHA_256_PLUS),
  sealed(SCRAM_SHA_256),
  sealed(SCRAM_SHA_1_PLUS),
  sealed(SCRAM_SHA_1),
  sealed(DIGEST_MD5),
  sealed(CRAM_MD5),
  sealed(PLAIN),
  sealed(LOGIN),
];

const BY_NAME: ReadonlyMap<string, Mechanism> = new Map(MECHANISMS.map((mechanism) => [mechanism.name, mechanism]));

/** The mechanism with this name, in upper case, or `null`. */
export function mechanismNamed(name: string): Mechanism | null {
  return BY_NAME.get(name) ?? null;
}

/**
 * Gives a mechanism whose states nobody outside can look into or make, so that mechanisms with different states can stand in one
 * list. TypeScript would accept the bare ones there too, but could then not see a state being given to the wrong mechanism: this one
 * refuses it with a `TypeError`, which is the one way to make `step` throw and a bug of the caller.
 */
function sealed<State>(mechanism: Mechanism<State>): Mechanism {
  class Sealed {
    constructor(readonly state: State) {}
  }
  const seal = (step: ExchangeStep<State>): ExchangeStep<unknown> =>
    step.kind === "end" ? step : { ...step, state: new Sealed(step.state) };
  return {
    ...mechanism,
    start: (init) => new Sealed(mechanism.start(init)),
    step: (state, input) => {
      if (!(state instanceof Sealed)) throw new TypeError(`Cannot go on with ${mechanism.name}: not a state of it`);
      return seal(mechanism.step(state.state, input));
    },
  };
}
