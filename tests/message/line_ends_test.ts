import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, latin1, utf8 } from "../../src/lib/octets.ts";
import { LineEnds } from "../../src/message/line_ends.ts";

function normalize(pieces: readonly Uint8Array[]): Uint8Array {
  const ends = new LineEnds();
  return concat(...pieces.map((piece) => ends.push(piece)), ends.finish());
}

Deno.test("LineEnds: LF and CRLF end lines, a bare CR is a space, a NUL goes, the last line gets its end", () => {
  const cases = [
    ["", ""],
    ["a\nb\n", "a\r\nb\r\n"],
    ["a\r\nb", "a\r\nb\r\n"],
    ["\n\n", "\r\n\r\n"],
    ["a\rb\n", "a b\r\n"],
    ["a\r\r\nb\r", "a \r\nb \r\n"],
    ["10%\r20%\r100%\n", "10% 20% 100%\r\n"],
    ["Subject: x\rBcc: evil@x.org\n", "Subject: x Bcc: evil@x.org\r\n"],
    ["a\0b\0\n\0", "ab\r\n"],
    [".\r.\n.", ". .\r\n.\r\n"],
  ] as const;
  for (const [given, expected] of cases) {
    assert.equal(latin1(normalize([utf8(given)])), expected, JSON.stringify(given));
  }
});

Deno.test("LineEnds: a line of 998 octets stays, a longer one is broken before a character", () => {
  const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
  const full = "x".repeat(998);
  assert.equal(text(normalize([utf8(`${full}\n`)])), `${full}\r\n`);
  assert.equal(text(normalize([utf8(`${full}y\n`)])), `${full}\r\n y\r\n`);
  assert.equal(text(normalize([utf8(`${full}\r\n`)])), `${full}\r\n`);
  // 997 octets and a character of three: it goes to the next line whole.
  assert.equal(text(normalize([utf8(`${"x".repeat(997)}山\n`)])), `${"x".repeat(997)}\r\n 山\r\n`);
  assert.equal(text(normalize([utf8(`${"x".repeat(995)}山\n`)])), `${"x".repeat(995)}山\r\n`);
  const long = text(normalize([utf8("山".repeat(5000))]));
  assert.equal(long.replaceAll("\r\n ", ""), `${"山".repeat(5000)}\r\n`);
});

Deno.test("LineEnds: any octets in pieces of any size give the same, which SMTP takes as it is", () => {
  const octet = fc.oneof(fc.constantFrom(0, 10, 13, 46, 0xe5, 0x80, 0xbf), fc.integer({ min: 0, max: 255 }));
  const run = fc.tuple(octet, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1500 })))
    .map(([value, count]) => new Uint8Array(count).fill(value));
  const content = fc.array(run, { maxLength: 30 }).map((runs) => concat(...runs));
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(content, cuts, (octets, sizes) => {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < octets.length;) {
        const size = sizes[pieces.length % sizes.length] ?? 1;
        pieces.push(octets.subarray(at, at + size));
        at += size;
      }
      const whole = normalize([octets]);
      assert.deepEqual(normalize(pieces), whole);
      const text = latin1(whole);
      assert.ok(text === "" || text.endsWith("\r\n"));
      for (const line of text.split("\r\n")) {
        assert.doesNotMatch(line, /[\r\n\0]/);
        assert.ok(line.length <= 998);
      }
      // What is SMTP's already does not change.
      assert.deepEqual(normalize([whole]), whole);
    }),
  );
});
