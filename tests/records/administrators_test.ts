import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { HOTP, Secret, URI } from "otpauth";
import { latin1 } from "../../src/lib/octets.ts";
import { factorUrl, parseCode, stepOf } from "../../src/records/second_factor.ts";
import { temporaryFolder } from "../accounts/lib.ts";
import { inOtherProcess, NOW, open, SECOND } from "./lib.ts";

const SHIN = "shin@baz.co.jp";
const STEP = 30 * SECOND;
/** The beginning of a step. */
const START = Math.floor(NOW / STEP) * STEP;

const codeAt = (secret: string, at: number) =>
  HOTP.generate({ secret: Secret.fromBase32(secret), counter: Math.floor(at / STEP) });

/** One that fits at no time near `START`. */
function wrongCode(secret: string): string {
  const right = [-2, -1, 0, 1, 2].map((steps) => codeAt(secret, START + steps * STEP));
  return ["000000", "111111", "222222", "333333", "444444", "555555"].find((code) => !right.includes(code)) ?? "";
}

Deno.test("codes are those of RFC 6238 appendix B", () => {
  const secret = new TextEncoder().encode("12345678901234567890");
  for (
    const [seconds, code] of [
      [59, "287082"],
      [1_111_111_109, "081804"],
      [1_111_111_111, "050471"],
      [1_234_567_890, "005924"],
      [2_000_000_000, "279037"],
      [20_000_000_000, "353130"],
    ] as const
  ) {
    equal(stepOf(code, { secret, now: seconds * SECOND, last: 0 }), Math.floor(seconds / 30), code);
  }
});

Deno.test("a code may be typed with blanks and with full-width digits", () => {
  deepEqual(["123456", " 123 456\n", "123　456", "１２３４５６"].map(parseCode), Array(4).fill("123456"));
  deepEqual(["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "-12345", "1e3456"].map(parseCode), Array(7).fill(null));
});

Deno.test("a code fits one step of 30 s to either side", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  for (const [steps, fits] of [[-2, false], [-1, true], [0, true], [1, true], [2, false]] as const) {
    const { secret } = records.administrators.enrol(SHIN, NOW);
    const code = codeAt(secret, START + steps * STEP);
    equal(records.administrators.checkCode(SHIN, code, START), fits, `${steps} steps`);
  }
});

Deno.test("a code is right once, and none of an earlier step after it", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { administrators } = records;
  const { secret } = administrators.enrol(SHIN, NOW);
  equal(administrators.checkCode(SHIN, codeAt(secret, START), START), true);
  equal(administrators.checkCode(SHIN, codeAt(secret, START), START), false);
  equal(administrators.checkCode(SHIN, codeAt(secret, START), START + STEP), false);
  equal(administrators.checkCode(SHIN, codeAt(secret, START - STEP), START), false);
  equal(administrators.checkCode(SHIN, codeAt(secret, START + STEP), START + STEP), true);
});

Deno.test("a code is right in one process only", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  const { secret } = records.administrators.enrol(SHIN, NOW);
  const code = codeAt(secret, START);
  const script = `console.log(records.administrators.checkCode("${SHIN}", "${code}", ${START}));`;
  const said = await Promise.all([1, 2, 3].map(() => inOtherProcess(file, script)));
  deepEqual(said.toSorted(), ["false\n", "false\n", "true\n"]);
  equal(records.administrators.checkCode(SHIN, code, START), false);
});

Deno.test("after five wrong codes there is one try every 30 s, over a restart too", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  let records = open(file);
  const { secret } = records.administrators.enrol(SHIN, NOW);
  const wrong = wrongCode(secret);
  for (let count = 0; count < 5; count++) equal(records.administrators.checkCode(SHIN, wrong, START), false);
  equal(records.administrators.checkCode(SHIN, codeAt(secret, START), START), false);
  await records[Symbol.asyncDispose]();
  records = open(file);
  await using _ = records;
  const { administrators } = records;
  const right = (at: number) => administrators.checkCode(SHIN, codeAt(secret, at), at);
  equal(right(START + STEP - 1), false);
  // This try is wrong and takes the slot; the one after it has to wait again, whatever it says.
  equal(administrators.checkCode(SHIN, wrong, START + STEP), false);
  equal(right(START + STEP + 1), false);
  equal(right(START + 2 * STEP), true);
  // A right code ends it.
  equal(administrators.checkCode(SHIN, wrong, START + 2 * STEP), false);
  equal(right(START + 3 * STEP), true);
});

Deno.test("a clock that was set back keeps nobody out", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.administrators.enrol(SHIN, NOW);
  const wrong = wrongCode(secret);
  for (let count = 0; count < 5; count++) records.administrators.checkCode(SHIN, wrong, START + 100 * STEP);
  equal(records.administrators.checkCode(SHIN, codeAt(secret, START), START), true);
});

Deno.test("what is no code is no guess", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.administrators.enrol(SHIN, NOW);
  for (let count = 0; count < 9; count++) equal(records.administrators.checkCode(SHIN, "12345", START), false);
  equal(records.administrators.checkCode(SHIN, codeAt(secret, START), START), true);
});

Deno.test("enrolling again gives a new secret and keeps the administrator", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { administrators } = records;
  const first = administrators.enrol(SHIN, START);
  const second = administrators.enrol(SHIN, START + 1);
  match(first.secret, /^[A-Z2-7]{32}$/);
  notEqual(first.secret, second.secret);
  administrators.enrol("hana@baz.co.jp", START + 2);
  deepEqual(administrators.list(), [
    { account: "hana@baz.co.jp", created: START + 2 },
    { account: SHIN, created: START },
  ]);
  equal(administrators.checkCode(SHIN, codeAt(second.secret, START), START), true);
  equal(administrators.checkCode(SHIN, codeAt(first.secret, START + STEP), START + STEP), false);
});

Deno.test("who is removed administers no more", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { administrators } = records;
  const { secret } = administrators.enrol(SHIN, NOW);
  equal(administrators.has(SHIN), true);
  equal(administrators.has("Shin@baz.co.jp"), false);
  equal(administrators.remove(SHIN), true);
  equal(administrators.remove(SHIN), false);
  equal(administrators.has(SHIN), false);
  equal(administrators.checkCode(SHIN, codeAt(secret, START), START), false);
});

Deno.test("the old secret is not left in the file", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const records = open(file);
  const { secret } = records.administrators.enrol(SHIN, NOW);
  const octets = Secret.fromBase32(secret).bytes;
  const has = async () => latin1(await Deno.readFile(file)).includes(latin1(octets));
  await records[Symbol.asyncDispose]();
  ok(await has());
  const again = open(file);
  again.administrators.remove(SHIN);
  await again[Symbol.asyncDispose]();
  equal(await has(), false);
});

Deno.test("the URL for phones says who, where and how", () => {
  const url = factorUrl({ secret: "GEZDGNBVGY3TQOJQ", account: SHIN, issuer: "dokodemo mail.foobar.co.jp" });
  match(url, /^otpauth:\/\/totp\/dokodemo%20mail\.foobar\.co\.jp:shin%40baz\.co\.jp\?/);
  const { issuer, label, secret, digits, algorithm } = URI.parse(url);
  deepEqual([issuer, label, secret.base32, digits, algorithm], [
    ...["dokodemo mail.foobar.co.jp", SHIN, "GEZDGNBVGY3TQOJQ", 6, "SHA1"],
  ]);
});
