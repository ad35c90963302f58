import assert from "node:assert/strict";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const UNIT = new URL("../../deploy/dokodemo.service", import.meta.url);
const test = requirePrograms(["systemd-analyze"]);

/** The unit with a program that is on this machine. */
async function unit(folder: string, change: (text: string) => string = (text) => text): Promise<string> {
  const file = `${folder}/dokodemo.service`;
  await Deno.writeTextFile(
    file,
    change((await Deno.readTextFile(UNIT)).replaceAll("/usr/local/bin/dokodemo", "/bin/true")),
  );
  return file;
}

test("systemd-analyze verify has nothing to say about the unit, and finds a mistake in it", async () => {
  await using folder = await makeFolder();
  const args = ["verify", "--man=no"];
  const { code, output } = await run("systemd-analyze", { args: [...args, await unit(folder.path)] });
  // It also looks at what else is installed on the machine.
  const ours = output.split("\n").filter((line) => line.includes("dokodemo"));
  assert.deepEqual([code, ours], [0, []]);
  const broken = await unit(folder.path, (text) => text.replace("NoNewPrivileges=yes", "NoNewPriviledges=yes"));
  assert.match((await run("systemd-analyze", { args: [...args, broken] })).output, /NoNewPriviledges/);
});

test("the unit's exposure is at most 1.9 of 10 by systemd-analyze security", async () => {
  await using folder = await makeFolder();
  const args = ["security", "--offline=yes", "--threshold=19"];
  const { code, output } = await run("systemd-analyze", { args: [...args, await unit(folder.path)] });
  assert.equal(code, 0, output);
});
