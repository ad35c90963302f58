import assert from "node:assert/strict";
import fc from "fast-check";
import { BareLfDecoder } from "../../src/smtp/bare_lf_decoder.ts";
import { latin1 } from "../../src/lib/octets.ts";

/** What comes out of pieces of this size, and what is left of the input. */
function decode(
  text: string,
  size: number,
): { content: string; rest: string; repaired: number; problem: string | null } {
  const octets = new TextEncoder().encode(text);
  const decoder = new BareLfDecoder();
  let [content, at] = ["", 0];
  while (at < octets.length && !decoder.ended) {
    at += decoder.decode(octets.subarray(at, Math.min(octets.length, at + size)), (piece) => content += latin1(piece));
  }
  return { content, rest: latin1(octets.subarray(at)), repaired: decoder.repaired, problem: decoder.problem };
}

Deno.test("BareLfDecoder gives CRLF for LF, ends at a dot of its own line and leaves the next command, for any chunking", () => {
  for (const size of [1, 2, 3, 7, 100]) {
    assert.deepEqual(decode("a\n..b\r\n\n.\nNOOP\n", size), {
      ...{ content: "a\r\n.b\r\n\r\n", rest: "NOOP\n", repaired: 3, problem: null },
    }, String(size));
    assert.deepEqual(decode("a\r\n.\r\nQUIT\r\n", size), {
      ...{ content: "a\r\n", rest: "QUIT\r\n", repaired: 0, problem: null },
    }, String(size));
    assert.equal(decode("a\rb\n.\n", size).problem, "bare-cr");
  }
});

Deno.test("what BareLfDecoder gives, takes and counts does not depend on where the octets are cut", () => {
  const piece = fc.constantFrom("\n", "\r\n", ".", "..", "a", "\r", "\n.\n", "\r\n.\r\n", "\0", "日");
  const property = fc.property(
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join("")),
    fc.integer({ min: 1, max: 9 }),
    (text, size) => {
      const ended = `${text}\n.\nNOOP\n`;
      const whole = decode(ended, ended.length * 4);
      assert.deepEqual(decode(ended, size), whole);
      if (whole.problem === null) assert.doesNotMatch(whole.content, /(?<!\r)\n|\r(?!\n)/);
      // The same with its line ends right is what a strict client would have sent.
      const strict = decode(ended.replaceAll(/(?<!\r)\n/g, "\r\n"), size);
      assert.deepEqual([whole.content, whole.problem, strict.repaired], [strict.content, strict.problem, 0]);
      const octets = latin1(new TextEncoder().encode(ended));
      const used = octets.slice(0, octets.length - whole.rest.length);
      assert.equal(whole.repaired, [...used.matchAll(/(?<!\r)\n/g)].length);
    },
  );
  fc.assert(property, { numRuns: 2000 });
});
