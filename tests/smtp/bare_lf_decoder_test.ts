import assert from "node:assert/strict";
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
