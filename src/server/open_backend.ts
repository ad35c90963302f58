/**
 * Opening one backend of a configuration.
 *
 * @module
 */

import type { Backend } from "../backend.ts";
import { type BackendHost, type BackendModule, BackendProblem } from "../backend_module.ts";
import type { BackendConfig } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { type StartProblem, StoreUnavailable } from "./standing.ts";

/** The kinds of backend built in, by type. */
export type BackendModules = ReadonlyMap<string, BackendModule>;

/** Opens it, or says why it cannot work. */
export async function openBackend(
  { name, type, options }: BackendConfig,
  modules: BackendModules,
  host: BackendHost,
): Promise<Result<Backend, StartProblem>> {
  const module = modules.get(type);
  if (module === undefined) throw new TypeError(`Cannot open backend ${name}: no module for ${type}`);
  const given = module.needs?.find((need) => Deno.permissions.querySync({ name: need }).state !== "granted");
  if (given !== undefined) {
    const message =
      `backend.${name}: it needs a restart, since the running process has given up the permission "${given}"`;
    return fail({ kind: "config", message });
  }
  try {
    return succeed(await module.open(name, options, host));
  } catch (error) {
    if (error instanceof StoreUnavailable) return fail(error.problem);
    if (error instanceof BackendProblem) return fail({ kind: "config", message: `backend.${name}: ${error.message}` });
    throw error;
  }
}
