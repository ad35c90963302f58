import assert from "node:assert/strict";
import { countRepairs, repairHello, repairPath } from "../../src/smtp/repair.ts";

Deno.test("repairPath() makes a path of what devices write, and leaves what is one or cannot be one", () => {
  assert.deepEqual(repairPath("<a@b.example> SIZE=1"), { text: "<a@b.example> SIZE=1", repairs: [] });
  assert.deepEqual(repairPath("<>"), { text: "<>", repairs: [] });
  assert.deepEqual(repairPath("  <a@b.example>"), { text: "<a@b.example>", repairs: ["path-space"] });
  assert.deepEqual(repairPath("a@b.example SIZE=1"), { text: "<a@b.example> SIZE=1", repairs: ["path-brackets"] });
  assert.deepEqual(repairPath(" a@b.example"), { text: "<a@b.example>", repairs: ["path-space", "path-brackets"] });
  assert.deepEqual(repairPath("A <a@b.example>").repairs, ["path-brackets"]);
  assert.deepEqual(repairPath("a<a@b.example>"), { text: "a<a@b.example>", repairs: [] });
  assert.deepEqual(repairPath(""), { text: "", repairs: [] });
});

Deno.test("repairHello() reads a greeting in any octets, and nothing else", () => {
  const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
  assert.equal(repairHello(octets("EHLO Scann\xe9r")), "EHLO Scann\xe9r");
  assert.equal(repairHello(octets("MAIL FROM:<\xe9@b.example>")), null);
  assert.deepEqual([...countRepairs(new Map([["bare-lf", 2]]), ["bare-lf", "hello-name"])], [["bare-lf", 3], [
    "hello-name",
    1,
  ]]);
});
