import { equal } from "node:assert/strict";
import { whyUnreadable } from "../src/lib/file_error.ts";

Deno.test("whyUnreadable() has words for the errors of the system, and takes those of others as they are", async () => {
  const reasonOf = (path: string) => Deno.readTextFile(path).then(() => "", whyUnreadable);
  const folder = await Deno.makeTempDir();
  try {
    equal(await reasonOf(`${folder}/nothing`), "there is no such file");
    equal(await reasonOf(folder), "it is a folder");
  } finally {
    await Deno.remove(folder);
  }
  equal(whyUnreadable(new Deno.errors.PermissionDenied("os error 13")), "permission denied");
  equal(whyUnreadable(new RangeError("too far")), "too far");
  equal(whyUnreadable("nonsense"), "it cannot be read");
});
