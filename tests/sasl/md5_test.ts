import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { hex, utf8 } from "../../src/lib/octets.ts";
import { hmacMd5Contexts, hmacMd5FromContexts, md5 } from "../../src/sasl/md5.ts";

const OCTETS = Uint8Array.from({ length: 400 }, (_, at) => (at * 131 + 17) & 0xff);

Deno.test("md5 is what node:crypto says, at each length around the blocks", () => {
  for (let length = 0; length <= 200; length++) {
    const message = OCTETS.subarray(length, 2 * length);
    assert.equal(hex(md5(message)), createHash("md5").update(message).digest("hex"), `${length} octets`);
  }
});

Deno.test("hmacMd5FromContexts is what node:crypto says, keys over 64 octets among them", () => {
  for (let length = 0; length <= 140; length++) {
    const key = OCTETS.subarray(3, 3 + length);
    const message = OCTETS.subarray(length, 2 * length + 1);
    const expected = createHmac("md5", key).update(message).digest("hex");
    assert.equal(hex(hmacMd5FromContexts(hmacMd5Contexts(key), message)), expected, `${length} octets`);
  }
});

Deno.test("hmacMd5FromContexts does not change the contexts", () => {
  const contexts = hmacMd5Contexts(utf8("secret"));
  const before = [hex(contexts.inner), hex(contexts.outer)];
  hmacMd5FromContexts(contexts, OCTETS);
  assert.deepEqual([hex(contexts.inner), hex(contexts.outer)], before);
});

Deno.test("hmacMd5Contexts are the 32 octets of Dovecot's {CRAM-MD5}, outer first", () => {
  // What `doveadm pw -s CRAM-MD5 -p password` prints.
  const { inner, outer } = hmacMd5Contexts(utf8("password"));
  assert.equal(hex(outer) + hex(inner), "9186d855e11eba527a7a52ca82b313e180d62234f0acc9051b527243d41e2740");
});

Deno.test("hmacMd5FromContexts refuses contexts of a wrong length", () => {
  assert.throws(
    () => hmacMd5FromContexts({ inner: new Uint8Array(15), outer: new Uint8Array(16) }, OCTETS),
    RangeError,
  );
});
