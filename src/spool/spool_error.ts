/**
 * What the methods of the spool reject with where their result has no place for a problem.
 *
 * @module
 */

/** Why the spool could not do it: the disk is full, the spool is not usable now, or the mail (or a recipient in a fit state) is not there. */
export type SpoolProblem = "no-space" | "unavailable" | "not-there";

/** Rejects `attempt`, `settle`, `claim`, `open` and the rest. Nothing of the request was kept. */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
  readonly problem: SpoolProblem;

  constructor(what: string, problem: SpoolProblem) {
    super(`Cannot ${what}: ${problem}`);
    this.problem = problem;
  }
}
