import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, latin1, utf8 } from "../../src/lib/octets.ts";
import {
  countFields,
  hasField,
  HEADER_LIMIT_OCTETS,
  HeaderReader,
  type HeaderSplit,
  splitFields,
} from "../../src/message/header.ts";

function split(content: string, cut = content.length): { readonly header: string; readonly rest: string } {
  const octets = utf8(content);
  const reader = new HeaderReader();
  let found: HeaderSplit | null = reader.push(octets.subarray(0, cut));
  let read = Math.min(cut, octets.length);
  while (found === null && read < octets.length) found = reader.push(octets.subarray(read, ++read));
  const { header, rest } = found ?? reader.finish();
  return { header: latin1(header), rest: latin1(concat(rest, octets.subarray(read))) };
}

const CASES: readonly (readonly [name: string, content: string, header: string, rest: string])[] = [
  ["fields and a body", "A: 1\r\nB: 2\r\n\r\nbody\r\n", "A: 1\r\nB: 2\r\n", "\r\nbody\r\n"],
  ["folded fields", "A: 1\r\n 2\r\n\t3\r\n\r\nbody\r\n", "A: 1\r\n 2\r\n\t3\r\n", "\r\nbody\r\n"],
  ["no header section but its empty line", "\r\nbody\r\n", "", "\r\nbody\r\n"],
  ["no header section at all: the empty line is put in", "Hello\r\nyou\r\n", "", "\r\nHello\r\nyou\r\n"],
  ["a colon in a first line that is no field", "Hello you: there\r\n", "", "\r\nHello you: there\r\n"],
  ["a first line that continues nothing", " A: 1\r\n\r\n", "", "\r\n A: 1\r\n\r\n"],
  ["a line of text behind fields", "A: 1\r\nHello\r\n", "A: 1\r\n", "\r\nHello\r\n"],
  ["an mbox line on top", "From shin Mon Oct 1\r\nA: 1\r\n\r\n", "", "\r\nFrom shin Mon Oct 1\r\nA: 1\r\n\r\n"],
  ["a blank before the colon (RFC 5322 section 4.5)", "A : 1\r\n\r\nx", "A : 1\r\n", "\r\nx"],
  ["fields alone, without an empty line", "A: 1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n", ""],
  ["a last field without CRLF", "A: 1\r\nB: 2", "A: 1\r\nB: 2\r\n", ""],
  ["a last line without CRLF that is no field", "A: 1\r\nHello", "A: 1\r\n", "\r\nHello"],
  ["nothing", "", "", ""],
  ["a bare LF ends no line", "A: 1\nB: 2\r\n\r\nx", "A: 1\nB: 2\r\n", "\r\nx"],
];

for (const [name, content, header, rest] of CASES) {
  Deno.test(`HeaderReader splits ${name}`, () => {
    for (let cut = 0; cut <= content.length; cut++) assert.deepEqual(split(content, cut), { header, rest });
  });
}

Deno.test("HeaderReader changes no octet of content with a header section, wherever it is cut", () => {
  const line = fc.constantFrom("A: b", "Subject: x", " folded", "", "text", ".", "Received: y");
  fc.assert(fc.property(fc.array(line), fc.nat(80), (lines, cut) => {
    const content = ["First: 1", ...lines, ""].join("\r\n");
    const { header, rest } = split(content, cut);
    assert.ok(header + rest === content || header + rest.replace("\r\n", "") === content);
    assert.equal(splitFields(utf8(header)).map(({ raw }) => latin1(raw)).join(""), header);
  }));
});

Deno.test("HeaderReader lets a header section without end pass", () => {
  const reader = new HeaderReader();
  const block = utf8(`X: ${"x".repeat(60_000)}\r\n`);
  let pushed = 0;
  let found: HeaderSplit | null = null;
  while (found === null) {
    found = reader.push(concat(block.subarray(0, block.length - 2)));
    pushed += block.length - 2;
    assert.ok(pushed < HEADER_LIMIT_OCTETS * 2);
  }
  assert.equal(found.header.length + found.rest.length, pushed);
});

Deno.test("splitFields names fields in lower case and keeps their octets", () => {
  const raw = "Received: a\r\n\tb\r\nSUBJECT : \u00e9\r\nreceived: c\r\n";
  const fields = splitFields(utf8(raw));
  assert.deepEqual(fields.map(({ name }) => name), ["received", "subject", "received"]);
  assert.deepEqual(concat(...fields.map((field) => field.raw)), utf8(raw));
  assert.equal(countFields(fields, "received"), 2);
  assert.equal(hasField(fields, "date"), false);
});
