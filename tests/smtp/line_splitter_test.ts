import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { splitLine } from "../../src/smtp/line_splitter.ts";

const LIMIT = 8;

/** What comes of a whole input: lines as they are, bad ones by their reason. */
function splitAll(input: string): readonly string[] {
  return splitPieces([utf8(input)]);
}

/** The same as a transport does it, that adds to its buffer and remembers how far it has looked. */
function splitPieces(pieces: readonly Uint8Array[]): readonly string[] {
  const found: string[] = [];
  let buffer = new Uint8Array();
  let from = 0;
  for (const piece of pieces) {
    // A transport's buffer is larger than what is in it: what lies behind must not matter.
    const end = buffer.length + piece.length;
    const octets = new Uint8Array([...buffer, ...piece, 0x0d, 0x0a, 0x00]);
    let start = 0;
    for (;;) {
      const line = splitLine(octets, { start, from, end }, LIMIT);
      if (line.kind === "more") break;
      found.push(line.kind === "bad" ? line.why : `line ${latin1(octets.subarray(start, line.end))}`);
      start = from = line.next;
    }
    buffer = octets.slice(start, end);
    from = buffer.length;
  }
  return found;
}

Deno.test("splitLine() takes CRLF for the end of a line and nothing else", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["NOOP\r\n", ["line NOOP"]],
    ["\r\n", ["line "]],
    ["a\r\nb\r\n", ["line a", "line b"]],
    ["a", []],
    ["a\r", []],
    ["a\n", ["bare-lf"]],
    ["\n", ["bare-lf"]],
    ["a\nb\r\n", ["bare-lf", "line b"]],
    ["a\rb\r\n", ["bare-cr"]],
    ["a\r\r\n", ["bare-cr"]],
    ["a\rb\n", ["bare-cr"]],
    ["a\0\r\n", ["nul"]],
    ["a\0\n", ["bare-lf"]],
    ["a\r\nb\0\r\nc\r\n", ["line a", "nul", "line c"]],
    ["12345678\r\n", ["line 12345678"]],
    ["123456789\r\n", ["too-long"]],
    ["123456789\n", ["bare-lf"]],
    ["1234567890\n", ["too-long"]],
    ["123456789\0\r\r\r\na\r\n", ["too-long", "line a"]],
  ];
  for (const [input, expected] of cases) assert.deepEqual(splitAll(input), expected, JSON.stringify(input));
});

const INPUTS = fc.array(fc.constantFrom(...utf8("\r\n\0ab")), { maxLength: 40 });

Deno.test("splitLine() gives the same for any chunking", () => {
  fc.assert(
    fc.property(INPUTS, fc.array(fc.nat(40), { maxLength: 8 }), (input, cuts) => {
      const octets = Uint8Array.from(input);
      const places = [...cuts, 0, octets.length].sort((a, b) => a - b);
      const pieces = places.slice(1).map((to, index) => octets.subarray(places[index], to));
      assert.deepEqual(splitPieces(pieces), splitPieces([octets]));
    }),
    { numRuns: 500 },
  );
});

Deno.test("splitLine() agrees with an oracle of regular expressions", () => {
  fc.assert(
    fc.property(INPUTS, (input) => {
      const text = latin1(Uint8Array.from(input));
      const expected = (text.match(/[^\n]*\n/g) ?? []).map((line) => {
        if (line.length > LIMIT + 2) return "too-long";
        if (!line.includes("\r")) return "bare-lf";
        if (!/^[^\r]*\r\n$/.test(line)) return "bare-cr";
        return line.includes("\0") ? "nul" : `line ${line.slice(0, -2)}`;
      });
      assert.deepEqual(splitPieces([Uint8Array.from(input)]), expected);
    }),
    { numRuns: 1_000 },
  );
});
