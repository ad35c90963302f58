/**
 * Our program as an ordinary user of this machine runs it.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import { makeSystemUser, SYSTEM_USER_PROGRAMS } from "../servers/system_users.ts";
import { makeFolder, type RegisterTest, requirePrograms, runOrThrow } from "../servers/lib.ts";
import { requireRoot } from "./root.ts";

/** How a command ended, standard output and error apart. */
export interface UserCommand {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user without any group but its own. Disposing removes it. */
export interface OrdinaryUser extends AsyncDisposable {
  readonly name: string;
  readonly uid: number;
  /** Runs a command of ours. */
  dokodemo(args: readonly string[], options?: UserCommandOptions): Promise<UserCommand>;
  /** Runs any program. */
  run(program: string, args: readonly string[], options?: UserCommandOptions): Promise<UserCommand>;
}

/** What a command is given. */
export interface UserCommandOptions {
  readonly input?: string | Uint8Array<ArrayBuffer>;
  readonly env?: Readonly<Record<string, string>>;
}

/** For tests with such users. */
export function requireUsers(): RegisterTest {
  return Deno.uid() === 0
    ? requirePrograms([...SYSTEM_USER_PROGRAMS, "setpriv", "unshare", "mount", "id"])
    : requireRoot();
}

/** The command line that starts our program: the tree, or the binary of `DOKODEMO_BIN`. */
export function programCommand(deno = Deno.execPath()): readonly [string, ...string[]] {
  const binary = Deno.env.get("DOKODEMO_BIN") ?? "";
  if (binary !== "") return [binary];
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  return [deno, "run", "-A", "--quiet", "--no-check", "--no-lock", main];
}

/** Makes one. */
export async function makeOrdinaryUser(): Promise<OrdinaryUser> {
  await using made = new AsyncDisposableStack();
  const account = made.use(await makeSystemUser({ password: null }));
  await account.change("usermod", "-c", "Shin Example,,,");
  const uid = Number((await runOrThrow("id", { args: ["-u", account.name] })).trim());
  const places = made.use(await makePlaces());
  const owned = made.move();
  return {
    name: account.name,
    uid,
    dokodemo: (args, options) => places.run(uid, [...places.program, ...args], options),
    run: (program, args, options) => places.run(uid, [program, ...args], options),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Places extends AsyncDisposable {
  /** The command line that starts our program. */
  readonly program: readonly string[];
  run(uid: number, command: readonly string[], options?: UserCommandOptions): Promise<UserCommand>;
}

/**
 * The runtime and its cache are in a home directory, where this user may not look: it sees them at other places, which nobody else sees.
 * The binary of `DOKODEMO_BIN` is copied to one that it may look into.
 */
async function makePlaces(): Promise<Places> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await makeFolder({ open: true })).path;
  const binary = Deno.env.get("DOKODEMO_BIN") ?? "";
  const [bin, cache] = [`${folder}/bin`, `${folder}/cache`];
  for (const place of [bin, cache]) await Deno.mkdir(place);
  if (binary !== "") await Deno.copyFile(binary, `${bin}/dokodemo`);
  const { denoDir } = JSON.parse(await runOrThrow(Deno.execPath(), { args: ["info", "--json"] }));
  const mounts = `mount --bind "${dirname(Deno.execPath())}" "${bin}" && mount --bind "${denoDir}" "${cache}" && `;
  const owned = made.move();
  return {
    program: binary !== "" ? [`${bin}/dokodemo`] : programCommand(`${bin}/${basename(Deno.execPath())}`),
    run: (uid, command, options = {}) => {
      const before = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
      const script = `${binary === "" ? mounts : ""}exec setpriv ${before.join(" ")} "$@"`;
      const env = { DENO_DIR: cache, HOME: "/nonexistent", ...options.env };
      return runCommand(["unshare", "--mount", "sh", "-c", script, "sh", ...command], { ...options, env });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function runCommand(
  [program = "", ...args]: readonly string[],
  { input, env }: UserCommandOptions,
): Promise<UserCommand> {
  const child = new Deno.Command(program, {
    args,
    cwd: "/",
    env: { ...env },
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that ends without reading its input is no fault of the test.
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
