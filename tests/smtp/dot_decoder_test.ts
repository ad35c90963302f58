import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, latin1, utf8 } from "../../src/lib/octets.ts";
import { ChunkChecker, type ContentProblem, DotDecoder } from "../../src/smtp/dot_decoder.ts";
import { DotEncoder } from "../../src/smtp/dot_encoder.ts";

interface Decoded {
  readonly content: string;
  readonly problem: ContentProblem | null;
  readonly ended: boolean;
  /** What was not taken: the client's next lines. */
  readonly rest: string;
}

function decode(pieces: readonly Uint8Array[]): Decoded {
  const decoder = new DotDecoder();
  const emitted: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    const taken = decoder.ended ? 0 : decoder.decode(piece, (octets) => emitted.push(octets.slice()));
    rest.push(piece.subarray(taken));
  }
  const { problem, ended } = decoder;
  return { content: latin1(concat(...emitted)), problem, ended, rest: latin1(concat(...rest)) };
}

function check(pieces: readonly Uint8Array[]): ContentProblem | null {
  const checker = new ChunkChecker();
  for (const piece of pieces) checker.check(piece);
  checker.finish();
  return checker.problem;
}

/** The first thing that content must not have. A CR is bare unless an LF follows; at the very end that is not known yet. */
function problemIn(text: string, { whole }: { readonly whole: boolean }): ContentProblem | null {
  const match = (whole ? /\r(?!\n)|(?<!\r)\n|\0/ : /\r(?=[^\n])|(?<!\r)\n|\0/).exec(text)?.[0];
  return match === undefined ? null : match === "\r" ? "bare-cr" : match === "\n" ? "bare-lf" : "nul";
}

/** RFC 5321 section 4.5.2 in four lines: content ends at the first CRLF.CRLF, counting the CRLF of DATA itself. */
function oracle(text: string): Decoded {
  const end = `\r\n${text}`.indexOf("\r\n.\r\n");
  const ended = end >= 0;
  const raw = ended ? text.slice(0, end) : text;
  const content = `\r\n${raw}`.replaceAll("\r\n.", "\r\n").slice(2);
  return { content, problem: problemIn(raw, { whole: ended }), ended, rest: ended ? text.slice(end + 3) : "" };
}

const INPUTS = fc.array(fc.constantFrom(...utf8("\r\n.a\0")), { maxLength: 30 });
/** Longer runs of what nearly ends content are seldom drawn octet by octet. */
const NEARLY_ENDS = fc.array(fc.constantFrom("\r\n", ".", "\r\n.\r\n", "\r", "\n", "a", "..", "\0", "\r\n."), {
  maxLength: 14,
})
  .map((parts) => [...utf8(parts.join(""))]);
const CUTS = fc.array(fc.nat(40), { maxLength: 8 });

function cut(octets: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.toSorted((a, b) => a - b), octets.length];
  return places.slice(1).map((to, index) => octets.subarray(places[index], to));
}

Deno.test("DotDecoder ends content at CRLF.CRLF and nowhere else", () => {
  const cases: readonly (readonly [string, string, ContentProblem | null, string | null])[] = [
    [".\r\n", "", null, ""],
    ["a\r\n.\r\nQUIT\r\n", "a\r\n", null, "QUIT\r\n"],
    ["..\r\n.\r\n", ".\r\n", null, ""],
    ["...a\r\n.\r\n", "..a\r\n", null, ""],
    [".a\r\n.\r\n", "a\r\n", null, ""],
    ["a.\r\n.\r\n", "a.\r\n", null, ""],
    ["\r\n.\r\n", "\r\n", null, ""],
    ["a\n.\r\n", "a\n.\r\n", "bare-lf", null],
    ["a\n.\n", "a\n.\n", "bare-lf", null],
    ["a\r\n.\n", "a\r\n\n", "bare-lf", null],
    ["a\r.\r\n", "a\r.\r\n", "bare-cr", null],
    ["a\r.\r", "a\r.\r", "bare-cr", null],
    ["a\r\r\n.\r\n", "a\r\r\n", "bare-cr", ""],
    ["\0\n", "\0\n", "nul", null],
    ["\n\0", "\n\0", "bare-lf", null],
    ["a\0\r\n.\r\n\0", "a\0\r\n", "nul", "\0"],
    ["a\r\n", "a\r\n", null, null],
  ];
  for (const [input, content, problem, rest] of cases) {
    const decoded = decode([utf8(input)]);
    assert.deepEqual(decoded, { content, problem, ended: rest !== null, rest: rest ?? "" }, JSON.stringify(input));
  }
});

Deno.test("DotDecoder drops what a bare CR made of a dot, and finds the end after it all the same", () => {
  const decoded = decode([utf8(".\rx\r\n.\r\nrest")]);
  assert.deepEqual([decoded.problem, decoded.ended, decoded.rest], ["bare-cr", true, "rest"]);
});

Deno.test("DotDecoder agrees with an oracle that looks for CRLF.CRLF", () => {
  fc.assert(
    fc.property(fc.oneof(INPUTS, NEARLY_ENDS), (input) => {
      const octets = Uint8Array.from(input);
      const { content, ...rest } = decode([octets]);
      const expected = oracle(latin1(octets));
      assert.deepEqual(rest, { problem: expected.problem, ended: expected.ended, rest: expected.rest });
      // Content with a problem is thrown away, and what came of a half-read line end is not content yet.
      if (expected.problem === null && expected.ended) assert.equal(content, expected.content);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("DotDecoder gives the same for any chunking", () => {
  fc.assert(
    fc.property(fc.oneof(INPUTS, NEARLY_ENDS), CUTS, (input, cuts) => {
      const octets = Uint8Array.from(input);
      assert.deepEqual(decode(cut(octets, cuts)), decode([octets]));
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("DotDecoder gives back what DotEncoder was given", () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom(".", "a", "é"), maxLength: 5 }), { maxLength: 6 });
  fc.assert(fc.property(lines, CUTS, CUTS, (texts, cuts, otherCuts) => {
    const content = utf8(texts.map((text) => `${text}\r\n`).join(""));
    const encoder = new DotEncoder();
    const encoded = [...cut(content, cuts).map((piece) => encoder.push(piece)), encoder.finish()];
    const octets = concat(...encoded.map((piece) => piece ?? assert.fail("not encoded")));
    const decoded = decode(cut(octets, otherCuts));
    assert.deepEqual(decoded, { content: latin1(content), problem: null, ended: true, rest: "" });
  }));
});

Deno.test("ChunkChecker names the first problem, for any chunking", () => {
  fc.assert(
    fc.property(fc.oneof(INPUTS, NEARLY_ENDS), CUTS, (input, cuts) => {
      const octets = Uint8Array.from(input);
      assert.equal(check(cut(octets, cuts)), problemIn(latin1(octets), { whole: true }));
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("ChunkChecker takes a CR at the end of a chunk for bare only when no LF follows", () => {
  const checker = new ChunkChecker();
  checker.check(utf8("a\r"));
  assert.equal(checker.problem, null);
  checker.check(utf8(""));
  checker.check(utf8("\n"));
  assert.equal(checker.problem, null);
  checker.check(utf8("\r"));
  checker.finish();
  assert.equal(checker.problem, "bare-cr");
});
