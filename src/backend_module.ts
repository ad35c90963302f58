/**
 * How a backend comes to life: its name, the keys of its section and `open`.
 *
 * @module
 */

import type { z } from "zod";
import type { AccountStore } from "./accounts/account_store.ts";
import type { Backend } from "./backend.ts";

/** What the program lends a backend. */
export interface BackendHost {
  /** `data_dir`; relative paths of a section are under it. */
  readonly dataDir: string;
  readonly defaultRealm: string;
  /** The account store in this file, opened once for the whole process and closed by it. */
  accounts(file: string): AccountStore;
}

/** A kind of backend. Adding one is a file in `backends/` and a line in its `registry.ts`. */
export interface BackendModule<Schema extends z.ZodType = z.ZodType> {
  /** The `type` of its section; a section without one has its own name as type. */
  readonly type: string;
  /** The keys of the section without `type` and `deadline`, in camelCase; a `z.strictObject`, so that an unknown key is an error. */
  readonly schema: Schema;
  /** Longest wait for one answer where the section has no `deadline`, in milliseconds. */
  readonly deadlineMs: number;
  /** Brings it to life without waiting for a server: one that is down answers `unavailable` later. */
  open(name: string, options: z.output<Schema>, host: BackendHost): Promise<Backend>;
}

/** Ties a schema to the options that `open` gets. */
export function defineBackend<Schema extends z.ZodType>(module: BackendModule<Schema>): BackendModule<Schema> {
  return module;
}
