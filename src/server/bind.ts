/**
 * Which addresses are listened on, at the start and after a reload.
 *
 * @module
 */

import type { ListenerConfig } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { Listener } from "./listener.ts";

/** What a reload changes of the addresses. */
export interface Rebinding {
  /** All that are listened on afterwards. */
  readonly listeners: readonly Listener[];
  readonly opened: readonly Listener[];
  /** Gives the listeners that stay their new settings, and closes those that nobody asks for any more. */
  commit(): void;
}

/** Binds every address, or none: the problem lists each that could not be bound. */
export function bindAll(configs: readonly ListenerConfig[]): Result<readonly Listener[], readonly string[]> {
  const bound = configs.map((config) => Listener.bind(config));
  const listeners = bound.flatMap((one) => one.ok ? [one.value] : []);
  const problems = bound.flatMap((one) => one.ok ? [] : [one.problem]);
  if (problems.length === 0) return succeed(listeners);
  for (const listener of listeners) listener.close();
  return fail(problems);
}

/** Binds what is new and keeps what stays, so that no client of an address that stays is turned away. */
export function rebind(
  configs: readonly ListenerConfig[],
  current: readonly Listener[],
): Result<Rebinding, readonly string[]> {
  const kept = new Map<ListenerConfig, Listener>();
  for (const config of configs) {
    const same = current.find((one) => isSameAddress(one.config, config));
    if (same !== undefined) kept.set(config, same);
  }
  const opened = bindAll(configs.filter((config) => !kept.has(config)));
  if (!opened.ok) return opened;
  const stays = new Set(kept.values());
  return succeed({
    listeners: [...stays, ...opened.value],
    opened: opened.value,
    commit: () => {
      for (const [config, listener] of kept) listener.configure(config);
      for (const listener of current) if (!stays.has(listener)) listener.close();
    },
  });
}

/** Port 0 is the system's choice: there the name tells which it is. */
function isSameAddress(a: ListenerConfig, b: ListenerConfig): boolean {
  return a.host === b.host && a.port === b.port && (a.port !== 0 || a.name === b.name);
}
