/**
 * How a backend comes to life: its name, the keys of its section and `open`.
 *
 * @module
 */

import type { z } from "zod";
import type { AccountStore } from "./accounts/account_store.ts";
import type { Backend, UserName, Verifier, VerifierScheme } from "./backend.ts";

/**
 * Why a backend cannot work at all, whatever becomes of its server: a file or a library that is missing, a secret that others may read.
 * Thrown by `open`; the message is a sentence for the administrator, without a secret. The program then does not start (exit code 78), and a
 * reload is refused.
 */
export class BackendProblem extends Error {
  override readonly name = "BackendProblem";
}

/** A permission of the program that it gives up after the start, where no configured backend needs it. */
export type BackendNeed = "run" | "ffi";

/** What the program lends a backend. */
export interface BackendHost {
  /** `data_dir`; relative paths of a section are under it. */
  readonly dataDir: string;
  readonly defaultRealm: string;
  /** `realms` of its section: the only ones that it is asked for. Empty or absent: each. */
  readonly realms?: readonly string[];
  /** The account store in this file, opened once for the whole process and closed by it. */
  accounts(file: string): AccountStore;
  /** The longest wait for one answer of this backend, in milliseconds: its `deadline`. Absent: that of the module. */
  readonly deadlineMs?: number;
  /**
   * The verifiers of a password in clear text for one scheme: the same ones each time, also with the same salt after a restart. None for
   * a password that SASLprep refuses. Absent: there is nobody to make them.
   */
  readonly verifiersOf?: (
    scheme: VerifierScheme,
    login: { readonly user: UserName; readonly password: string },
  ) => Promise<readonly Verifier[]>;
  /** Tells the administrator, in the backend's name, what no answer can say. One line, without a secret. Absent: nobody reads it. */
  readonly warn?: (text: string) => void;
}

/** A kind of backend. Adding one is a file in `backends/` and a line in its `registry.ts`. */
export interface BackendModule<Schema extends z.ZodType = z.ZodType> {
  /** The `type` of its section; a section without one has its own name as type. */
  readonly type: string;
  /** Older names of the type. A configuration that uses one is told the name of today. */
  readonly aliases?: readonly string[];
  /** The keys of the section beside those that every backend has, in camelCase; a `z.strictObject`, so that an unknown key is an error. */
  readonly schema: Schema;
  /** Longest wait for one answer where the section has no `deadline`, in milliseconds. */
  readonly deadlineMs: number;
  /** Most questions at a time where the section has no `concurrency`. Default 16. */
  readonly concurrency?: number;
  /** Permissions used after `open` has returned. A reload that adds a backend which needs one that is given up by then is refused. */
  readonly needs?: readonly BackendNeed[];
  /**
   * Brings it to life without waiting for a server: one that is down answers `unavailable` later. Throws `BackendProblem` for what cannot
   * work at all.
   */
  open(name: string, options: z.output<Schema>, host: BackendHost): Promise<Backend>;
}

/** Ties a schema to the options that `open` gets. */
export function defineBackend<Schema extends z.ZodType>(module: BackendModule<Schema>): BackendModule<Schema> {
  return module;
}
