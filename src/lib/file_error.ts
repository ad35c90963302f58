/**
 * Errors of files in words.
 *
 * @module
 */

/** By the name of the error, since what is pure knows no classes of the runtime. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["NotFound", "there is no such file"],
  ["PermissionDenied", "permission denied"],
  ["IsADirectory", "it is a folder"],
]);

/** Why a file cannot be read, in words for an administrator. */
export function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return "it cannot be read";
  return REASONS.get(error.name) ?? error.message;
}
