import { deepEqual, equal } from "node:assert/strict";
import { addressKey, canonicalName, isAccountName, parseAddress } from "../../src/accounts/account_name.ts";

Deno.test("isAccountName takes what can be a mailbox and a folder", () => {
  for (
    const local of ["shin", "Shin.Taro+ml", "constructor", "__proto__", "山田", "a", "x".repeat(64), "o'brien", "a..b"]
  ) {
    equal(isAccountName({ local, realm: "baz.co.jp" }), true, local);
  }
  for (const realm of ["localhost", "my_host", "例え.jp", "BAZ.co.jp"]) {
    equal(isAccountName({ local: "a", realm }), true, realm);
  }
});

Deno.test("isAccountName refuses what cannot", () => {
  const refused = [
    "",
    ".",
    "..",
    ".shin",
    "a/b",
    "../a",
    "a@b",
    "a b",
    " a",
    "a\u3000b",
    "a\0b",
    "a\nb",
    "a\x7f",
    "x".repeat(65),
    "\ud800",
  ];
  for (const local of refused) equal(isAccountName({ local, realm: "baz.co.jp" }), false, JSON.stringify(local));
  for (const realm of ["", "a b", "baz..jp", "-baz.jp", "a/b", "baz.jp.", "a\0"]) {
    equal(isAccountName({ local: "a", realm }), false, JSON.stringify(realm));
  }
});

Deno.test("canonicalName compares the realm without case and as an A-label, the local part exactly", () => {
  equal(canonicalName({ local: "Shin", realm: "BAZ.co.jp" }).name, "Shin@baz.co.jp");
  equal(canonicalName({ local: "a", realm: "例え.jp" }).name, "a@xn--r8jz45g.jp");
});

Deno.test("addressKey compares the local part without case and in NFC", () => {
  const key = (address: string) => {
    const parsed = parseAddress(address);
    return parsed === null ? null : addressKey(parsed);
  };
  equal(key("Jose\u0301@FOOBAR.co.jp"), key("JOS\u00c9@foobar.co.jp"));
  deepEqual(["@foobar.co.jp", "shin", "shin@", ""].map(key), [null, null, null, null]);
});
