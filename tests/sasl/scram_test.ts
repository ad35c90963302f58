import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { decodeBase64, encodeBase64, latin1, utf8 } from "../../src/lib/octets.ts";
import type { ExchangeInput, Mechanism } from "../../src/sasl/mechanism.ts";
import { prepare } from "../../src/sasl/saslprep.ts";
import {
  SCRAM_SHA_1,
  SCRAM_SHA_1_PLUS,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  type ScramState,
} from "../../src/sasl/scram.ts";
import {
  type ScramHash,
  scramKeys,
  scramProof,
  scramProofFits,
  scramServerSignature,
} from "../../src/sasl/scram_keys.ts";
import { escapeName, parseClientFinal, parseClientFirst } from "../../src/sasl/scram_messages.ts";
import {
  account,
  assertFailed,
  drive,
  exchangeInit,
  ITERATIONS,
  NONCE,
  outcomeOf,
  SALT,
  store,
  untilAsked,
  verifierOf,
} from "./lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };
const BINDING = Uint8Array.from({ length: 32 }, (_, at) => 255 - at);
const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const BOUND = "p=tls-server-end-point,,";
const PLUS_INIT = exchangeInit({ binding: BINDING, plusOffered: true });

/** The messages of RFC 5802 section 5 and RFC 7677 section 3. */
const RFC_VECTORS = [
  {
    hash: "sha-1",
    octets: 20,
    digest: "sha1",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    signature: "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    salt: "QSXCR+Q6sek8bf92",
  },
  {
    hash: "sha-256",
    octets: 32,
    digest: "sha256",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    signature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
  },
] as const;

for (const vector of RFC_VECTORS) {
  Deno.test(`SCRAM: the example of RFC ${vector.hash === "sha-1" ? "5802 section 5" : "7677 section 3"}`, () => {
    const { hash, octets, digest } = vector;
    const first = parseClientFirst(utf8(vector.first));
    const final = parseClientFinal(utf8(vector.final));
    assert(first.ok && final.ok);
    assert.deepEqual([first.value.username, first.value.authzid, first.value.gs2Header], ["user", "", "n,,"]);
    assert.equal(encodeBase64(utf8(first.value.gs2Header)), final.value.binding);
    const salted = pbkdf2Sync("pencil", decodeBase64(vector.salt)!, 4096, octets, digest);
    const { storedKey, serverKey } = scramKeys(hash, salted);
    const authMessage = utf8(`${first.value.bare},${vector.serverFirst},${final.value.withoutProof}`);
    const { proof } = final.value;
    assert(scramProofFits(hash, { storedKey, authMessage, proof }));
    assert.equal(encodeBase64(scramServerSignature(hash, serverKey, authMessage)), vector.signature);
    for (let at = 0; at < proof.length; at++) {
      const broken = proof.with(at, proof[at]! ^ 1);
      assert(!scramProofFits(hash, { storedKey, authMessage, proof: broken }), `octet ${at}`);
    }
  });
}

Deno.test("SCRAM: what GNU SASL 2.2.0 computed for our challenge", () => {
  // Made with python3 (ctypes on libgsasl.so.18) as the client of this exchange; it then accepted the v=.
  for (
    const [mechanism, user, password, first, final, v, authzid] of [
      [
        SCRAM_SHA_256,
        SHIN,
        "Kumquat42!",
        "n,,n=shin@baz.co.jp,r=d9Sk4TDin06hbSLIIF3sswKV",
        "c=biws,r=d9Sk4TDin06hbSLIIF3sswKVAQgPFh0kKzI5QEdOVVxjanF4,p=66F7+/vTEfMPMJx1S5AAMMMOjXZcMMCXRrURN1GqSos=",
        "v=iRdIxYmAXI831cmCc5h5HbEbLxxiAdk1LOc2Odw8SHw=",
        "",
      ],
      [
        SCRAM_SHA_1,
        { local: "b,o=b", realm: "baz.co.jp" },
        "pässwörd",
        "n,a=ad=3Dm=2Cin,n=b=2Co=3Db,r=8Xjja1KbdQoOqFdbDOAtiN1w",
        "c=bixhPWFkPTNEbT0yQ2luLA==,r=8Xjja1KbdQoOqFdbDOAtiN1wAQgPFh0kKzI5QEdOVVxjanF4,p=gSWtoTVD86jasC4fcHy9AD5xo3M=",
        "v=JrYGR5f96+fxtvkkHoHHdjR7N+Y=",
        "ad=m,in",
      ],
    ] as const
  ) {
    const asked = untilAsked(mechanism, [utf8(first)]);
    const answer = store(user, { other: "?", main: password })(asked.question);
    const challenge = mechanism.step(asked.state, { kind: "answer", answer });
    assert(challenge.kind === "challenge");
    const step = mechanism.step(challenge.state, { kind: "response", response: utf8(final) });
    const outcome = outcomeOf(step);
    assert(outcome.kind === "proved");
    assert.deepEqual([outcome.authcid, outcome.authzid, outcome.credential], [user, authzid, "main"]);
    assert(step.kind === "end" && step.final !== null && latin1(step.final) === v);
  }
});

interface Sent {
  readonly mechanism?: Mechanism<ScramState>;
  readonly hash?: ScramHash;
  readonly gs2Header?: string;
  readonly username?: string;
  readonly password?: string;
  readonly extension?: string;
  /** What `c=` says, where it is not what it ought to be. */
  readonly binding?: string;
  readonly final?: (message: string) => string;
  readonly init?: ReturnType<typeof exchangeInit>;
  readonly answer?: Extract<ExchangeInput, { kind: "answer" }>["answer"];
}

/** Runs an exchange with a client of its own; each setting makes it say something else. */
function exchange(sent: Sent = {}) {
  const { mechanism = SCRAM_SHA_256, hash = "sha-256", gs2Header = "n,,", username = "shin", extension = "" } = sent;
  const { init = exchangeInit(), password = "secret", final = (message) => message } = sent;
  const bare = `n=${escapeName(username)},r=${CLIENT_NONCE}${extension}`;
  const asked = drive(mechanism, [utf8(gs2Header + bare)], init);
  if (asked.kind !== "ask") return asked;
  const answer = sent.answer ?? store(SHIN, { main: "secret", phone: "p,a=s" })(asked.question);
  const challenge = mechanism.step(asked.state, { kind: "answer", answer });
  if (challenge.kind !== "challenge") return challenge;
  const serverFirst = new TextDecoder().decode(challenge.challenge);
  assert.equal(serverFirst, `r=${CLIENT_NONCE}${encodeBase64(NONCE)},s=${encodeBase64(SALT)},i=${ITERATIONS}`);
  const octets = hash === "sha-1" ? 20 : 32;
  const salted = pbkdf2Sync(prepare(password)!, SALT, ITERATIONS, octets, hash.replace("-", ""));
  const c = sent.binding ?? encodeBase64(
    gs2Header.startsWith("p") ? Uint8Array.of(...utf8(gs2Header), ...BINDING) : utf8(gs2Header),
  );
  const withoutProof = `c=${c},r=${CLIENT_NONCE}${encodeBase64(NONCE)}`;
  const { proof } = scramProof(hash, salted, utf8(`${bare},${serverFirst},${withoutProof}`));
  const message = final(`${withoutProof},p=${encodeBase64(proof)}`);
  return mechanism.step(challenge.state, { kind: "response", response: utf8(message) });
}

function assertProved(sent: Sent): void {
  const step = exchange(sent);
  assert.equal(outcomeOf(step).kind, "proved", JSON.stringify(outcomeOf(step)));
  assert(step.kind === "end" && step.final !== null && latin1(step.final).startsWith("v="));
}

Deno.test("SCRAM: each form proves", () => {
  assertProved({});
  assertProved({ mechanism: SCRAM_SHA_1, hash: "sha-1" });
  assertProved({ mechanism: SCRAM_SHA_256_PLUS, gs2Header: BOUND, init: PLUS_INIT });
  assertProved({ mechanism: SCRAM_SHA_1_PLUS, hash: "sha-1", gs2Header: BOUND, init: PLUS_INIT });
  assertProved({ gs2Header: "y,," });
  assertProved({ gs2Header: "n,,", init: PLUS_INIT });
  assertProved({ username: "shin@baz.co.jp" });
  assertProved({ extension: ",x=whatever,Y=1=2" });
});

Deno.test("SCRAM: asks for its own scheme, and tells which credential it was", () => {
  const { question } = untilAsked(SCRAM_SHA_256_PLUS, [utf8(`${BOUND}n=shin,r=abc`)], PLUS_INIT);
  assert.deepEqual(question, {
    kind: "verifiers",
    user: SHIN,
    scheme: "scram-sha-256",
    origin: { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "SCRAM-SHA-256-PLUS" },
  });
  const outcome = outcomeOf(exchange({ password: "p,a=s" }));
  assert(outcome.kind === "proved" && outcome.credential === "phone" && outcome.proof === "verifier");
});

Deno.test("SCRAM: without an initial response an empty challenge asks for it", () => {
  const step = drive(SCRAM_SHA_256, [null]);
  assert(step.kind === "challenge" && step.challenge.length === 0);
  assert.equal(drive(SCRAM_SHA_256, [null, utf8("n,,n=shin,r=abc")]).kind, "ask");
});

Deno.test("SCRAM: y where -PLUS was offered is a downgrade (RFC 5802 section 6)", () => {
  assertFailed(exchange({ gs2Header: "y,,", init: PLUS_INIT }), "downgrade");
  assertFailed(exchange({ gs2Header: "y,,", init: exchangeInit({ plusOffered: true }) }), "downgrade");
});

Deno.test("SCRAM: channel binding goes with -PLUS and with nothing else", () => {
  assertFailed(exchange({ gs2Header: BOUND, init: PLUS_INIT }), "malformed");
  assertFailed(exchange({ mechanism: SCRAM_SHA_256_PLUS, init: PLUS_INIT }), "malformed");
  assertFailed(exchange({ mechanism: SCRAM_SHA_256_PLUS, gs2Header: "y,,", init: PLUS_INIT }), "downgrade");
  const unique = "p=tls-unique,,";
  assertFailed(exchange({ mechanism: SCRAM_SHA_256_PLUS, gs2Header: unique, init: PLUS_INIT }), "malformed");
  assertFailed(exchange({ mechanism: SCRAM_SHA_256_PLUS, gs2Header: BOUND }), "malformed", "no channel to bind to");
});

Deno.test("SCRAM: c= must be the header and the channel of this connection", () => {
  const other = Uint8Array.of(...utf8(BOUND), ...BINDING.with(0, 1));
  for (const binding of [encodeBase64(other), encodeBase64(utf8(BOUND)), "biws"]) {
    assertFailed(exchange({ mechanism: SCRAM_SHA_256_PLUS, gs2Header: BOUND, init: PLUS_INIT, binding }), "downgrade");
  }
  assertFailed(exchange({ binding: encodeBase64(utf8("y,,")) }), "downgrade");
  assertFailed(exchange({ binding: encodeBase64(utf8("n,a=root,")) }), "downgrade");
  assertFailed(exchange({ gs2Header: "n,a=boss,", binding: "biws" }), "downgrade");
});

Deno.test("smtp_server_3_19 authzid is kept, with SCRAM too", () => {
  const outcome = outcomeOf(exchange({ gs2Header: "n,a=b=2Coss=3D@baz.co.jp," }));
  assert(outcome.kind === "proved" && outcome.authzid === "b,oss=@baz.co.jp");
});

Deno.test("SCRAM: client-first-messages that are none", () => {
  for (
    const text of [
      "",
      "n",
      "n,",
      "n,,",
      "n,,n=shin",
      "n,,r=abc,n=shin",
      "n,,n=shin,r=",
      "n,,n=,r=abc",
      "n,a=,n=shin,r=abc",
      "n,x=1,n=shin,r=abc",
      "q,,n=shin,r=abc",
      "N,,n=shin,r=abc",
      "p,,n=shin,r=abc",
      "p=,,n=shin,r=abc",
      "F,n,,n=shin,r=abc",
      "n=shin,r=abc",
      "n,,m=x,n=shin,r=abc",
      "n,,n=shin,r=abc,m=x",
      "n,,n=shin,r=abc,r=def",
      "n,,n=shin,r=abc,n=root",
      "n,,n=shin,r=abc,",
      "n,,n=shin,r=abc,x",
      "n,,n=shin,r=abc,x=",
      "n,,n=shin,r=a c",
      "n,,n=shin,r=a\x7f",
      "n,,n=shin,r=aé",
      "n,,n=sh=in,r=abc",
      "n,,n=shin=,r=abc",
      "n,,n=shin=2c,r=abc",
      "n,,n=shin=3d,r=abc",
      "n,,n=shin=20,r=abc",
      "n,a=b=oss,n=shin,r=abc",
      "n,,n=sh\0in,r=abc",
      "n,,n=sh\nin,r=abc",
      "n,a=b\noss,n=shin,r=abc",
      "n,,n=@baz.co.jp,r=abc",
      "n,,n=shin,r=abc\n",
      `n,,n=shin,r=${"a".repeat(257)}`,
      `n,,n=shin,r=abc,x=${"a".repeat(5000)}`,
    ]
  ) {
    assertFailed(drive(SCRAM_SHA_256, [utf8(text)]), "malformed");
  }
  assertFailed(drive(SCRAM_SHA_256, [Uint8Array.of(...utf8("n,,n=sh"), 0xff, ...utf8(",r=abc"))]), "malformed");
});

Deno.test("SCRAM: client-first-messages at the edge of the form", () => {
  const asked = (text: string) => untilAsked(SCRAM_SHA_256, [utf8(text)]).question;
  for (
    const [text, local] of [
      [`n,,n=shin,r=${"a".repeat(256)}`, "shin"],
      ["n,,n==2C=3D=2C,r=!~%", ",=,"],
      ["n,,n=a=3D2C,r=abc", "a=2C"],
      ["n,,n=漢字 ½,r=abc", "漢字 1⁄2"],
      ["n,,n=I\u00adX,r=abc", "IX"],
    ] as const
  ) {
    const question = asked(text);
    assert(question.kind === "verifiers");
    assert.equal(question.user.local, local);
  }
});

Deno.test("SCRAM: client-final-messages that are none", () => {
  for (
    const [final, why] of [
      [() => "", "malformed"],
      [(text: string) => text.replace("c=biws,", ""), "malformed"],
      [(text: string) => text.replace(/,p=.*/, ""), "malformed"],
      [(text: string) => text.replace(/p=.*/, "p="), "malformed"],
      [(text: string) => text.replace(/p=.*/, "p=AAAA"), "malformed"],
      [(text: string) => text.replace(/p=.*/, "p=A"), "malformed"],
      [(text: string) => text.replace(/p=.*/, "p==A=="), "malformed"],
      [(text: string) => `${text}=`, "malformed"],
      [(text: string) => `${text},x=1`, "malformed"],
      [(text: string) => `${text}\n`, "malformed"],
      [(text: string) => text.replace(",p=", ",m=1,p="), "malformed"],
      [(text: string) => text.replace(",p=", ",p=AAAA,p="), "malformed"],
      [(text: string) => text.replace(",p=", "x,p="), "malformed"],
      [(text: string) => text.replace(`r=${CLIENT_NONCE}`, "r=other"), "malformed"],
      [(text: string) => text.replace(/r=[^,]*/, `r=${CLIENT_NONCE}`), "malformed"],
      [(text: string) => text.replace("c=biws", "c=biwt"), "downgrade"],
      [(text: string) => text.replace("c=biws", "c=biws="), "downgrade"],
      [(text: string) => text.replace(",p=", ",x=1,p="), "wrong-secret"],
      [(text: string) => text.replace(/p=../, "p=//"), "wrong-secret"],
    ] as const
  ) {
    assertFailed(exchange({ final }), why);
  }
});

Deno.test("SCRAM: wrong secrets, decoys and other answers send no v=", () => {
  assertFailed(exchange({ password: "Secret" }), "wrong-secret");
  const right = verifierOf("scram-sha-256", SHIN, { password: "secret" });
  const verifiers = { kind: "verifiers", account: account(SHIN), decoy: false } as const;
  const decoy = { ...verifiers, account: null, verifiers: [right], decoy: true };
  assertFailed(exchange({ answer: decoy }), "wrong-secret", "unknown user");
  assertFailed(exchange({ answer: { ...decoy, account: account(SHIN) } }), "wrong-secret", "unknown user");
  assertFailed(exchange({ answer: { ...verifiers, verifiers: [] } }), "rejected", "no verifier is stored");
  assertFailed(exchange({ answer: { kind: "rejected", why: "disabled" } }), "rejected", "disabled");
  assertFailed(exchange({ answer: { kind: "unavailable", cause: "busy" } }), "unavailable", "busy");
  const accepted = { kind: "accepted", account: account(SHIN), credential: "main", version: "1" } as const;
  assertFailed(exchange({ answer: accepted }), "unavailable");
});
