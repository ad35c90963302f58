/**
 * The backend `passwd`: accounts of passwd(5), by the system's look-ups or from a file of that form. Where the system has `x` for a
 * password its shadow entry counts.
 *
 * @module
 */

import type { BackendModule } from "../src/backend_module.ts";
import { defineUnixBackend, type UnixSchema } from "./lib/unix_module.ts";

/** The module of type `passwd`. */
export const PASSWD: BackendModule<UnixSchema> = defineUnixBackend("passwd");
