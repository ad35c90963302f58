/**
 * Accounts of this machine, made by useradd with names that nobody else has, and removed again. Needs root.
 *
 * @module
 */

import { runOrThrow } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const SYSTEM_USER_PROGRAMS: readonly string[] = ["useradd", "userdel", "usermod", "chpasswd", "chage"];

/** A name that no account has. */
export function systemUserName(): string {
  return `dkdm${crypto.randomUUID().slice(0, 8)}`;
}

/** How an account is made. */
export interface SystemUserOptions {
  /** Default: one by `systemUserName`. */
  readonly name?: string;
  /** `null`: it gets none, as useradd leaves it. */
  readonly password: string | null;
  /** As `chpasswd -c` takes it. Default SHA512, with the fewest rounds. */
  readonly method?: string;
  /** A number below those of people. */
  readonly system?: boolean;
}

/** An account. Disposing removes it. */
export interface SystemUser extends AsyncDisposable {
  readonly name: string;
  /** Runs a program of shadow-utils, such as `chage -E 0`, on this account. */
  change(program: string, ...args: readonly string[]): Promise<void>;
}

/** Makes an account without a home directory. */
export async function makeSystemUser(options: SystemUserOptions): Promise<SystemUser> {
  const { name = systemUserName(), password, method, system = false } = options;
  await runOrThrow("useradd", {
    args: ["-M", "-N", "-s", "/usr/sbin/nologin", ...system ? ["--system"] : [], name],
  });
  const how = method === undefined ? ["-c", "SHA512", "-s", "1000"] : ["-c", method];
  if (password !== null) await runOrThrow("chpasswd", { args: how, input: `${name}:${password}\n` });
  return {
    name,
    change: async (program, ...args) => {
      await runOrThrow(program, { args: [...args, name] });
    },
    [Symbol.asyncDispose]: async () => {
      await runOrThrow("userdel", { args: [name] });
    },
  };
}
