import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat, encodeLatin1, latin1, utf8 } from "../../src/lib/octets.ts";
import { DIGEST_MD5, parseDigestResponse } from "../../src/sasl/digest_md5.ts";
import type { ExchangeInput } from "../../src/sasl/mechanism.ts";
import { account, assertFailed, drive, exchangeInit, outcomeOf, store, untilAsked, verifierOf } from "./lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };
const EXPECTED = { nonce: "AQgPFh0kKzI5QEdOVVxjanF4", service: "smtp" };

interface Sent {
  readonly username?: string;
  readonly realm?: string | null;
  readonly password?: string;
  readonly authzid?: string;
  readonly charset?: "utf-8" | null;
  readonly uri?: string;
  /** How the three parts of HA1 are encoded. */
  readonly hashed?: (text: string) => Uint8Array;
}

/** A client of its own, on node:crypto: what a response has to be. */
function respond(sent: Sent = {}): { readonly response: Uint8Array; readonly rspauth: string } {
  const { username = "shin", realm = "baz.co.jp", password = "secret", charset = "utf-8", authzid } = sent;
  const { uri = "smtp/mail.example.org", hashed = utf8 } = sent;
  const md5 = (...parts: Uint8Array[]) => createHash("md5").update(concat(...parts)).digest();
  const md5Hex = (text: string) => createHash("md5").update(text).digest("hex");
  const encoded = (text: string) => charset === null ? text : latin1(utf8(text));
  const colon = utf8(":");
  const ha1 = md5(hashed(username), colon, hashed(realm ?? ""), colon, hashed(password));
  const tail = authzid === undefined ? "" : `:${authzid}`;
  const a1 = md5(ha1, utf8(`:${EXPECTED.nonce}:cn:${EXPECTED.nonce}${tail}`)).toString("hex");
  const kd = (a2: string) => md5Hex(`${a1}:${EXPECTED.nonce}:00000001:cn:${EXPECTED.nonce}:auth:${md5Hex(a2)}`);
  const escaped = (text: string) => encoded(text).replace(/["\\]/g, "\\$&");
  const text = [
    `username="${escaped(username)}"`,
    ...(realm === null ? [] : [`realm="${escaped(realm)}"`]),
    `nonce="${EXPECTED.nonce}"`,
    `cnonce="cn:${EXPECTED.nonce}"`,
    `nc=00000001,qop=auth,digest-uri="${uri}"`,
    `response=${kd(`AUTHENTICATE:${uri}`)}`,
    ...(charset === null ? [] : [`charset=${charset}`]),
    ...(authzid === undefined ? [] : [`authzid="${escaped(authzid)}"`]),
  ].join(",");
  return { response: encodeLatin1(text)!, rspauth: `rspauth=${kd(`:${uri}`)}` };
}

function login(sent: Sent, user = SHIN, password = sent.password ?? "secret") {
  const { response, rspauth } = respond(sent);
  const { state, question } = untilAsked(DIGEST_MD5, [null, response]);
  assert(question.kind === "verifiers");
  const step = DIGEST_MD5.step(state, { kind: "answer", answer: store(user, { main: password })(question) });
  return { step, outcome: outcomeOf(step), rspauth, user: question.user };
}

function assertProved(sent: Sent, user = SHIN, password?: string): void {
  const { step, outcome, rspauth } = login(sent, user, password);
  assert.equal(outcome.kind, "proved", JSON.stringify(outcome));
  assert(step.kind === "end" && step.final !== null);
  assert.equal(latin1(step.final), rspauth);
}

Deno.test("DIGEST-MD5: the challenge", () => {
  const challenge = (changes: Parameters<typeof exchangeInit>[0] = {}) => {
    const step = drive(DIGEST_MD5, [null], exchangeInit(changes));
    assert(step.kind === "challenge");
    return new TextDecoder().decode(step.challenge);
  };
  const rest = 'nonce="AQgPFh0kKzI5QEdOVVxjanF4",qop="auth",algorithm=md5-sess,charset=utf-8';
  assert.equal(challenge(), `realm="baz.co.jp",realm="example.org",${rest}`);
  const realms = ["example.org", 'a"b\\c', "bücher.example"];
  assert.equal(
    challenge({ realms }),
    `realm="baz.co.jp",realm="example.org",realm="a\\"b\\\\c",realm="bücher.example",${rest}`,
  );
  assert.equal(challenge({ realms: [] }), `realm="baz.co.jp",${rest}`);
  const many = challenge({ realms: Array.from({ length: 300 }, (_, at) => `realm${at}.example`) });
  assert(many.length < 2048 && many.startsWith('realm="baz.co.jp",realm="realm0.example"') && many.endsWith(rest));
});

Deno.test("DIGEST-MD5: what GNU SASL 2.2.0 and Authen::SASL 2.16 computed for our challenge", () => {
  // Made with python3 (ctypes on libgsasl.so.18) and perl -MAuthen::SASL as clients of this exchange; both then accepted the rspauth.
  for (
    const [user, password, response, rspauth] of [
      [
        SHIN,
        "pässwörd",
        'username="shin", realm="baz.co.jp", nonce="AQgPFh0kKzI5QEdOVVxjanF4", cnonce="/UkpAYJ+NVh8o3oCEhogRw==", nc=00000001, qop=auth, digest-uri="smtp/mail.example.org", response=f2b5838710eb85eb3bb76429f5c2c552, charset=utf-8',
        "rspauth=4a155107fbb5e214eaab78306bbec933",
      ],
      [
        { local: "müller", realm: "example.org" },
        'pä"ss',
        'username="müller@example.org", realm="baz.co.jp", nonce="AQgPFh0kKzI5QEdOVVxjanF4", cnonce="uyP6TZjjiCm/Yp9eU6Wftg==", nc=00000001, qop=auth, digest-uri="smtp/mail.example.org", response=911b59bd065107a378801a15dedc4c97, charset=utf-8',
        "rspauth=733fa4431a9291e55092f9264ca9de28",
      ],
      [
        { local: "müller", realm: "baz.co.jp" },
        'pä"ss',
        'charset=utf-8,cnonce="9262645605664f99736ee5a6e7b28818",digest-uri="smtp/mail.example.org",nc=00000001,nonce="AQgPFh0kKzI5QEdOVVxjanF4",qop=auth,realm="baz.co.jp",response=06427e45f433d8acf40425a26d7583c9,username="müller"',
        "rspauth=a16b8c34cae6cae7e0a93f3c70921fc6",
      ],
      [
        { local: "shin", realm: "example.org" },
        "pässwörd",
        'charset=utf-8,cnonce="e29ca9b909d9ad193281bc3203874d54",digest-uri="smtp/mail.example.org",nc=00000001,nonce="AQgPFh0kKzI5QEdOVVxjanF4",qop=auth,realm="baz.co.jp",response=1ca789c07cbf759138afa8a79383f834,username="shin@example.org"',
        "rspauth=5c40dad9df999596bb68eccb844efb4d",
      ],
      [
        { local: "shin", realm: "example.org" },
        'p,a"s\\s=w:ord',
        'authzid="admin",charset=utf-8,cnonce="e0d55d5138a543690652845456bd8936",digest-uri="smtp/mail.example.org",nc=00000001,nonce="AQgPFh0kKzI5QEdOVVxjanF4",qop=auth,realm="baz.co.jp",response=3f0119ffd8a34ccded59dad4219d8774,username="shin@example.org"',
        "rspauth=261f34640b38226b1c0e48d8ae74cbd4",
      ],
    ] as const
  ) {
    const { state, question } = untilAsked(DIGEST_MD5, [null, utf8(response)]);
    const answer = store(user, { other: "?", main: password })(question);
    const step = DIGEST_MD5.step(state, { kind: "answer", answer });
    const outcome = outcomeOf(step);
    assert(outcome.kind === "proved", response);
    assert.deepEqual(outcome.authcid, user);
    assert.equal(outcome.credential, "main");
    assert.equal(outcome.authzid, response.startsWith("authzid") ? "admin" : "");
    assert(step.kind === "end" && step.final !== null && latin1(step.final) === rspauth);
  }
});

Deno.test("DIGEST-MD5: which account it is", () => {
  const asked = (sent: Sent) => login(sent).user;
  assert.deepEqual(asked({ username: "shin", realm: "baz.co.jp" }), SHIN);
  assert.deepEqual(asked({ username: "shin", realm: "example.org" }), { local: "shin", realm: "example.org" });
  assert.deepEqual(asked({ username: "shin", realm: "BAZ.co.jp" }), SHIN);
  assert.deepEqual(asked({ username: "shin", realm: "" }), SHIN);
  assert.deepEqual(asked({ username: "shin", realm: null }), SHIN);
  assert.deepEqual(asked({ username: "shin", realm: "nowhere" }), { local: "shin", realm: "nowhere" });
  assert.deepEqual(asked({ username: "shin@baz.co.jp", realm: "example.org" }), SHIN);
  assert.deepEqual(asked({ username: "shin@baz.co.jp", realm: "nowhere" }), SHIN);
});

Deno.test("DIGEST-MD5: each form of name and realm that clients use", () => {
  assertProved({ username: "shin", realm: "baz.co.jp" });
  assertProved({ username: "shin@baz.co.jp", realm: "baz.co.jp" });
  assertProved({ username: "shin@baz.co.jp", realm: "example.org" });
  assertProved({ username: "shin@baz.co.jp", realm: "" });
  assertProved({ username: "shin@baz.co.jp", realm: null });
  const other = { local: "shin", realm: "example.org" };
  assertProved({ username: "shin", realm: "example.org" }, other);
  assertProved({ username: "shin@example.org", realm: "baz.co.jp" }, other);
  assertProved({ username: "shin@example.org", realm: "example.org" }, other);
  assertFailed(login({ username: "shin@baz.co.jp", realm: "nowhere" }).step, "wrong-secret");
});

Deno.test("DIGEST-MD5: quotes, backslashes, commas, both charsets", () => {
  const odd = { local: 'o"n\\e, two = 3', realm: "baz.co.jp" };
  assertProved({ username: odd.local, password: 'p,a"s\\s=w:ord' }, odd);
  const müller = { local: "müller", realm: "baz.co.jp" };
  const toLatin1 = (text: string) => encodeLatin1(text)!;
  assertProved({ username: "müller", password: "pässwörd", hashed: utf8 }, müller);
  assertProved({ username: "müller", password: "pässwörd", hashed: toLatin1 }, müller);
  assertProved({ username: "müller", password: "pässwörd", hashed: toLatin1, charset: null }, müller);
  const kanji = { local: "漢字", realm: "baz.co.jp" };
  assertProved({ username: "漢字", password: "密碼 😀" }, kanji);
  // The client does not prepare: the stored forms hold the password as it was typed and as it is prepared.
  assertProved({ password: "½ ﬁ" });
  assertProved({ password: "1⁄2 fi" }, SHIN, "½ ﬁ");
});

Deno.test("DIGEST-MD5: the authorization identity is part of what is signed", () => {
  const { outcome } = login({ authzid: "boss@baz.co.jp" });
  assert(outcome.kind === "proved" && outcome.authzid === "boss@baz.co.jp");
  const tampered = latin1(respond({ authzid: "boss@baz.co.jp" }).response).replace('authzid="boss', 'authzid="root');
  const { state, question } = untilAsked(DIGEST_MD5, [null, utf8(tampered)]);
  const answer = store(SHIN, { main: "secret" })(question);
  assertFailed(DIGEST_MD5.step(state, { kind: "answer", answer }), "wrong-secret");
  // RFC 2831 forbids an empty one, but a client that sends and hashes it means none.
  const { outcome: empty } = login({ authzid: "" });
  assert(empty.kind === "proved" && empty.authzid === "");
});

Deno.test("DIGEST-MD5: directives that are wrong, missing or twice", () => {
  const good = latin1(respond().response);
  const replaced = (from: string | RegExp, to: string) => {
    assert.notEqual(good.replace(from, to), good, String(from));
    return good.replace(from, to);
  };
  for (
    const [text, problem] of [
      [`${good},nc=00000001`, "a directive comes twice"],
      [`${good},Realm="x"`, "a directive comes twice"],
      [`${good},foo=1,foo=1`, "a directive comes twice"],
      [replaced('nonce="AQgP', 'nonce="BQgP'), "wrong nonce"],
      [replaced(/(?<!c)nonce="[^"]*",/, ""), "wrong nonce"],
      [replaced("nc=00000001", "nc=00000002"), "wrong nc"],
      [replaced("nc=00000001,", ""), "wrong nc"],
      [replaced("nc=00000001", "nc=1"), "wrong nc"],
      [replaced("qop=auth", "qop=auth-int"), "wrong qop"],
      [replaced(/cnonce="[^"]*",/, ""), "no cnonce"],
      [replaced(/cnonce="[^"]*"/, 'cnonce=""'), "no cnonce"],
      [replaced("smtp/", "imap/"), "wrong digest-uri"],
      [replaced("smtp/mail.example.org", "smtp"), "wrong digest-uri"],
      [replaced(/digest-uri="[^"]*",/, ""), "wrong digest-uri"],
      [replaced(/response=[0-9a-f]*,/, ""), "wrong response"],
      [replaced(/response=[0-9a-f]/, "response="), "wrong response"],
      [
        replaced(/response=[0-9a-f]*/, `response=${"A".repeat(32)}`),
        "wrong response",
      ],
      [replaced(/username="[^"]*",/, ""), "no username"],
      [replaced(/username="[^"]*"/, 'username=""'), "no username"],
      [replaced("charset=utf-8", "charset=utf-16"), "unknown charset"],
      [replaced('username="shin"', 'username="sh\xffin"'), "not UTF-8"],
      [replaced('realm="baz.co.jp"', 'realm="b\xe4z"'), "not UTF-8"],
      ["shin", "not a list of directives"],
    ] as const
  ) {
    const octets = encodeLatin1(text)!;
    assert.deepEqual(parseDigestResponse(octets, EXPECTED), { ok: false, problem }, text);
    assertFailed(drive(DIGEST_MD5, [null, octets]), "malformed", problem);
  }
});

Deno.test("DIGEST-MD5: forms that are right although unusual", () => {
  const good = latin1(respond().response);
  for (
    const text of [
      good.replace("qop=auth,", ""),
      good.replace("qop=auth", 'qop="auth"'),
      good.replace("charset=utf-8", "charset=UTF-8"),
      good.replace("username=", "UserName="),
      `${good},maxbuf=65536,cipher="rc4"`,
    ]
  ) {
    const { state, question } = untilAsked(DIGEST_MD5, [null, encodeLatin1(text)!]);
    const answer = store(SHIN, { main: "secret" })(question);
    assert.equal(outcomeOf(DIGEST_MD5.step(state, { kind: "answer", answer })).kind, "proved", text);
  }
  assertProved({ uri: "SMTP/Another.Host.example/baz.co.jp" });
});

Deno.test("DIGEST-MD5: names that are none", () => {
  assertFailed(drive(DIGEST_MD5, [null, respond({ username: "@baz.co.jp" }).response]), "malformed", "not a user name");
  assertFailed(drive(DIGEST_MD5, [null, respond({ username: "a\u0085b" }).response]), "malformed", "not a user name");
  assertFailed(drive(DIGEST_MD5, [null, respond({ realm: "x@y" }).response]), "malformed", "not a user name");
  assertFailed(drive(DIGEST_MD5, [null, respond({ authzid: "a\u0085" }).response]), "malformed");
});

Deno.test("DIGEST-MD5: an initial response is refused", () => {
  assert.equal(DIGEST_MD5.serverFirst, true);
  assertFailed(drive(DIGEST_MD5, [utf8("")]), "malformed");
  assertFailed(drive(DIGEST_MD5, [respond().response]), "malformed");
});

Deno.test("DIGEST-MD5: wrong secrets, decoys and other answers send no rspauth", () => {
  const { state } = untilAsked(DIGEST_MD5, [null, respond().response]);
  const step = (answer: Extract<ExchangeInput, { kind: "answer" }>["answer"]) =>
    DIGEST_MD5.step(state, { kind: "answer", answer });
  const right = verifierOf("digest-md5", SHIN, { password: "secret" });
  const wrong = verifierOf("digest-md5", SHIN, { password: "Secret" });
  const verifiers = { kind: "verifiers", account: account(SHIN), decoy: false } as const;
  assertFailed(step({ ...verifiers, verifiers: [wrong] }), "wrong-secret");
  assertFailed(step({ ...verifiers, verifiers: [] }), "rejected");
  assertFailed(step({ ...verifiers, account: null, verifiers: [right], decoy: true }), "wrong-secret", "unknown user");
  assertFailed(step({ ...verifiers, verifiers: [right], decoy: true }), "wrong-secret", "unknown user");
  assertFailed(step({ kind: "rejected", why: "disabled" }), "rejected", "disabled");
  assertFailed(step({ kind: "unavailable", cause: "busy" }), "unavailable", "busy");
  assertFailed(step({ kind: "continue", challenge: utf8("x"), handle: "1" }), "unavailable");
  assert.equal(outcomeOf(step({ ...verifiers, verifiers: [wrong, right] })).kind, "proved");
});
