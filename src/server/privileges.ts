/**
 * Becoming another user for good, and giving up permissions that are not needed any more.
 *
 * @module
 */

import process from "node:process";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Config } from "../config/config.ts";
import type { SystemUser } from "../config/system_user.ts";
import type { BackendModules } from "./open_backend.ts";

/** Becomes the user, with its groups and no others, and makes sure that there is no way back. */
export function becomeUser({ uid, gid, groups }: SystemUser): Result<void, string> {
  const { setgid, setuid } = process;
  if (setgid === undefined || setuid === undefined) {
    return fail("Cannot become another user: this system has no setuid");
  }
  try {
    setGroups([...new Set([gid, ...groups])]);
    setgid(gid);
    setuid(uid);
  } catch (cause) {
    return fail(`Cannot become user ${uid}: ${cause instanceof Error ? cause.message : "unknown reason"}`);
  }
  try {
    setuid(0);
  } catch {
    return succeed(undefined);
  }
  return fail(`Cannot become user ${uid}: the way back to root is still open`);
}

/** Deno has no setgroups; without it the process would keep root's groups. */
function setGroups(groups: readonly number[]): void {
  const libc = Deno.dlopen("libc.so.6", { setgroups: { parameters: ["usize", "buffer"], result: "i32" } });
  try {
    const list = new Uint32Array(groups);
    if (libc.symbols.setgroups(BigInt(list.length), list) !== 0) throw new Error("setgroups failed");
  } finally {
    libc.close();
  }
}

/** Gives up for good what no backend of this configuration uses after the start; a reload that adds one which does is refused. */
export function revokeUnused({ backends }: Pick<Config, "backends">, modules: BackendModules): void {
  const needed = new Set(backends.flatMap(({ type }) => modules.get(type)?.needs ?? []));
  for (const name of ["run", "ffi"] as const) if (!needed.has(name)) Deno.permissions.revokeSync({ name });
}
