/**
 * What `dokodemo version` prints; apart from the command so that it needs no command-line library.
 *
 * @module
 */

import { VERSION } from "../version.ts";

/** Program, version, and what it runs on: one line. */
export function versionText(): string {
  return `dokodemo ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})`;
}
