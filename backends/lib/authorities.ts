/**
 * Certificates of the authorities that are trusted for one server.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { whyUnreadable } from "../../src/lib/file_error.ts";

/** The text of a file with certificates in PEM form. Throws `BackendProblem` where it cannot be read or holds none. */
export async function readAuthorities(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch((error) => {
    throw new BackendProblem(`Cannot read ${file}: ${whyUnreadable(error)}`);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new BackendProblem(`Cannot use ${file}: there is no certificate in PEM form in it`);
  }
  return text;
}
