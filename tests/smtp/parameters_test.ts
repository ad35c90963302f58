import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeXtext,
  encodeXtext,
  type MailParameters,
  parseMailParameters,
  parseRcptParameters,
  type RcptParameters,
} from "../../src/smtp/parameters.ts";
import { REPLIES } from "../../src/smtp/replies.ts";
import type { Reply } from "../../src/smtp/reply.ts";

const MAIL_DEFAULTS: MailParameters = {
  body: "7bit",
  smtputf8: false,
  declaredSizeOctets: null,
  ret: null,
  envid: null,
};

const MAIL: readonly (readonly [string, Partial<MailParameters>])[] = [
  ["", {}],
  ["  ", {}],
  [" SIZE=0", { declaredSizeOctets: 0 }],
  [" size=00012", { declaredSizeOctets: 12 }],
  [" BODY=8BITMIME", { body: "8bitmime" }],
  [" body=8bitMime", { body: "8bitmime" }],
  [" BODY=7BIT", { body: "7bit" }],
  [" SMTPUTF8", { smtputf8: true }],
  [" smtputf8", { smtputf8: true }],
  [" RET=FULL", { ret: "full" }],
  [" ret=hdrs", { ret: "hdrs" }],
  [" ENVID=QQ314159", { envid: "QQ314159" }],
  [" ENVID=a+2Bb+3Dc+20d", { envid: "a+b=c d" }],
  [` ENVID=${"x".repeat(100)}`, { envid: "x".repeat(100) }],
  // RFC 4954 section 5: parsed always, trusted never.
  [" AUTH=<>", {}],
  [" AUTH=e+3Dmc2@example.com", {}],
  ["  SIZE=1   BODY=7BIT ", { declaredSizeOctets: 1 }],
  [" SMTPUTF8 SIZE=5 RET=FULL ENVID=1 BODY=8BITMIME AUTH=<>", {
    body: "8bitmime",
    smtputf8: true,
    declaredSizeOctets: 5,
    ret: "full",
    envid: "1",
  }],
];

const BAD_MAIL: readonly (readonly [string, Reply])[] = [
  [" SIZE", REPLIES.parameterSyntax],
  [" SIZE=", REPLIES.parameterSyntax],
  [" SIZE=-1", REPLIES.parameterSyntax],
  [" SIZE=1.5", REPLIES.parameterSyntax],
  [" SIZE=0x10", REPLIES.parameterSyntax],
  [" SIZE=１", REPLIES.parameterSyntax],
  [` SIZE=${"9".repeat(21)}`, REPLIES.parameterSyntax],
  [" SIZE=1 size=1", REPLIES.parameterSyntax],
  [" SMTPUTF8 SMTPUTF8", REPLIES.parameterSyntax],
  [" SMTPUTF8=yes", REPLIES.parameterSyntax],
  [" BODY=BINARYMIME", REPLIES.bodyNotOffered],
  [" BODY", REPLIES.bodyNotOffered],
  [" RET=ALL", REPLIES.parameterSyntax],
  [" RET", REPLIES.parameterSyntax],
  [" ENVID", REPLIES.parameterSyntax],
  [` ENVID=${"x".repeat(101)}`, REPLIES.parameterSyntax],
  [" ENVID=a+", REPLIES.parameterSyntax],
  [" ENVID=a+2b", REPLIES.parameterSyntax],
  [" ENVID=a+0D+0ABcc:+20x", REPLIES.parameterSyntax],
  [" ENVID=+00", REPLIES.parameterSyntax],
  [" SMTPUTF8 ENVID=名", REPLIES.parameterSyntax],
  [" ENVID=+E9", REPLIES.parameterSyntax],
  [" AUTH", REPLIES.parameterSyntax],
  [" AUTH=a+zz", REPLIES.parameterSyntax],
  [" =1", REPLIES.parameterSyntax],
  [" -A=1", REPLIES.parameterSyntax],
  [" A_B=1", REPLIES.parameterSyntax],
  [" A=1=2", REPLIES.parameterSyntax],
  [" é=1", REPLIES.parameterSyntax],
  [" A=\u0085", REPLIES.parameterSyntax],
  [" SIZE=1\tBODY=7BIT", REPLIES.parameterSyntax],
  [` ${"X".repeat(41)}=1`, REPLIES.parameterUnknown],
];

const RCPT_DEFAULTS: RcptParameters = { notify: null, orcpt: null };

const RCPT: readonly (readonly [string, Partial<RcptParameters>])[] = [
  ["", {}],
  [" NOTIFY=NEVER", { notify: ["never"] }],
  [" notify=success,Failure,DELAY", { notify: ["success", "failure", "delay"] }],
  [" ORCPT=rfc822;b@example.net", { orcpt: "rfc822;b@example.net" }],
  [" NOTIFY=FAILURE ORCPT=utf-8;名前@例え.jp", { notify: ["failure"], orcpt: "utf-8;名前@例え.jp" }],
];

const BAD_RCPT = [
  " NOTIFY",
  " NOTIFY=",
  " NOTIFY=NEVER,SUCCESS",
  " NOTIFY=SUCCESS,SUCCESS",
  " NOTIFY=SUCCESS,",
  " NOTIFY=SUCCESS, FAILURE",
  " NOTIFY=ALWAYS",
  " NOTIFY=NEVER NOTIFY=NEVER",
  " ORCPT",
  " ORCPT=b@example.net",
  " ORCPT=rfc822",
  " ORCPT=rfc822;",
  " ORCPT=;b@example.net",
  " ORCPT=rfc822;a+",
  " ORCPT=rfc822;a+0D+0AX",
  " ORCPT=rfc822;a+00b",
  " ORCPT=rfc822;名前@例え.jp",
  " ORCPT=rfc822;a+E9b@example.net",
  ` ORCPT=rfc822;${"a".repeat(494)}`,
];

Deno.test("parseMailParameters() reads what RFC 1870, 3461, 4954, 6152 and 6531 define", () => {
  for (const [text, found] of MAIL) {
    assert.deepEqual(parseMailParameters(text), { ok: true, value: { ...MAIL_DEFAULTS, ...found } }, text);
  }
});

Deno.test("parseMailParameters() refuses what is malformed, given twice or unknown", () => {
  for (const [text, problem] of BAD_MAIL) assert.deepEqual(parseMailParameters(text), { ok: false, problem }, text);
});

Deno.test("parseRcptParameters() reads what RFC 3461 defines", () => {
  for (const [text, found] of RCPT) {
    assert.deepEqual(parseRcptParameters(text), { ok: true, value: { ...RCPT_DEFAULTS, ...found } }, text);
  }
});

Deno.test("parseRcptParameters() refuses what is malformed or given twice", () => {
  for (const text of BAD_RCPT) {
    assert.deepEqual(parseRcptParameters(text), { ok: false, problem: REPLIES.parameterSyntax }, text);
  }
});

// OpenSMTPD 7.5.0 "Fixed parsing of the ORCPT parameter": the address is behind the type, in xtext, and the type has no case.
Deno.test("opensmtpd_7_5 ORCPT", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["rfc822;user+2Btag@example.net", "rfc822;user+tag@example.net"],
    ["RFC822;User@Example.NET", "RFC822;User@Example.NET"],
    ["rfc822;a+3Db+20c@example.net", "rfc822;a=b c@example.net"],
    ["rfc822;a;b@example.net", "rfc822;a;b@example.net"],
    ["rfc822;postmaster", "rfc822;postmaster"],
    ["x400;/C=jp", ""],
    ["x400;/C+3Djp", "x400;/C=jp"],
  ];
  for (const [value, orcpt] of cases) {
    const parsed = parseRcptParameters(` ORCPT=${value}`);
    assert.deepEqual(parsed.ok ? parsed.value.orcpt : "", orcpt, value);
  }
  assert.deepEqual(parseRcptParameters(" ORCPT=rfc822;a@b.example NOTIFY=NEVER"), {
    ok: true,
    value: { orcpt: "rfc822;a@b.example", notify: ["never"] },
  });
});

Deno.test("an unknown parameter is 555 5.5.4 and names itself, but one of MAIL is none of RCPT", () => {
  for (
    const parsed of [parseMailParameters(" x-foo=1"), parseRcptParameters(" X-FOO"), parseRcptParameters(" SIZE=1")]
  ) {
    assert.ok(!parsed.ok);
    assert.equal(parsed.problem.code, 555);
    assert.equal(parsed.problem.enhanced, "5.5.4");
    assert.match(parsed.problem.lines[0], /^Parameter (?:X-FOO|SIZE) /);
  }
  for (const key of ["constructor", "toString", "NOTIFY"]) {
    const parsed = parseMailParameters(` ${key}=1`);
    assert.equal(parsed.ok ? 0 : parsed.problem.code, 555, key);
  }
});

Deno.test("xtext: RFC 3461 section 4", () => {
  assert.equal(decodeXtext("+2B+3D+20"), "+= ");
  assert.equal(decodeXtext(""), "");
  for (const bad of ["+", "+2", "+2b", "+GG", "a=b", "a b", "a\t", "\x7f"]) assert.equal(decodeXtext(bad), null, bad);
  assert.equal(encodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
  assert.equal(encodeXtext("\0\r\n"), "+00+0D+0A");
});

const TEXTS = fc.string({ unit: fc.constantFrom(..."\0\t\r\n\x1f\x7f !*+,-<=>~aZ09é名\u{1f600}"), maxLength: 12 });

Deno.test("decodeXtext(encodeXtext(x)) is x", () => {
  fc.assert(fc.property(TEXTS, (text) => {
    const written = encodeXtext(text);
    assert.doesNotMatch(written, /[\s=]/, "stands in one parameter");
    assert.equal(decodeXtext(written), text);
  }));
});
