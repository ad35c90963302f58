import assert from "node:assert/strict";
import { configured, greeting, queued, REPLIES } from "../../src/smtp/replies.ts";
import { formatReply, type Reply, reply, withId } from "../../src/smtp/reply.ts";

const MADE: readonly (readonly [string, Reply])[] = [
  ...Object.entries(REPLIES),
  ["queued", queued("0123456789abcdef")],
  ["greeting", greeting("mail.foobar.co.jp")],
];

for (const [name, made] of MADE) {
  Deno.test(`reply ${name} has the form of RFC 5321 section 4.2 and an enhanced code of its class`, () => {
    const { code, enhanced } = made;
    const text = formatReply(withId(made, "0123456789abcdef.1000"));
    assert.match(text, /^(?:[2-5]\d\d[ -][\x20-\x7e]+\r\n)+$/);
    for (const line of text.split("\r\n")) assert.ok(line.length <= 510, line);
    // RFC 2034 section 4: 2xx, 4xx and 5xx have one, all but the greeting; 3xx never.
    assert.equal(enhanced === null, (code >= 300 && code < 400) || name === "greeting");
    if (enhanced !== null) {
      assert.match(enhanced, /^[245]\.\d{1,3}\.\d{1,3}$/);
      assert.equal(enhanced[0], String(code)[0]);
    }
    for (const line of made.lines) assert.doesNotMatch(line, /n't\b|[.!]$|\s$/, "no contraction, no full stop");
  });
}

Deno.test("codes are those that the RFCs name", () => {
  const codes: readonly (readonly [Reply, number, string])[] = [
    // RFC 4954 section 4 and 6
    [REPLIES.authSucceeded, 235, "2.7.0"],
    [REPLIES.authRejected, 535, "5.7.8"],
    [REPLIES.authTooWeak, 534, "5.7.9"],
    [REPLIES.authUnavailable, 454, "4.7.0"],
    [REPLIES.authRequired, 530, "5.7.0"],
    [REPLIES.authNotBase64, 501, "5.5.2"],
    [REPLIES.authNoInitial, 501, "5.7.0"],
    [REPLIES.authLineTooLong, 500, "5.5.6"],
    [REPLIES.mechanismUnknown, 504, "5.5.4"],
    // RFC 3207 section 4
    [REPLIES.tlsRequired, 530, "5.7.0"],
    [REPLIES.readyForTls, 220, "2.0.0"],
    // RFC 5321 section 4.5.3.1.10, RFC 1870 section 6, RFC 6531 section 3.5
    [REPLIES.tooManyRecipients, 452, "4.5.3"],
    [REPLIES.tooLarge, 552, "5.3.4"],
    [REPLIES.noSpace, 452, "4.3.1"],
    [REPLIES.needsSmtputf8, 553, "5.6.7"],
  ];
  for (const [{ code, enhanced }, expected, expectedEnhanced] of codes) {
    assert.deepEqual([code, enhanced], [expected, expectedEnhanced]);
  }
});

Deno.test("reply() refuses what would split a reply, or a class that differs", () => {
  assert.throws(() => reply(250, "2.0.0", "OK\r\n250 more"), RangeError);
  assert.throws(() => reply(250, "2.0.0", "first", "second\n"), RangeError);
  assert.throws(() => reply(250, "2.0.0", "名前"), RangeError);
  assert.throws(() => reply(250, "2.0.0", "\0"), RangeError);
  assert.throws(() => reply(250, "5.0.0", "OK"), RangeError);
});

Deno.test("formatReply() puts code and enhanced code on each line", () => {
  assert.equal(formatReply(reply(250, "2.0.0", "OK")), "250 2.0.0 OK\r\n");
  assert.equal(formatReply(reply(214, "2.0.0", "a", "b", "c")), "214-2.0.0 a\r\n214-2.0.0 b\r\n214 2.0.0 c\r\n");
  assert.equal(formatReply(reply(334, null, "")), "334 \r\n");
  assert.equal(formatReply(reply(250, null, "host", "HELP")), "250-host\r\n250 HELP\r\n");
});

Deno.test("withId() adds to the last line alone", () => {
  assert.equal(formatReply(withId(reply(500, "5.5.1", "no"), "s.1")), "500 5.5.1 no (s.1)\r\n");
  assert.equal(
    formatReply(withId(reply(500, "5.5.1", "a", "b", "c"), "s.2")),
    "500-5.5.1 a\r\n500-5.5.1 b\r\n500 5.5.1 c (s.2)\r\n",
  );
});

Deno.test("configured() takes an administrator's words, and only as a refusal", () => {
  const made = configured(550, "5.7.1", "No mail\r\n250 from 名前");
  assert.ok(made !== null);
  assert.equal(formatReply(made), "550 5.7.1 No mail??250 from ??\r\n");
  const long = configured(450, "4.7.1", "x".repeat(1000));
  assert.ok(long !== null && formatReply(withId(long, "0123456789abcdef.1000")).length <= 512);
  for (const code of [250, 354, 399, 600, 5500, 550.5, NaN]) {
    assert.equal(configured(code, "5.7.1", "x"), null, `${code}`);
  }
  assert.equal(configured(550, "4.7.1", "x"), null, "another class");
  assert.equal(configured(450, "5.7.1", "x"), null, "another class");
});
