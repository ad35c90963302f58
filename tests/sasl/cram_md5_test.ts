import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { hex, latin1, utf8 } from "../../src/lib/octets.ts";
import { CRAM_MD5, parseCramMd5Response } from "../../src/sasl/cram_md5.ts";
import { cramMd5Contexts } from "../../src/sasl/derive.ts";
import { hmacMd5FromContexts } from "../../src/sasl/md5.ts";
import { account, assertFailed, drive, exchangeInit, octets, outcomeOf, store, untilAsked, verifierOf } from "./lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };
const CHALLENGE = "<01080f161d242b3239.40474e555c636a7178@mail.baz.co.jp>";

function response(name: string, password: string): Uint8Array {
  return utf8(`${name} ${createHmac("md5", password).update(CHALLENGE).digest("hex")}`);
}

Deno.test("CRAM-MD5: the example of RFC 2195 section 2", () => {
  const challenge = utf8("<1896.697170952@postoffice.reston.mci.net>");
  const parsed = parseCramMd5Response(utf8("tim b913a602c7eda7a495b4e6e7334d3890"));
  assert(parsed !== null && parsed.authcid === "tim");
  assert.deepEqual(hmacMd5FromContexts(cramMd5Contexts("tanstaaftanstaaf"), challenge), parsed.digest);
});

Deno.test("CRAM-MD5: a login recorded between Cyrus SASL (Postfix) and a client", () => {
  const digest = hmacMd5FromContexts(cramMd5Contexts("Kumquat42!"), utf8("<2556628029.326395@mail.baz.co.jp>"));
  assert.equal(hex(digest), "1c7cf942fd02dc42b276999d4975b7a7");
});

Deno.test("CRAM-MD5: GNU SASL 2.2.0 and Authen::SASL 2.16 computed this for our challenge", () => {
  // python3 with ctypes on libgsasl.so.18, and perl -MAuthen::SASL: user shin, password pässwörd, the challenge of `NONCE`.
  const { state } = untilAsked(CRAM_MD5, [null, octets("shin cdf6bc169c7f66aca54ebf23af06e1dc")]);
  const answer = store(SHIN, { main: "pässwörd" });
  const { question } = untilAsked(CRAM_MD5, [null, octets("shin cdf6bc169c7f66aca54ebf23af06e1dc")]);
  const step = CRAM_MD5.step(state, { kind: "answer", answer: answer(question) });
  assert.equal(outcomeOf(step).kind, "proved");
});

Deno.test("smtp_server_3_19 the challenge comes from the nonce, and differs with it", () => {
  const challenge = (nonce: Uint8Array) => {
    const step = drive(CRAM_MD5, [null], exchangeInit({ nonce }));
    assert(step.kind === "challenge");
    return latin1(step.challenge);
  };
  assert.equal(challenge(exchangeInit().nonce), CHALLENGE);
  assert.notEqual(challenge(new Uint8Array(16).fill(1)), challenge(new Uint8Array(16).fill(2)));
  assert.match(challenge(new Uint8Array(16).fill(1)), /^<[0-9a-f]{16}\.[0-9a-f]{16}@mail\.baz\.co\.jp>$/);
});

Deno.test("CRAM-MD5: proved, and which credential it was", () => {
  for (
    const [password, credential] of [["secret", "main"], ['p,a"s\\s=w:ord', "phone"], ["漢字", "printer"]] as const
  ) {
    const { state, question } = untilAsked(CRAM_MD5, [null, response("shin", password)]);
    assert.deepEqual(question, {
      kind: "verifiers",
      user: SHIN,
      scheme: "cram-md5",
      origin: { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "CRAM-MD5" },
    });
    const answer = store(SHIN, { main: "secret", phone: 'p,a"s\\s=w:ord', printer: "漢字" })(question);
    const step = CRAM_MD5.step(state, { kind: "answer", answer });
    assert.deepEqual(outcomeOf(step), {
      kind: "proved",
      authcid: SHIN,
      authzid: "",
      account: account(SHIN),
      credential,
      proof: "verifier",
    });
    assert(step.kind === "end" && step.final === null);
  }
});

Deno.test("CRAM-MD5: the response is split at the last space, digits of either case", () => {
  const sent = latin1(response("shin the first@example.org", "x"));
  assert.equal(parseCramMd5Response(utf8(sent))?.authcid, "shin the first@example.org");
  const { question } = untilAsked(CRAM_MD5, [null, utf8(sent)]);
  assert(question.kind === "verifiers");
  assert.deepEqual(question.user, { local: "shin the first", realm: "example.org" });
  const upper = utf8(`shin ${latin1(response("shin", "x")).slice(-32).toUpperCase()}`);
  const asked = untilAsked(CRAM_MD5, [null, upper]);
  const answer = store(SHIN, { main: "x" })(asked.question);
  assert.equal(outcomeOf(CRAM_MD5.step(asked.state, { kind: "answer", answer })).kind, "proved");
});

Deno.test("CRAM-MD5: wrong forms", () => {
  const digest = "b913a602c7eda7a495b4e6e7334d3890";
  for (
    const text of [
      "",
      "shin",
      digest,
      ` ${digest}`,
      `shin${digest}`,
      `shin\t${digest}`,
      `shin ${digest} `,
      `shin ${digest}\n`,
      `shin ${digest.slice(1)}`,
      `shin ${digest}0`,
      `shin ${digest.slice(1)}g`,
      `sh\nin ${digest}`,
      `sh\0in ${digest}`,
      `@baz.co.jp ${digest}`,
    ]
  ) {
    assertFailed(drive(CRAM_MD5, [null, utf8(text)]), "malformed");
  }
  assertFailed(drive(CRAM_MD5, [null, octets("sh", 0xff, "in ", digest)]), "malformed");
});

Deno.test("CRAM-MD5: an initial response is refused", () => {
  assert.equal(CRAM_MD5.serverFirst, true);
  assertFailed(drive(CRAM_MD5, [octets()]), "malformed");
  assertFailed(drive(CRAM_MD5, [response("shin", "x")]), "malformed");
});

Deno.test("CRAM-MD5: wrong secrets, decoys and other answers", () => {
  const { state } = untilAsked(CRAM_MD5, [null, response("shin", "right")]);
  const step = (answer: Parameters<typeof CRAM_MD5.step>[1] & { kind: "answer" }) => CRAM_MD5.step(state, answer);
  const right = verifierOf("cram-md5", SHIN, { password: "right" });
  const wrong = verifierOf("cram-md5", SHIN, { password: "wrong" });
  const verifiers = { kind: "verifiers", account: account(SHIN), decoy: false } as const;
  assertFailed(step({ kind: "answer", answer: { ...verifiers, verifiers: [wrong] } }), "wrong-secret");
  assertFailed(step({ kind: "answer", answer: { ...verifiers, verifiers: [] } }), "rejected", "no verifier is stored");
  const decoy = { ...verifiers, account: null, verifiers: [right], decoy: true };
  assertFailed(step({ kind: "answer", answer: decoy }), "wrong-secret", "unknown user");
  const decoyWithAccount = { ...verifiers, verifiers: [right], decoy: true };
  assertFailed(step({ kind: "answer", answer: decoyWithAccount }), "wrong-secret", "unknown user");
  for (const [inner, outer] of [[3, 16], [16, 3], [0, 0]] as const) {
    const lengths = { inner: new Uint8Array(inner), outer: new Uint8Array(outer) };
    const odd = { scheme: "cram-md5", credential: "main", ...lengths } as const;
    assertFailed(step({ kind: "answer", answer: { ...verifiers, verifiers: [odd] } }), "wrong-secret");
  }
  assertFailed(step({ kind: "answer", answer: { kind: "rejected", why: "disabled" } }), "rejected", "disabled");
  assertFailed(step({ kind: "answer", answer: { kind: "unavailable", cause: "busy" } }), "unavailable", "busy");
  const accepted = { kind: "accepted", account: account(SHIN), credential: "main", version: "1" } as const;
  assertFailed(step({ kind: "answer", answer: accepted }), "unavailable");
});
