import assert from "node:assert/strict";
import { encodeLatin1, latin1, utf8 } from "../../src/lib/octets.ts";
import { mapAddresses, splitAddress } from "../../src/message/map_addresses.ts";

const FIELDS: ReadonlySet<string> = new Set(["from", "sender", "to"]);

function octetsOf(text: string): Uint8Array {
  const octets = encodeLatin1(text);
  assert.ok(octets !== null);
  return octets;
}

/** Any subdomain of foobar.co.jp becomes it, a bare name gets it, taro@old.example another name. */
function masquerade(address: string): string | null {
  if (address === "taro@old.example") return "taro.yamada@new.example";
  if (address === "broken@old.example") return "not an address\r\nX-Injected: yes";
  const { local, domain } = splitAddress(address);
  return domain === null || domain.endsWith(".foobar.co.jp") ? `${local}@foobar.co.jp` : null;
}

function mapped(text: string): string {
  return latin1(mapAddresses(octetsOf(text), FIELDS, masquerade));
}

const CASES: readonly (readonly [before: string, after: string])[] = [
  ["From: taro@mail.foobar.co.jp\r\n", "From: taro@foobar.co.jp\r\n"],
  ["from:taro@mail.foobar.co.jp\r\n", "from:taro@foobar.co.jp\r\n"],
  ["FROM \t:  taro\r\n", "FROM \t:  taro@foobar.co.jp\r\n"],
  ["From: Taro <taro>\r\n", "From: Taro <taro@foobar.co.jp>\r\n"],
  ["From: taro (at (my) desk)\r\n", "From: taro@foobar.co.jp (at (my) desk)\r\n"],
  [
    "From: Taro\r\n (a@mail.foobar.co.jp,\r\n\tb) <taro@mail.foobar.co.jp>\r\n",
    "From: Taro\r\n (a@mail.foobar.co.jp,\r\n\tb) <taro@foobar.co.jp>\r\n",
  ],
  [
    'From: "a@mail.foobar.co.jp, b" <taro@old.example>\r\n',
    'From: "a@mail.foobar.co.jp, b" <taro.yamada@new.example>\r\n',
  ],
  ["From: taro (x) @ (y)\r\n old\t. (z) example (end)\r\n", "From: taro.yamada (x) @ (y)\r\n new.example (end)\r\n"],
  ["From: taro@mail.\r\n foobar.co.jp\r\nTo: b\r\n", "From: taro@foobar.co.jp\r\nTo: b@foobar.co.jp\r\n"],
  [
    "From: <@a.foobar.co.jp,@b.foobar.co.jp:c@d.foobar.co.jp>\r\n",
    "From: <@a.foobar.co.jp,@b.foobar.co.jp:c@foobar.co.jp>\r\n",
  ],
  [
    "To: team: a, B <b@c.foobar.co.jp>;, undisclosed:;\r\n",
    "To: team: a@foobar.co.jp, B <b@foobar.co.jp>;, undisclosed:;\r\n",
  ],
  ["To: a@[192.0.2.1], a@[IPv6:2001:db8::1]\r\n", "To: a@[192.0.2.1], a@[IPv6:2001:db8::1]\r\n"],
  ['To: "a@b", "a b"@m.foobar.co.jp\r\n', 'To: "a@b"@foobar.co.jp, "a b"@foobar.co.jp\r\n'],
  ["To: =?utf-8?Q?a,_b@c?= <a@m.foobar.co.jp>\r\n", "To: =?utf-8?Q?a,_b@c?= <a@foobar.co.jp>\r\n"],
  ["To: =?utf-8?Q?a=2Eb?=@m.foobar.co.jp\r\n", "To: =?utf-8?Q?a=2Eb?=@foobar.co.jp\r\n"],
  ["From: \x1b$B;3ED\x1b(B <a@m.foobar.co.jp>\r\n", "From: \x1b$B;3ED\x1b(B <a@foobar.co.jp>\r\n"],
  ['From: \x1b$B(@"<>,:;[]\\)\x1b(B<a@m.foobar.co.jp>\r\n', 'From: \x1b$B(@"<>,:;[]\\)\x1b(B<a@foobar.co.jp>\r\n'],
  ['From: "\x1b$@"("\\"!\x1b(J" <a@m.foobar.co.jp>\r\n', 'From: "\x1b$@"("\\"!\x1b(J" <a@foobar.co.jp>\r\n'],
  ["From: a@m.foobar.co.jp (\x1b$B)()(\x1b(B)\r\n", "From: a@foobar.co.jp (\x1b$B)()(\x1b(B)\r\n"],
  ['From: \x1b$)C \x0e0!"(\x0f <a@m.foobar.co.jp>\r\n', 'From: \x1b$)C \x0e0!"(\x0f <a@foobar.co.jp>\r\n'],
  ["From: \x1b$B;3ED <a@m.foobar.co.jp>\r\n", "From: \x1b$B;3ED <a@foobar.co.jp>\r\n"],
  ['From: "\x83\x5c\x83\x6a\x81[" <a@m.foobar.co.jp>\r\n', 'From: "\x83\x5c\x83\x6a\x81[" <a@foobar.co.jp>\r\n'],
  [
    'From: "\x95\x5c" <a@m.foobar.co.jp>, "\x95\x5c" <b>\r\n',
    'From: "\x95\x5c" <a@foobar.co.jp>, "\x95\x5c" <b@foobar.co.jp>\r\n',
  ],
  ["From: Andr\xe9 <a@m.foobar.co.jp>\r\n", "From: Andr\xe9 <a@foobar.co.jp>\r\n"],
  ["From: andr\xe9@m.foobar.co.jp\r\n", "From: andr\xe9@foobar.co.jp\r\n"],
  [
    "From: Taro Yamada taro@m.foobar.co.jp, b@m.foobar.co.jp\r\n",
    "From: Taro Yamada taro@m.foobar.co.jp, b@foobar.co.jp\r\n",
  ],
  ["From: Taro <taro@m.foobar.co.jp\r\n", "From: Taro <taro@m.foobar.co.jp\r\n"],
  ["From: a@m.foobar.co.jp (open\r\n", "From: a@m.foobar.co.jp (open\r\n"],
  ["From: broken@old.example\r\n", "From: broken@old.example\r\n"],
  ["From: <>\r\nFrom:\r\nFrom: \r\n", "From: <>\r\nFrom:\r\nFrom: \r\n"],
  [
    "Subject: a@m.foobar.co.jp\r\nX-From: a@m.foobar.co.jp\r\n",
    "Subject: a@m.foobar.co.jp\r\nX-From: a@m.foobar.co.jp\r\n",
  ],
];

Deno.test("mapAddresses() replaces the addresses that change and no other octet", () => {
  for (const [before, after] of CASES) assert.equal(mapped(before), after, JSON.stringify(before));
});

Deno.test("mapAddresses() reads and writes UTF-8 in addresses, and names the field", () => {
  const seen: (readonly [string, string])[] = [];
  const header = utf8("Subject: x\r\nFROM: 山田 <太郎@例え.jp>\r\nTo: taro@x.org\r\n");
  const written = mapAddresses(header.subarray(0), FIELDS, (address, { field }) => {
    seen.push([address, field]);
    return field === "from" ? "花子@例え.jp" : null;
  });
  assert.deepEqual(seen, [["太郎@例え.jp", "from"], ["taro@x.org", "to"]]);
  assert.deepEqual(written, utf8("Subject: x\r\nFROM: 山田 <花子@例え.jp>\r\nTo: taro@x.org\r\n"));
});

Deno.test("mapAddresses() works on a part of a larger buffer", () => {
  const all = utf8("xxxxFrom: a@m.foobar.co.jp\r\nyyyy");
  const written = mapAddresses(all.subarray(4, all.length - 4), FIELDS, masquerade);
  assert.deepEqual(written, utf8("From: a@foobar.co.jp\r\n"));
});

Deno.test("splitAddress() finds the @ that ends the local part", () => {
  assert.deepEqual(splitAddress("a@b"), { local: "a", domain: "b" });
  assert.deepEqual(splitAddress('"a@b"'), { local: '"a@b"', domain: null });
  assert.deepEqual(splitAddress('"a@b"@c'), { local: '"a@b"', domain: "c" });
  assert.deepEqual(splitAddress("root"), { local: "root", domain: null });
});
