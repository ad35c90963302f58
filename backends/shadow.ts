/**
 * The backend `shadow`: accounts with an entry of shadow(5), by the system's look-ups or from a file of that form.
 *
 * @module
 */

import type { BackendModule } from "../src/backend_module.ts";
import { defineUnixBackend, type UnixSchema } from "./lib/unix_module.ts";

/** The module of type `shadow`. */
export const SHADOW: BackendModule<UnixSchema> = defineUnixBackend("shadow");
