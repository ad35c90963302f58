import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { encodeLatin1, hex, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts, digestMd5Ha1s, scramKeys } from "../../src/sasl/derive.ts";
import { hmacMd5FromContexts } from "../../src/sasl/md5.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };
const MÜLLER = { local: "müller", realm: "baz.co.jp" };
const REALMS = { defaultRealm: "foobar.co.jp", realms: ["baz.co.jp", "example.org"] };

function md5(octets: string | Uint8Array): string {
  return createHash("md5").update(octets).digest("hex");
}

Deno.test("digestMd5Ha1s: each form of an ASCII name and password, once", () => {
  const { realm, ha1s } = digestMd5Ha1s(SHIN, "secret", REALMS);
  assert.equal(realm, "baz.co.jp");
  assert.deepEqual(
    new Set(ha1s.map(hex)),
    new Set([
      md5("shin:baz.co.jp:secret"),
      md5("shin@baz.co.jp:baz.co.jp:secret"),
      md5("shin@baz.co.jp:foobar.co.jp:secret"),
      md5("shin@baz.co.jp::secret"),
      md5("shin@baz.co.jp:example.org:secret"),
    ]),
  );
  assert.equal(ha1s.length, 5);
});

Deno.test("digestMd5Ha1s: names and password in UTF-8 and ISO-8859-1, as typed and prepared", () => {
  const has = (password: string, octets: Uint8Array) =>
    digestMd5Ha1s(MÜLLER, password, REALMS).ha1s.map(hex).includes(md5(octets));
  assert(has("pässwörd", utf8("müller:baz.co.jp:pässwörd")));
  assert(has("pässwörd", encodeLatin1("müller:baz.co.jp:pässwörd")!));
  assert(has("pässwörd", Uint8Array.of(...utf8("müller:baz.co.jp:"), ...encodeLatin1("pässwörd")!)));
  assert(has("密碼", utf8("müller:baz.co.jp:密碼")));
  assert(has("密碼", Uint8Array.of(...encodeLatin1("müller:baz.co.jp:")!, ...utf8("密碼"))));
  assert(has("½", utf8("müller:baz.co.jp:½")));
  assert(has("½", utf8("müller:baz.co.jp:1⁄2")));
  assert(!has("½", utf8("müller:baz.co.jp:1/2")));
});

Deno.test("digestMd5Ha1s: a realm in A-labels, as it is stored, and in U-labels, as it is typed", () => {
  const { ha1s } = digestMd5Ha1s({ local: "namae", realm: "xn--r8jz45g.jp" }, "secret", REALMS);
  const found = new Set(ha1s.map(hex));
  for (const own of ["xn--r8jz45g.jp", "例え.jp"]) {
    assert(found.has(md5(`namae:${own}:secret`)), own);
    for (const realm of ["xn--r8jz45g.jp", "例え.jp", "foobar.co.jp", ""]) {
      assert(found.has(md5(`namae@${own}:${realm}:secret`)), `${own} ${realm}`);
    }
  }
});

Deno.test("cramMd5Contexts: the password as it was typed", () => {
  for (const password of ["secret", "½ ﬁ", "密碼", "x".repeat(100)]) {
    const expected = createHmac("md5", password).update("<challenge>").digest("hex");
    assert.equal(hex(hmacMd5FromContexts(cramMd5Contexts(password), utf8("<challenge>"))), expected);
  }
});

Deno.test("scramKeys: StoredKey and ServerKey as PostgreSQL stores them", () => {
  // RFC 7677 section 3, user "user", password "pencil".
  const salted = Uint8Array.fromHex("c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
  const { storedKey, serverKey } = scramKeys("sha-256", salted);
  assert.equal(storedKey.toBase64(), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
  assert.equal(serverKey.toBase64(), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
});
