/**
 * The program: its commands are in `cli/`, one file each; the table of them in `cli/commands.ts`.
 *
 * @module
 */

import { withCalledName } from "./cli/called_as.ts";
import { dispatch } from "./cli/dispatch.ts";

if (import.meta.main) Deno.exit(await dispatch(await withCalledName(Deno.args)));
