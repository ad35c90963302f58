import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import type { OwnAddresses } from "../../src/policy/sender.ts";
import { judgeSenderFields, rewriteSenderFields } from "../../src/policy/sender_fields.ts";
import { Random } from "../lib/random.ts";

const OWN: OwnAddresses = {
  primary: "me@a.example",
  written: ["me@a.example"],
  namesake: () => null,
  allows: (address) => ["me@a.example", "also@a.example", "me"].includes(address.toLowerCase()),
};

const judge = (...lines: readonly string[]) =>
  judgeSenderFields(utf8(lines.map((line) => `${line}\r\n`).join("")), OWN);
const rewrite = (...lines: readonly string[]) =>
  latin1(rewriteSenderFields(utf8(lines.map((line) => `${line}\r\n`).join("")), OWN));

Deno.test("fields with the account's own addresses pass, however they are written", () => {
  for (
    const lines of [
      ["From: me@a.example"],
      ["FROM : ME@A.example"],
      ["From:Me <me@a.example>"],
      ['From: "you@b.example" <me@a.example>'],
      ["From: =?utf-8?B?eW91QGIuZXhhbXBsZQ==?= <me@a.example>"],
      ["From: me@a.example (you@b.example)"],
      ["From: Me\r\n <me@\r\n a.example>"],
      ["From: me"],
      ["From: us: me@a.example, also@a.example;"],
      ["From: me@a.example, also@a.example"],
      ["From: you@b.example, me@a.example", "Sender: me@a.example"],
      ["Subject: no author"],
      ["From: Me@A.example <me@a.example>"],
      ["From: me@a.example (you@b.example (and more)), also@a.example"],
      ["From: =?utf-8?Q?you@b.example?= <me@a.example>"],
      ["From: \x1b$B<@,@\x1b(B <me@a.example>"],
      ["From: me@a.example", "Reply-To: you@b.example", "To: you@b.example"],
      ["From: me@a.example", "Resent-From: also@a.example", "Resent-From: me@a.example"],
    ]
  ) assert.deepEqual(judge(...lines), { kind: "own" }, lines.join());
});

Deno.test("one address of somebody else is found, and its field named", () => {
  for (
    const [field, ...lines] of [
      ["From", "From: you@b.example"],
      ["From", "From: me@a.example <you@b.example>"],
      ["From", "From: (me@a.example) you@b.example"],
      ["From", 'From: "me@a.example" <you@b.example>'],
      ["From", "From: us: me@a.example, you@b.example;"],
      ["From", "From: you@b.example", "Sender: me@a.example"],
      ["From", "From: me@a.example, you@b.example"],
      ["From", "From: me@a.example, you@b.example", "Sender: you@b.example"],
      ["From", "From: you@b.example, <you@b.example>", "Sender: me@a.example"],
      ["From", "From: you@\r\n b.example"],
      ["From", "from\t: you@b.example"],
      ["Sender", "From: me@a.example", "Sender: you@b.example"],
      ["Resent-From", "From: me@a.example", "Resent-From: you@b.example"],
      ["Resent-Sender", "From: me@a.example", "Resent-Sender: you@b.example"],
    ] as const
  ) {
    const finding = judge(...lines);
    assert.equal(finding.kind, "foreign", lines.join());
    if (finding.kind === "foreign") assert.deepEqual([finding.field, finding.address], [field, "you@b.example"]);
  }
});

Deno.test("what mail clients read in several ways is unclear", () => {
  for (
    const lines of [
      ["From: me@a.example", "From: you@b.example"],
      ["From: me@a.example", "From: me@a.example"],
      ["From: me@a.example <you@b.example"],
      ["From: Scanner Office 3"],
      ["From: me@a.example you@b.example"],
      ["From: undisclosed:;"],
      ["From: you@b.example <me@a.example>"],
      ["From: you@b.example: me@a.example;"],
      ["From: you@b.example:;, me@a.example"],
      ["From: <@b.example,@c.example:me@a.example>"],
      ["From: 鳥@b.example <me@a.example>"],
      ["From: me@a.example", "Sender: you@b.example <me@a.example>"],
      ["From:"],
      ["From: me@a.example", "Sender: me@a.example", "Sender: me@a.example"],
    ]
  ) assert.equal(judge(...lines).kind, "unclear", lines.join());
});

Deno.test("a name in Shift_JIS whose octets look like an @ is a name, an address beside it is not", () => {
  const field = (before: readonly number[], after: string) =>
    judgeSenderFields(Uint8Array.from([...utf8("From: "), ...before, ...utf8(after)]), OWN).kind;
  assert.equal(field([0x83, 0x40, 0x83, 0x5c], " <me@a.example>\r\n"), "own");
  assert.equal(field([0x83, 0x40, 0x83, 0x5c], " you@b.example <me@a.example>\r\n"), "unclear");
});

Deno.test("a long field is read once over, not once for each of its characters", () => {
  for (const piece of ["(", "a", '"', "<", "[", "=?", "a@"]) {
    const closing = piece === "(" ? ")".repeat(100_000) : "";
    assert.notEqual(judge(`From: ${piece.repeat(100_000)}${closing} <me@a.example>`).kind, "foreign");
  }
});

Deno.test("rewriting puts the primary address in the place of others, names stay, and the result is own", () => {
  assert.equal(rewrite("From: You <you@b.example>", "Subject: x"), "From: You <me@a.example>\r\nSubject: x\r\n");
  assert.equal(
    rewrite("Subject: x", "From: Scanner 3", "To: a@b.c"),
    "Subject: x\r\nFrom: me@a.example\r\nTo: a@b.c\r\n",
  );
  assert.equal(rewrite("From: you@b.example", "X: y", "From: me@a.example"), "From: me@a.example\r\nX: y\r\n");
  assert.equal(
    rewrite("From: also@a.example", "Sender: Y <you@b.example>"),
    "From: also@a.example\r\nSender: Y <me@a.example>\r\n",
  );
});

Deno.test("whatever the fields are, what is rewritten passes, and what passes is not rewritten", () => {
  const random = new Random(20261124);
  const pieces = [
    "me@a.example",
    "you@b.example",
    "<",
    ">",
    ",",
    ";",
    ":",
    '"',
    "(",
    ")",
    " ",
    "Name",
    "=?utf-8?Q?x?=",
    "\r\n ",
    "@",
    "\\",
    "\u001b$B<@",
    "鳥",
  ];
  const names = ["From", "Sender", "Resent-From", "Subject", "from "];
  for (let round = 0; round < 3_000; round++) {
    const header = utf8(
      Array.from(
        { length: random.below(4) },
        () =>
          `${random.pick(names)}:${Array.from({ length: random.below(7) }, () => random.pick(pieces)).join("")}\r\n`,
      ).join(""),
    );
    const rewritten = rewriteSenderFields(header, OWN);
    assert.equal(judgeSenderFields(rewritten, OWN).kind, "own", latin1(header));
    if (judgeSenderFields(header, OWN).kind === "own") assert.deepEqual(rewritten, header);
  }
});
