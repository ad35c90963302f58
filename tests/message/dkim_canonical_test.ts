import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { utf8 } from "../../src/lib/octets.ts";
import { RelaxedBodyHash, relaxField } from "../../src/message/dkim_canonical.ts";
import { Random } from "../lib/random.ts";

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function relaxedHash(...pieces: readonly string[]): string {
  const hash = new RelaxedBodyHash();
  for (const piece of pieces) hash.update(utf8(piece));
  return hash.finish();
}

Deno.test("relaxField: the example of RFC 6376 section 3.4.5", () => {
  assert.equal(relaxField(utf8("A: X\r\n")), "a:X\r\n");
  assert.equal(relaxField(utf8("B : Y\t\r\n\tZ  \r\n")), "b:Y Z\r\n");
});

Deno.test("RelaxedBodyHash: the example of RFC 6376 section 3.4.5", () => {
  assert.equal(relaxedHash(" C \r\nD \t E\r\n\r\n\r\n"), hashOf(" C\r\nD E\r\n"));
});

Deno.test("RelaxedBodyHash: an empty body is the hash that RFC 6376 section 3.4.4 gives", () => {
  for (const body of ["", "\r\n", "\r\n\r\n", " \t\r\n \r\n", "  "]) {
    assert.equal(relaxedHash(body), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", JSON.stringify(body));
  }
});

Deno.test("RelaxedBodyHash: a body in any pieces, with bare CR and LF too, is what the rules make of the whole", () => {
  const random = new Random(1);
  const parts = ["\r\n", "\r", " ", "\t", "a", "b", "\n", "\r\n", "x "];
  for (let round = 0; round < 5_000; round++) {
    const body = Array.from({ length: random.below(14) }, () => random.pick(parts)).join("");
    const pieces: string[] = [];
    for (let at = 0; at < body.length;) {
      const end = at + 1 + random.below(5);
      pieces.push(body.slice(at, end));
      at = end;
    }
    assert.equal(relaxedHash(...pieces), hashOf(relaxedByRule(body)), JSON.stringify(body));
  }
});

Deno.test("RelaxedBodyHash: very many line ends before the last line count", () => {
  const ends = "\r\n".repeat(100_000);
  assert.equal(relaxedHash("a", ends, ends, "b\r\n"), hashOf(`a${ends}${ends}b\r\n`));
});

/** As RFC 6376 section 3.4.4 puts it, on the whole. */
function relaxedByRule(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  const text = lines.join("\r\n").replace(/(?:\r\n)+$/, "");
  return text === "" ? "" : `${text}\r\n`;
}
