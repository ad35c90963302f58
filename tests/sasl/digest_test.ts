import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { digestHa1, digestOf, latin1IfItFits } from "../../src/sasl/digest.ts";
import { directivesByName, parseDirectives, quote } from "../../src/sasl/digest_directives.ts";

Deno.test("digestOf: the examples of RFC 2831 section 4", () => {
  const imap = {
    nonce: "OA6MG9tEQGm2hh",
    cnonce: "OA6MHXh6VqTrRk",
    digestUri: "imap/elwood.innosoft.com",
    authzid: null,
  };
  const secret = { username: utf8("chris"), realm: utf8("elwood.innosoft.com"), password: utf8("secret") };
  assert.equal(digestOf(imap, "AUTHENTICATE")(digestHa1(secret)), "d388dad90d4bbd760a152321f2143af7");
  assert.equal(digestOf(imap, "")(digestHa1(secret)), "ea40f60335c427b5527b84dbabcdfffd");
  const acap = {
    nonce: "OA9BSXrbuRhWay",
    cnonce: "OA9BSuZWMSpW8m",
    digestUri: "acap/elwood.innosoft.com",
    authzid: null,
  };
  assert.equal(digestOf(acap, "AUTHENTICATE")(digestHa1(secret)), "6084c6db3fede7352c551284490fd0fc");
  assert.equal(digestOf(acap, "")(digestHa1(secret)), "2f0b3d7c3c2e486600ef710726aa2eae");
});

Deno.test("digestOf: a login recorded between Cyrus SASL (Postfix) and a client", () => {
  const terms = {
    nonce: "6uplhWOWpK/myaiCgKTOs7TnGYT1f2kYN5jFvSxr2JE=",
    cnonce: "dmf1JUzEn1lfEQ+W",
    digestUri: "smtp/127.0.0.1",
    authzid: null,
  };
  const ha1 = digestHa1({ username: utf8("shin"), realm: utf8("baz.co.jp"), password: utf8("Kumquat42!") });
  assert.equal(digestOf(terms, "AUTHENTICATE")(ha1), "23eb72e6660a262b9083c649f3d54af6");
  assert.equal(digestOf(terms, "")(ha1), "b9c1619241a972b6fc3a1efa00021797");
});

Deno.test("latin1IfItFits", () => {
  assert.deepEqual(latin1IfItFits("é"), Uint8Array.of(0xe9));
  assert.deepEqual(latin1IfItFits("é漢"), utf8("é漢"));
});

Deno.test("parseDirectives: quoted-strings, tokens, spaces and empty elements", () => {
  assert.deepEqual(parseDirectives("a=1"), [{ name: "a", value: "1" }]);
  assert.deepEqual(parseDirectives(' , Realm = "a \\"b\\", \\\\c" ,,\r\n qop=auth,nc="00000001" ,'), [
    { name: "realm", value: 'a "b", \\c' },
    { name: "qop", value: "auth" },
    { name: "nc", value: "00000001" },
  ]);
  assert.deepEqual(parseDirectives('a=""'), [{ name: "a", value: "" }]);
  const name = latin1(utf8("müller"));
  assert.deepEqual(parseDirectives(`username=${quote(name)}`), [{ name: "username", value: name }]);
});

Deno.test("parseDirectives: what is no list", () => {
  for (
    const text of [
      "",
      ",",
      "a",
      "a=",
      "=1",
      'a="',
      'a="x',
      'a="x\\"',
      'a="x"y',
      'a="x" b="y"',
      "a=1 b=2",
      "a=x/y",
      "a=x=y",
      "a b=1",
      'a="x\0y"',
      'a="x\ny"',
      'a="x\\\ny"',
      "a=\0",
      "ä=1",
      "a=1;b=2",
      `a="${"x".repeat(4096)}"`,
    ]
  ) {
    assert.equal(parseDirectives(text), null, JSON.stringify(text));
  }
});

Deno.test("parseDirectives takes linear time", () => {
  for (const text of ['a="' + "\\".repeat(4000), ",".repeat(4090) + "a", " ".repeat(4000) + "=", "a".repeat(4096)]) {
    assert.equal(parseDirectives(text), null);
  }
});

Deno.test("directivesByName refuses a name that comes twice, in whatever case", () => {
  assert.equal(directivesByName(parseDirectives("a=1,A=1") ?? []), null);
  assert.equal(directivesByName(parseDirectives("a=1,b=1") ?? [])?.get("b"), "1");
});
