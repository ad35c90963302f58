/**
 * Asks backends whether they can be reached.
 *
 * @module
 */

import type { Backend } from "../backend.ts";

/** What became of it. */
export interface Reached {
  readonly backend: string;
  readonly ms: number;
  /** Why not; `null`: it was reached. */
  readonly problem: string | null;
}

/** Probes a backend within its deadline. Never rejects. */
export async function probeBackend(backend: Backend, deadlineMs: number): Promise<Reached> {
  const began = performance.now();
  const late = Promise.withResolvers<string>();
  const controller = new AbortController();
  const timer = setTimeout(() => {
    late.resolve(`no answer within ${deadlineMs} ms`);
    controller.abort();
  }, deadlineMs);
  const probed = Promise.try(() => backend.probe(controller.signal)).then(
    (result) => result.ok ? null : result.problem,
    (error) => error instanceof Error ? error.message : String(error),
  );
  const problem = await Promise.race([late.promise, probed]);
  clearTimeout(timer);
  return { backend: backend.name, ms: Math.round(performance.now() - began), problem };
}
