/**
 * A small file system that a test can fill. To mount one needs root.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RegisterTest } from "../servers/lib.ts";

/** A file system in memory of this size, unmounted when it is disposed. */
export async function tinyDisk(octets: number): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "dokodemo-disk-" });
  await run("mount", "-t", "tmpfs", "-o", `size=${octets}`, "none", path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run("umount", "--lazy", path);
      await Deno.remove(path, { recursive: true });
    },
  };
}

/** Takes all the room that is left. */
export async function fill(dir: string, name: string): Promise<void> {
  using file = await Deno.open(`${dir}/${name}`, { createNew: true, write: true });
  for (const piece of [new Uint8Array(65536), new Uint8Array(1)]) {
    try {
      for (;;) await file.write(piece);
    } catch (error) {
      assert.match(String(error), /No space left/);
    }
  }
}

/** Gives a `Deno.test` for tests that mount; where that cannot be done they are left out. */
export async function requireMount(): Promise<RegisterTest> {
  const mountable = await canMount();
  return (name, fn) => Deno.test({ name, ignore: !mountable, fn });
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

async function canMount(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    const disk = await tinyDisk(1024 * 1024);
    await disk[Symbol.asyncDispose]();
    return true;
  } catch {
    return false;
  }
}
