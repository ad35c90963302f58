import assert from "node:assert/strict";
import fc from "fast-check";
import { domainOf, formatMailbox, isDotString, type Mailbox, parseMailbox, parsePath } from "../../src/smtp/path.ts";

/** A path and the mailbox in it, as `local` and `domain`. */
const MAILBOXES: readonly (readonly [string, string, string | null])[] = [
  ["<a@example.com>", "a", "example.com"],
  ["<A.B+tag@Example.COM>", "A.B+tag", "Example.COM"],
  ["<!#$%&'*+-/=?^_`{|}~@example.com>", "!#$%&'*+-/=?^_`{|}~", "example.com"],
  ["<postmaster>", "postmaster", null],
  ["<Postmaster@example.com>", "Postmaster", "example.com"],
  // What Japanese mobile carriers gave out, against RFC 5321.
  ["<a..b@example.com>", "a..b", "example.com"],
  ["<.a@example.com>", ".a", "example.com"],
  ["<a.@example.com>", "a.", "example.com"],
  ['<"a b"@example.com>', "a b", "example.com"],
  ['<"a@b"@example.com>', "a@b", "example.com"],
  ['<"a>b"@example.com>', "a>b", "example.com"],
  ['<"a<b"@example.com>', "a<b", "example.com"],
  ['<"a\\"b"@example.com>', 'a"b', "example.com"],
  ['<"a\\\\"@example.com>', "a\\", "example.com"],
  ['<"\\a"@example.com>', "a", "example.com"],
  ['<""@example.com>', "", "example.com"],
  ['<"a"@example.com>', "a", "example.com"],
  ['<"postmaster">', "postmaster", null],
  // RFC 5321 appendix F.2: a source route is read over.
  ["<@relay.example:a@example.com>", "a", "example.com"],
  ["<@one.example,@two.example:a@example.com>", "a", "example.com"],
  ['<@relay.example:"a:b"@example.com>', "a:b", "example.com"],
  ["<@relay.example:postmaster>", "postmaster", null],
  ["<a@[192.0.2.1]>", "a", "[192.0.2.1]"],
  ["<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]"],
  ["<a@[ipv6:::ffff:192.0.2.1]>", "a", "[ipv6:::ffff:192.0.2.1]"],
  ["<a@host>", "a", "host"],
  ["<a@xn--r8jz45g.jp>", "a", "xn--r8jz45g.jp"],
  ["<a@XN--R8JZ45G.jp>", "a", "XN--R8JZ45G.jp"],
  ["<名前@例え.jp>", "名前", "xn--r8jz45g.jp"],
  ["<a@例え。ＪＰ>", "a", "xn--r8jz45g.jp"],
  // The Kelvin sign is no ASCII letter, though its lower case is a k.
  ["<a@\u212aelvin.example>", "a", "kelvin.example"],
  [`<${"a".repeat(255)}@example.com>`, "a".repeat(255), "example.com"],
  [`<a@${"b".repeat(63)}.example>`, "a", `${"b".repeat(63)}.example`],
];

const SYNTAX_ERRORS = [
  "",
  " <a@example.com>",
  "a@example.com",
  "a@example.com>",
  "<a@example.com",
  "<",
  ">",
  "<a@example.com>x",
  "<a@example.com>>",
  "<a@example.com>\tSIZE=1",
  "<<a@example.com>>",
  "<a<b@example.com>",
  '<"a@example.com>',
  '<"a\\"@example.com>',
  '<a"b@example.com>',
];

const BAD_MAILBOXES = [
  "<a@@example.com>",
  "<a@b@example.com>",
  "<@example.com>",
  "<a@>",
  "<@>",
  "<a@example.com.>",
  "<a@.example.com>",
  "<a@example..com>",
  "<a@-example.com>",
  "<a@example-.com>",
  "<a@exa_mple.com>",
  "<a b@example.com>",
  "< a@example.com>",
  "<a@example.com >",
  "<a@exam ple.com>",
  "<a(comment)@example.com>",
  "<a,b@example.com>",
  "<a;b@example.com>",
  "<a:b@example.com>",
  "<a\\b@example.com>",
  "<a[b]@example.com>",
  '<"a"b@example.com>',
  '<"a"."b"@example.com>',
  '<""a""@example.com>',
  "<@relay.example:>",
  "<@one.example:@two.example:a@example.com>",
  "<@:a@example.com>",
  "<@relay.example::a@example.com>",
  "<@relay.example a@example.com>",
  "<a@[]>",
  "<a@[192.0.2.256]>",
  "<a@[192.0.2.1>",
  "<a@192.0.2.1]>",
  "<a@[2001:db8::1]>",
  "<a@[IPv6:192.0.2.1]>",
  "<a@[IPv6:fe80::1%eth0]>",
  "<a@[example.com]>",
  "<a\0b@example.com>",
  '<"a\tb"@example.com>',
  '<"a\u0085b"@example.com>',
  "<a\u2028b@example.com>",
  "<a\u3000b@example.com>",
  "<a@xn--zzzzzzzz.jp>",
  `<${"a".repeat(300)}@example.com>`,
  `<"${"a".repeat(300)}"@example.com>`,
  `<${"名".repeat(100)}@example.com>`,
  `<a@${"b".repeat(64)}.example>`,
  `<a@${"b.".repeat(150)}example>`,
];

for (const [path, local, domain] of MAILBOXES) {
  Deno.test(`parsePath() reads ${shown(path)}`, () => {
    assert.deepEqual(parsePath(path), { kind: "mailbox", mailbox: { local, domain }, rest: "" });
    const rest = " SIZE=1 X";
    assert.deepEqual(parsePath(path + rest), { kind: "mailbox", mailbox: { local, domain }, rest });
  });
}

Deno.test("parsePath() tells the null reverse-path from a mailbox", () => {
  assert.deepEqual(parsePath("<>"), { kind: "null", rest: "" });
  assert.deepEqual(parsePath("<> SIZE=1"), { kind: "null", rest: " SIZE=1" });
  assert.deepEqual(parsePath("< >"), { kind: "bad-mailbox" });
});

for (const path of SYNTAX_ERRORS) {
  Deno.test(`parsePath() finds no path in ${shown(path)}`, () => {
    assert.deepEqual(parsePath(path), { kind: "syntax" });
  });
}

for (const path of BAD_MAILBOXES) {
  Deno.test(`parsePath() finds no mailbox in ${shown(path)}`, () => {
    assert.deepEqual(parsePath(path), { kind: "bad-mailbox" });
  });
}

Deno.test("parseMailbox() takes no angle brackets", () => {
  assert.equal(parseMailbox("<a@example.com>"), null);
  assert.equal(parseMailbox("a@example.com>"), null);
  assert.equal(parseMailbox(""), null);
});

Deno.test("formatMailbox() quotes where it must and nowhere else", () => {
  assert.equal(formatMailbox({ local: "a.b", domain: "example.com" }), "a.b@example.com");
  assert.equal(formatMailbox({ local: "a b", domain: "example.com" }), '"a b"@example.com');
  assert.equal(formatMailbox({ local: 'a"\\', domain: "example.com" }), '"a\\"\\\\"@example.com');
  assert.equal(formatMailbox({ local: "", domain: "example.com" }), '""@example.com');
  assert.equal(formatMailbox({ local: "postmaster", domain: null }), "postmaster");
  assert.equal(formatMailbox({ local: "名前", domain: "xn--r8jz45g.jp" }), "名前@xn--r8jz45g.jp");
});

Deno.test("parseMailbox(formatMailbox(x)) is x", () => {
  const local = fc.string({ unit: fc.constantFrom(...'ab.@"\\<>(),:;[] %!é名\u{1f600}'), maxLength: 12 });
  const domain = fc.constantFrom(null, "example.com", "EXAMPLE.com", "xn--r8jz45g.jp", "[192.0.2.1]", "[IPv6:::1]");
  fc.assert(fc.property(fc.record({ local, domain }, { noNullPrototype: true }), (mailbox: Mailbox) => {
    const written = formatMailbox(mailbox);
    assert.deepEqual(parseMailbox(written), mailbox);
    assert.deepEqual(parsePath(`<${written}> X`), { kind: "mailbox", mailbox, rest: " X" });
  }));
});

Deno.test("parsePath() throws for no text, and gives what it can read again", () => {
  const texts = fc.string({ unit: fc.constantFrom(...'<>@:.,"\\ a\0é[]1'), maxLength: 16 });
  fc.assert(
    fc.property(texts, (text) => {
      const path = parsePath(`<${text}`);
      if (path.kind !== "mailbox") return;
      assert.match(path.mailbox.domain ?? "", /^[\x21-\x7e]*$/, "domains are A-labels");
      assert.deepEqual(parseMailbox(formatMailbox(path.mailbox)), path.mailbox);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("domainOf() takes what is behind the last @", () => {
  assert.equal(domainOf("a@example.com"), "example.com");
  assert.equal(domainOf('"a@b"@example.com'), "example.com");
  assert.equal(domainOf("postmaster"), null);
});

Deno.test("isDotString() is as strict as RFC 5321", () => {
  for (const local of ["a", "a.b", "a+b", "名前", "%!"]) assert.ok(isDotString(local), local);
  for (const local of ["", ".", "a..b", ".a", "a.", "a b", 'a"b', "a@b", "a\\b"]) assert.ok(!isDotString(local), local);
});

function shown(path: string): string {
  const text = JSON.stringify(path);
  return text.length > 50 ? `${text.slice(0, 40)}... (${path.length} characters)` : text;
}
