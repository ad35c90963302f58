/**
 * The commands in processes of their own, on a `data_dir` of the test.
 *
 * @module
 */

/** How a command ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `queue ...` or `health ...`. */
export async function run(dataDir: string, ...args: readonly string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "src/main.ts", ...args],
    cwd: new URL("../..", import.meta.url).pathname,
    env: { DOKODEMO_DATA_DIR: dataDir, NO_COLOR: "1" },
  }).output();
  const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
  return { code, out: text(stdout), err: text(stderr) };
}

/** An empty `data_dir`. */
export async function dataDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "dokodemo-queue-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
