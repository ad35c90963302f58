/**
 * Asks backends whether they can be reached.
 *
 * @module
 */

import type { Backend } from "../backend.ts";
import { probeWithin } from "../http/health.ts";

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
  const problem = await probeWithin((signal) => backend.probe(signal), deadlineMs);
  return { backend: backend.name, ms: Math.round(performance.now() - began), problem };
}
