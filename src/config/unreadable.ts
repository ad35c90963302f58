/**
 * Errors of files in words.
 *
 * @module
 */

/** Why a file cannot be read, in words for an administrator. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : "it cannot be read";
}
