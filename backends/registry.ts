/**
 * Every kind of backend, by its type. Adding one is a file here and a line below.
 *
 * @module
 */

import type { BackendModule } from "../src/backend_module.ts";
import { SASLDB } from "./sasldb.ts";

const MODULES: readonly BackendModule[] = [SASLDB];

/** The kinds of backend that a configuration can name. */
export const BACKENDS: ReadonlyMap<string, BackendModule> = new Map(MODULES.map((module) => [module.type, module]));
