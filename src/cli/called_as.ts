/**
 * The name by which the program was called: as `sendmail`, `mailq` or `newaliases` it is that command. `Deno.execPath()` follows links
 * and does not tell it; argv[0] does.
 *
 * @module
 */

const NAMES: ReadonlySet<string> = new Set(["sendmail", "mailq", "newaliases"]);

/** To ask for argv[0] starts Node's layer, which this command alone does without. */
const QUICK: ReadonlySet<string> = new Set(["version", "--version"]);

/** The arguments, with the name in front of them where that is a command's. */
export async function withCalledName(args: readonly string[]): Promise<readonly string[]> {
  if (args.length === 1 && QUICK.has(args[0] ?? "")) return args;
  const { default: process } = await import("node:process");
  const name = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
  return NAMES.has(name) ? [name, ...args] : args;
}
