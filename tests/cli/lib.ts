/**
 * The program as a process, and a folder with a configuration for it.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a process left behind. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line that starts the program from the tree. */
export function commandLine(args: readonly string[]): readonly string[] {
  return [Deno.execPath(), "run", "-A", "--no-check", join(ROOT, "src/main.ts"), ...args];
}

/** The environment of a service: no HOME, no terminal; DENO_DIR is for `deno run`. */
export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const denoDir = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/root", ".cache/deno");
  return { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin", DENO_DIR: denoDir, ...more };
}

/** Runs the program to its end. */
export async function dokodemo(
  args: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const [program = "", ...rest] = commandLine(args);
  const child = new Deno.Command(program, {
    args: rest,
    cwd: "/",
    clearEnv: true,
    env: environment(options.env),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that ends without reading its input is no fault of the test.
    await writer.write(new TextEncoder().encode(options.stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A folder with a configuration, removed when disposed. */
export interface Site extends AsyncDisposable {
  readonly folder: string;
  readonly config: string;
  readonly dataDir: string;
  /** Runs the program with this configuration. */
  run(args: readonly string[], stdin?: string): Promise<Ended>;
}

/** The least that accounts need. */
export const SMALL_CONFIG = `hostname = "mail.foobar.co.jp"
default_realm = "baz.co.jp"
data_dir = "data"
`;

/** Makes a site. */
export async function makeSite(toml = SMALL_CONFIG): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-cli-" });
  const config = join(folder, "dokodemo.toml");
  await Deno.writeTextFile(config, toml);
  return {
    folder,
    config,
    dataDir: join(folder, "data"),
    run: (args, stdin) =>
      dokodemo(args, { env: { DOKODEMO_CONFIG: config }, ...(stdin === undefined ? {} : { stdin }) }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
