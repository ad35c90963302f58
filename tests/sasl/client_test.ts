import assert from "node:assert/strict";
import { decodeBase64, latin1, utf8 } from "../../src/lib/octets.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../../src/sasl/client.ts";
import type { ClientCredentials, ClientTurn } from "../../src/sasl/client_exchange.ts";

const CREDENTIALS: ClientCredentials = {
  authcid: "user",
  authzid: "",
  password: "pencil",
  realm: "",
  host: "mail.example.org",
  nonce: new Uint8Array(16).fill(7),
};

function start(name: ClientMechanismName, changes: Partial<ClientCredentials> = {}) {
  return startClient(name, { ...CREDENTIALS, ...changes });
}

/** The response to a challenge, and the turn after it. */
function respond(turn: ClientTurn, challenge: string): { readonly text: string; readonly next: ClientTurn } {
  const step = turn.respond(utf8(challenge));
  assert(step.kind === "response", JSON.stringify(step));
  return { text: new TextDecoder().decode(step.octets), next: step.next };
}

function assertGivesUp(turn: ClientTurn, challenge: string | Uint8Array, why?: string): void {
  const step = turn.respond(typeof challenge === "string" ? utf8(challenge) : challenge);
  assert(step.kind === "failed", JSON.stringify(step));
  if (why !== undefined) assert.equal(step.why, why);
}

Deno.test("client PLAIN: the examples of RFC 4616 section 4", () => {
  const tim = start("PLAIN", { authcid: "tim", password: "tanstaaftanstaaf" });
  assert.equal(latin1(tim.initial!), "\0tim\0tanstaaftanstaaf");
  assert(tim.complete);
  assertGivesUp(tim, "");
  const kurt = start("PLAIN", { authzid: "Ursel", authcid: "Kurt", password: "xipj3plmq" });
  assert.equal(latin1(kurt.initial!), "Ursel\0Kurt\0xipj3plmq");
});

Deno.test("client LOGIN: two responses, whatever the prompts say", () => {
  const login = start("LOGIN", { password: "pässwörd" });
  assert.equal(login.initial, null);
  const first = respond(login, "User Name\0");
  const second = respond(first.next, "Password\0");
  assert.deepEqual([first.text, second.text], ["user", "pässwörd"]);
  assert.deepEqual([login.complete, first.next.complete, second.next.complete], [false, false, true]);
  assertGivesUp(second.next, "Again:");
});

Deno.test("client CRAM-MD5: the example of RFC 2195 section 2", () => {
  const tim = start("CRAM-MD5", { authcid: "tim", password: "tanstaaftanstaaf" });
  assert.equal(tim.initial, null);
  const { text, next } = respond(tim, "<1896.697170952@postoffice.reston.mci.net>");
  assert.equal(text, "tim b913a602c7eda7a495b4e6e7334d3890");
  assert(!tim.complete && next.complete);
  assertGivesUp(tim, "");
});

Deno.test("client SCRAM-SHA-1: the example of RFC 5802 section 5", () => {
  const scram = start("SCRAM-SHA-1", { nonce: decodeBase64("fyko+d2lbbFgONRv9qkxdawL")! });
  assert.equal(latin1(scram.initial!), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  const final = respond(scram, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
  assert.equal(
    final.text,
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
  );
  const last = respond(final.next, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
  assert.equal(last.text, "");
  assert.deepEqual([scram.complete, final.next.complete, last.next.complete], [false, false, true]);
});

Deno.test("client SCRAM-SHA-256: the example of RFC 7677 section 3", () => {
  const scram = start("SCRAM-SHA-256", { nonce: decodeBase64("rOprNGfwEbeRWgbNEkqO")! });
  assert.equal(latin1(scram.initial!), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const final = respond(scram, `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  assert.equal(final.text, `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`);
  assert(respond(final.next, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").next.complete);
});

Deno.test("client SCRAM-SHA-256: a login recorded between Cyrus SASL (Postfix) and a client", () => {
  const nonce = decodeBase64("ndOUcPu5GZniowPq")!;
  const scram = start("SCRAM-SHA-256", { authcid: "shin@baz.co.jp", password: "Kumquat42!", nonce });
  const final = respond(
    scram,
    "r=ndOUcPu5GZniowPqPnAJ1MXibzEkxyQXAacF8Yy9dqsvS8Q8,s=sNVeHBiXZ+N4pAJeXyRwsJk67GesgRNSWMQrVfx2KBc=,i=4096",
  );
  assert.equal(
    final.text,
    "c=biws,r=ndOUcPu5GZniowPqPnAJ1MXibzEkxyQXAacF8Yy9dqsvS8Q8,p=7OlrGs6IQQlekcY+Iw4sRnqYTf9X675lMhTZwFIkX9Q=",
  );
  assert(respond(final.next, "v=uQImQZ5K4ZNCTCZ5+ne70qmcqPR6rfr7kqqc9wQACW8=").next.complete);
});

Deno.test("client SCRAM: names are prepared and escaped", () => {
  const scram = start("SCRAM-SHA-256", { authcid: "a=b,cﬁ", authzid: "x,y=", nonce: decodeBase64("AAAA")! });
  assert.equal(latin1(scram.initial!), "n,a=x=2Cy=3D,n=a=3Db=2Ccfi,r=AAAA");
});

Deno.test("client SCRAM: server-first-messages that are refused", () => {
  const scram = start("SCRAM-SHA-256", { nonce: decodeBase64("AAAA")! });
  for (
    const [challenge, why] of [
      ["", "not a server-first-message"],
      ["r=AAAAx,s=AAAA", "not a server-first-message"],
      ["m=1,r=AAAAx,s=AAAA,i=4096", "not a server-first-message"],
      ["r=AAAAx,s=AAAA,i=4096,m=1", "not a server-first-message"],
      ["r=AAAAx,s=,i=4096", "not a server-first-message"],
      ["r=AAAAx,s=AA,i=4096", "salt not in base64"],
      ["r=AAAAx,s=AAAA,i=0", "not a server-first-message"],
      ["r=AAAAx,s=AAAA,i=-1", "not a server-first-message"],
      ["r=AAAAx,s=AAAA,i=4095", "4095 iterations"],
      ["r=AAAAx,s=AAAA,i=1000001", "1000001 iterations"],
      ["r=AAAAx,s=AAAA,i=99999999999", "not a server-first-message"],
      ["r=AAAA,s=AAAA,i=4096", "wrong nonce"],
      ["r=BAAAx,s=AAAA,i=4096", "wrong nonce"],
      ["e=other-error", "not a server-first-message"],
    ] as const
  ) {
    assertGivesUp(scram, challenge, why);
  }
  assertGivesUp(scram, Uint8Array.of(0xff));
  assert.equal(respond(scram, "r=AAAAx,s=AAAA,i=4096,x=1").next.complete, false);
});

Deno.test("client SCRAM: a server that does not prove itself is not believed", () => {
  const scram = start("SCRAM-SHA-256", { nonce: decodeBase64("AAAA")! });
  const { next } = respond(scram, "r=AAAAx,s=AAAA,i=4096");
  assert(!next.complete);
  const signature = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
  for (const challenge of ["", "v=", "v=AAAA", `v=${signature}`, signature, "v=!"]) {
    assertGivesUp(next, challenge, "the server does not know the password");
  }
  assertGivesUp(next, "e=invalid-proof", "the server says invalid-proof");
  assertGivesUp(next, "e=a\nb", "the server says a?b");
});

Deno.test("client DIGEST-MD5: a login recorded between Cyrus SASL (Postfix) and a client", () => {
  const digest = start("DIGEST-MD5", {
    authcid: "shin",
    password: "Kumquat42!",
    host: "127.0.0.1",
    nonce: decodeBase64("dmf1JUzEn1lfEQ+W")!,
  });
  const response = respond(
    digest,
    'nonce="6uplhWOWpK/myaiCgKTOs7TnGYT1f2kYN5jFvSxr2JE=",realm="baz.co.jp",qop="auth",charset=utf-8,algorithm=md5-sess',
  );
  assert.equal(
    response.text,
    'charset=utf-8,username="shin",realm="baz.co.jp",nonce="6uplhWOWpK/myaiCgKTOs7TnGYT1f2kYN5jFvSxr2JE=",nc=00000001,cnonce="dmf1JUzEn1lfEQ+W",digest-uri="smtp/127.0.0.1",response=23eb72e6660a262b9083c649f3d54af6,qop=auth',
  );
  const last = respond(response.next, "rspauth=b9c1619241a972b6fc3a1efa00021797");
  assert.equal(last.text, "");
  assert.deepEqual([digest.complete, response.next.complete, last.next.complete], [false, false, true]);
  assertGivesUp(response.next, "");
  assertGivesUp(response.next, "rspauth=b9c1619241a972b6fc3a1efa00021798", "the server does not know the password");
});

Deno.test("client DIGEST-MD5: which realm it takes", () => {
  const realmOf = (challenge: string, realm: string) =>
    /realm="([^"]*)"/.exec(respond(start("DIGEST-MD5", { realm }), `${challenge}nonce="n",algorithm=md5-sess`).text)
      ?.[1];
  assert.equal(realmOf('realm="a",realm="b",', ""), "a");
  assert.equal(realmOf('realm="a",realm="b",', "b"), "b");
  assert.equal(realmOf('realm="a",', "c"), "c");
  assert.equal(realmOf("", ""), undefined);
  assert.equal(realmOf("", "c"), "c");
});

Deno.test("client DIGEST-MD5: challenges that are refused", () => {
  for (
    const [challenge, why] of [
      ["", "not a DIGEST-MD5 challenge"],
      ['nonce="n",nonce="m",algorithm=md5-sess', "not a DIGEST-MD5 challenge"],
      ["algorithm=md5-sess", "no nonce"],
      ['nonce="n"', "unknown algorithm"],
      ['nonce="n",algorithm=md5', "unknown algorithm"],
      ['nonce="n",algorithm=md5-sess,qop="auth-int,auth-conf"', "no qop without a security layer"],
    ] as const
  ) {
    assertGivesUp(start("DIGEST-MD5"), challenge, why);
  }
  assertGivesUp(
    start("DIGEST-MD5", { authcid: "漢字" }),
    'nonce="n",algorithm=md5-sess',
    "the server cannot read this name: it offers no UTF-8",
  );
  respond(start("DIGEST-MD5"), 'nonce="n",algorithm=md5-sess,qop="auth-int, auth"');
});

Deno.test("CLIENT_MECHANISMS: the order of DESIGN.md section 7", () => {
  assert.deepEqual(CLIENT_MECHANISMS, ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"]);
});
