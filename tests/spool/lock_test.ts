import assert from "node:assert/strict";
import { lockDataDir, whoLocks } from "../../src/spool/lock.ts";
import { tempDir } from "./fixture.ts";

Deno.test("a second lock is refused at once and names the holder; disposing gives it back", async () => {
  await using dir = await tempDir();
  const first = await lockDataDir(dir.path);
  assert.ok(first.ok);
  const second = await lockDataDir(dir.path);
  assert.ok(!second.ok);
  assert.equal(second.problem.kind, "held");
  assert.match(second.problem.message, new RegExp(`process ${Deno.pid} `));
  await first.value[Symbol.asyncDispose]();
  const third = await lockDataDir(dir.path);
  assert.ok(third.ok);
  await third.value[Symbol.asyncDispose]();
});

Deno.test("the lock of a process that was killed is free, and its pid is overwritten", async () => {
  await using dir = await tempDir();
  const script = new URL("./locker.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, dir.path],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "locked\n");
  const refused = await lockDataDir(dir.path);
  assert.ok(!refused.ok);
  assert.match(refused.problem.message, new RegExp(`process ${child.pid} `));
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  const lock = await lockDataDir(dir.path);
  assert.ok(lock.ok);
  assert.equal(await Deno.readTextFile(`${dir.path}/lock`), `${Deno.pid}\n`);
  await lock.value[Symbol.asyncDispose]();
});

Deno.test("a folder that is not there cannot be locked", async () => {
  await using dir = await tempDir();
  const refused = await lockDataDir(`${dir.path}/missing`);
  assert.ok(!refused.ok);
  assert.equal(refused.problem.kind, "io");
});

Deno.test("asking who holds the lock names the holder, takes nothing and makes nothing", async () => {
  await using dir = await tempDir();
  assert.equal(await whoLocks(dir.path), null);
  await assert.rejects(Deno.stat(`${dir.path}/lock`), Deno.errors.NotFound);
  const lock = await lockDataDir(dir.path);
  assert.ok(lock.ok);
  assert.match(await whoLocks(dir.path) ?? "", new RegExp(`^Cannot lock .*/lock: process ${Deno.pid} holds it$`));
  await lock.value[Symbol.asyncDispose]();
  assert.equal(await whoLocks(dir.path), null);
  const again = await lockDataDir(dir.path);
  assert.ok(again.ok);
  await again.value[Symbol.asyncDispose]();
});
