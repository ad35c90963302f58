/**
 * How often one host may ask for what costs something, beside the rules against guessing.
 *
 * @module
 */

import { BoundedMap } from "../auth/bounded_map.ts";
import { hostOf } from "../lib/network.ts";

/** Counts in windows of a minute. */
export interface RateLimit {
  /** Whether one more is allowed now; it is counted then. `now` in milliseconds since the epoch. */
  take(remote: string, now: number): boolean;
}

const WINDOW_MS = 60_000;
/** About 2 MB when strangers fill it. */
const HOSTS = 10_000;

/** Allows each host this many in a minute. */
export function createRateLimit(perMinute: number): RateLimit {
  const hosts = new BoundedMap<string, { readonly began: number; count: number }>(HOSTS);
  return {
    take: (remote, now) => {
      const host = hostOf(remote);
      const window = hosts.get(host);
      if (window === undefined || Math.abs(now - window.began) >= WINDOW_MS) {
        hosts.set(host, { began: now, count: 1 });
        return true;
      }
      window.count++;
      return window.count <= perMinute;
    },
  };
}
