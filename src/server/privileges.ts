/**
 * Becoming another user for good, and giving up permissions that are not needed any more.
 *
 * @module
 */

import process from "node:process";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { SystemUser } from "../config/system_user.ts";

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

/** Gives up for good what no configuration of today uses after the start; a reload that needs it says "restart needed". */
export function revokeUnused(): void {
  for (const name of ["run", "ffi"] as const) Deno.permissions.revokeSync({ name });
}
