import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { authorsOf, formatAuthor, qualifyAddresses, recipientsOf } from "../../src/message/field_addresses.ts";

const header = (...lines: readonly string[]) => utf8(lines.map((line) => `${line}\r\n`).join(""));

Deno.test("recipientsOf() takes To, Cc and Bcc, each address once", () => {
  const found = recipientsOf(header(
    "From: me@x.org",
    "to: A <a@x.org>, root",
    "CC : b@x.org,",
    "\tgroup: c@x.org;",
    "Bcc: a@x.org, d@x.org",
    "Subject: e@x.org",
    "To: f@x.org",
  ));
  assert.deepEqual(found, {
    ok: true,
    value: ["a@x.org", "root", "b@x.org", "c@x.org", "d@x.org", "f@x.org"],
  });
});

Deno.test("recipientsOf() takes the Resent fields alone where there are some", () => {
  const found = recipientsOf(header("Resent-To: a@x.org", "Resent-Bcc: b@x.org", "To: c@x.org", "Bcc: d@x.org"));
  assert.deepEqual(found, { ok: true, value: ["a@x.org", "b@x.org"] });
  assert.deepEqual(recipientsOf(header("Resent-From: me@x.org", "To: c@x.org")), { ok: true, value: ["c@x.org"] });
});

Deno.test("recipientsOf() names the address that it cannot read", () => {
  assert.deepEqual(recipientsOf(header("To: a@x.org, John Smith")), { ok: false, problem: "John Smith" });
});

Deno.test("authorsOf() reads From, and nothing of one that cannot be read", () => {
  assert.deepEqual(authorsOf(header("From: A <a@x.org>, b", "Sender: c@x.org")), ["a@x.org", "b"]);
  assert.deepEqual(authorsOf(header("From: John Smith")), []);
});

Deno.test("qualifyAddresses() adds the domain to bare names and changes no other octet", () => {
  const before = header(
    "From: root (Cron Daemon)",
    "To: root,\r\n Shin <shin>, b@x.org",
    "Subject: root <root>",
    'Cc: "山田, 太郎" <taro>',
    "Reply-To: John Smith",
  );
  const after = header(
    "From: root@h.example (Cron Daemon)",
    "To: root@h.example,\r\n Shin <shin@h.example>, b@x.org",
    "Subject: root <root>",
    'Cc: "山田, 太郎" <taro@h.example>',
    "Reply-To: John Smith",
  );
  assert.equal(latin1(qualifyAddresses(before, "h.example")), latin1(after));
});

Deno.test("formatAuthor() writes any name so that a field can have it", () => {
  assert.equal(formatAuthor(null, "a@x.org"), "a@x.org");
  assert.equal(formatAuthor("  ", "a@x.org"), "a@x.org");
  assert.equal(formatAuthor("Shin Example", "a@x.org"), "Shin Example <a@x.org>");
  assert.equal(formatAuthor('J. "Q" Smith, Jr.', "a@x.org"), '"J. \\"Q\\" Smith, Jr." <a@x.org>');
  assert.equal(formatAuthor("山田太郎", "a@x.org"), "=?utf-8?B?5bGx55Sw5aSq6YOO?= <a@x.org>");
  const long = formatAuthor("山".repeat(40), "a@x.org");
  assert.ok(long.split("\r\n ").every((line) => line.length <= 76 + " <a@x.org>".length), long);
  assert.ok(long.split("\r\n ").length > 2);
});
