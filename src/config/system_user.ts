/**
 * The user that the service runs as.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";

/** A user of this system as numbers. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
  /** The groups that it is in beside its own. */
  readonly groups: readonly number[];
}

/** Finds a user in /etc/passwd and its groups in /etc/group. */
export async function findUser(name: string): Promise<Result<SystemUser, string>> {
  try {
    const passwd = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
    const entry = passwd.find(([login]) => login === name);
    if (entry === undefined) return fail(`Cannot become ${name}: no such user in /etc/passwd`);
    const group = (await Deno.readTextFile("/etc/group")).split("\n").map((line) => line.split(":"));
    const groups = group.filter(([, , , members = ""]) => members.split(",").includes(name)).map(([, , gid]) =>
      Number(gid)
    );
    return succeed({ uid: Number(entry[2]), gid: Number(entry[3]), groups });
  } catch (cause) {
    return fail(`Cannot become ${name}: ${cause instanceof Error ? cause.message : "unknown reason"}`);
  }
}

/** Whether the mode of a file lets this user read it; `true` where that cannot be told. The folders above it are not looked at. */
export async function mayRead(file: string, { uid, gid, groups }: SystemUser): Promise<boolean> {
  const info = await Deno.stat(file).catch(() => null);
  if (info === null || info.mode === null) return true;
  if (uid === 0 || info.uid === uid) return uid === 0 || (info.mode & 0o400) !== 0;
  if (info.gid === gid || groups.includes(info.gid ?? -1)) return (info.mode & 0o040) !== 0;
  return (info.mode & 0o004) !== 0;
}
