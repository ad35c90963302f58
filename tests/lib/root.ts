/**
 * Tests that have to become other users.
 *
 * @module
 */

import type { RegisterTest } from "../servers/lib.ts";

/** The user that has nothing: in every Linux and BSD. */
export const NOBODY = "nobody";

/** Gives a `Deno.test` for tests that need root. For anybody else they are left out; with `DOKODEMO_TEST_ALL=1`, as in CI, they fail instead. */
export function requireRoot(): RegisterTest {
  if (Deno.uid() === 0) return (name, run) => Deno.test(name, run);
  const reason = "needs root";
  if (Deno.env.get("DOKODEMO_TEST_ALL") === "1") {
    return (name) =>
      Deno.test(name, () => {
        throw new Error(reason);
      });
  }
  return (name, run) => Deno.test(`${name} (left out: ${reason})`, { ignore: true }, run);
}

/** What /proc says of a process: each line of its status by name. */
export async function statusOf(pid: number): Promise<ReadonlyMap<string, string>> {
  const lines = (await Deno.readTextFile(`/proc/${pid}/status`)).trimEnd().split("\n");
  return new Map(lines.map((line) => {
    const [name = "", ...rest] = line.split(":");
    return [name, rest.join(":").trim().replace(/\s+/g, " ")] as const;
  }));
}
