/**
 * What real SCRAM verifiers look like: SCRAM shows iterations and salt of whoever is asked for, so decoys need those of real ones.
 *
 * @module
 */

import type { Verifier, VerifierScheme } from "../backend.ts";

/** What of a SCRAM verifier is seen before anything is proved. */
export interface ScramShape {
  readonly iterations: number;
  readonly saltOctets: number;
}

/** As `src/accounts` stores them. */
export const OUR_SHAPE: ScramShape = { iterations: 4096, saltOctets: 16 };

/**
 * The shape of each backend's verifiers, from the first one that it gave; before that ours. Only the first counts: a decoy that changes
 * is known for one.
 */
export class DecoyShapes {
  readonly #seen = new Map<string, ScramShape>();

  /** Looks at what a backend gave. */
  learn(backend: string, verifiers: readonly Verifier[]): void {
    const [verifier] = verifiers;
    if (verifier === undefined || verifier.scheme === "cram-md5" || verifier.scheme === "digest-md5") return;
    const key = keyOf(backend, verifier.scheme);
    if (this.#seen.has(key)) return;
    this.#seen.set(key, { iterations: verifier.iterations, saltOctets: verifier.salt.length });
  }

  /** The shape of a backend's verifiers. */
  of(backend: string, scheme: VerifierScheme): ScramShape {
    return this.#seen.get(keyOf(backend, scheme)) ?? OUR_SHAPE;
  }
}

function keyOf(backend: string, scheme: VerifierScheme): string {
  return `${scheme} ${backend}`;
}
