/**
 * The program on a real pseudo-terminal, made by libc: no tool has to be installed for it.
 *
 * @module
 */

import { commandLine, environment } from "./lib.ts";

const O_RDWR_NOCTTY = 0o402;

const LIBC = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** What a person waits for on the screen, and what they type then. */
export interface Turn {
  readonly wait: string;
  readonly type: string;
}

/** Runs the program on a terminal. `screen` is all that a person would have seen. */
export async function onTerminal(
  args: readonly string[],
  turns: readonly Turn[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly screen: string }> {
  const libc = Deno.dlopen("libc.so.6", LIBC).symbols;
  const master = libc.posix_openpt(O_RDWR_NOCTTY);
  const name = new Uint8Array(64);
  if (master < 0 || libc.grantpt(master) + libc.unlockpt(master) + libc.ptsname_r(master, name, 64n) !== 0) {
    throw new Error("Cannot open a pseudo-terminal");
  }
  const slave = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" <"$0" >"$0" 2>"$0"', slave, ...commandLine(args)],
    cwd: "/",
    clearEnv: true,
    env: environment(env),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const screen = await play(turns, {
    // EIO, a negative result, when the last program that had the terminal open has ended.
    read: async (buffer) => Number(await libc.read(master, buffer, BigInt(buffer.length))),
    type: (octets) => libc.write(master, octets, BigInt(octets.length)),
  });
  const { code } = await child.status;
  libc.close(master);
  return { code, screen };
}

async function play(
  turns: readonly Turn[],
  terminal: { read(buffer: Uint8Array<ArrayBuffer>): Promise<number>; type(octets: Uint8Array<ArrayBuffer>): unknown },
): Promise<string> {
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let screen = "";
  let seen = 0;
  let next = 0;
  while (true) {
    const count = await terminal.read(buffer);
    if (count <= 0) return screen;
    screen += decoder.decode(buffer.subarray(0, count), { stream: true });
    for (let turn = turns[next]; turn !== undefined && screen.includes(turn.wait, seen); turn = turns[next]) {
      seen = screen.indexOf(turn.wait, seen) + turn.wait.length;
      next++;
      terminal.type(new TextEncoder().encode(turn.type));
    }
  }
}
