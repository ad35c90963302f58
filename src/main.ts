/**
 * The program: its commands are in `cli/`, one file each; the table of them in `cli/commands.ts`.
 *
 * @module
 */

import { dispatch } from "./cli/dispatch.ts";

if (import.meta.main) Deno.exit(await dispatch(Deno.args));
