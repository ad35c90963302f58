import { deepEqual, equal, ok } from "node:assert/strict";
import { loadProcessKey } from "../../src/auth/process_key.ts";
import { temporaryFolder } from "../accounts/lib.ts";

Deno.test("loadProcessKey makes a key once, for our eyes only", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/key`;
  const [first, second] = [loadProcessKey(file), loadProcessKey(file)];
  ok(first.ok && second.ok);
  deepEqual(first.value, second.value);
  equal(first.value.length, 32);
  equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["key"]);
});

Deno.test("loadProcessKey refuses a file of another length and a folder that is not there", () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/short`, "abc");
  equal(loadProcessKey(`${folder.path}/short`).ok, false);
  equal(Deno.readTextFileSync(`${folder.path}/short`), "abc");
  equal(loadProcessKey(`${folder.path}/missing/key`).ok, false);
});
