import assert from "node:assert/strict";
import { decodeBase64, encodeBase64, utf8 } from "../../src/lib/octets.ts";
import { startClient } from "../../src/sasl/client.ts";
import type { ClientTurn } from "../../src/sasl/client_exchange.ts";
import { MECHANISMS } from "../../src/sasl/mechanisms.ts";
import type { ConcludedVerdict } from "../../src/smtp/identity.ts";
import { REPLIES } from "../../src/smtp/replies.ts";
import { formatReply, reply } from "../../src/smtp/reply.ts";
import { step } from "../../src/smtp/session.ts";
import {
  type Effect,
  INITIAL_STATE,
  type SessionContext,
  type SessionEvent,
  type SessionState,
} from "../../src/smtp/session_state.ts";
import { answerFromPeople, SITE } from "../lib/people.ts";
import { pureContext } from "../lib/pure_session.ts";

const TLS = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", binding: null };
const NONCE = new Uint8Array(18).fill(3);
const SHIN = { authcid: "shin@baz.co.jp", authzid: "", realm: "", password: "correct-horse", host: SITE.hostname };

/** A session moved by hand: `effects` are those of the last event. */
class Session {
  state: SessionState;
  effects: readonly Effect[] = [];
  readonly context: SessionContext;

  constructor(listener: "mta" | "msas", changes: Partial<SessionContext> = {}, start: Partial<SessionState> = {}) {
    this.context = pureContext(listener, changes);
    const ready = { at: "ready" } as const;
    const tls = listener === "msas" ? TLS : null;
    this.state = { ...INITIAL_STATE, phase: ready, helo: "a.example", esmtp: true, tls, ...start };
  }

  take(event: SessionEvent): string {
    const { state, effects } = step(this.state, event, this.context);
    this.state = state;
    this.effects = effects;
    return effects.map((effect) => effect.kind === "reply" ? formatReply(effect.reply).trimEnd() : effect.kind).join(
      "|",
    );
  }

  /** Who the client is, by account. */
  account(): string | null {
    return this.state.identity?.account.name ?? null;
  }

  line(text: string): string {
    return this.take({ kind: "line", octets: utf8(text), nonce: NONCE });
  }

  /** MAIL or RCPT which policy accepts. */
  accepted(text: string): void {
    assert.equal(this.line(text), "decide");
    assert.match(this.take({ kind: "decided", verdict: { kind: "accept" } }), /^250 /);
  }

  /** Runs an exchange up to its verdict; the client's turn is then that for the final message. */
  exchange(name: "SCRAM-SHA-256" | "DIGEST-MD5" | "PLAIN", verdict: ConcludedVerdict["kind"]): ClientTurn {
    const exchange = startClient(name, { ...SHIN, nonce: NONCE });
    let turn: ClientTurn = exchange;
    this.line(`AUTH ${name}${exchange.initial === null ? "" : ` ${encodeBase64(exchange.initial)}`}`);
    for (;;) {
      const [effect] = this.effects;
      if (effect?.kind === "ask") this.take({ kind: "answer", answer: answerFromPeople(effect.question) });
      else if (effect?.kind === "reply" && effect.reply.code === 334) {
        const taken = turn.respond(decodeBase64(effect.reply.lines[0]) ?? assert.fail());
        assert.ok(taken.kind === "response");
        turn = taken.next;
        this.line(encodeBase64(taken.octets));
      } else break;
    }
    const [end] = this.effects;
    assert.ok(end?.kind === "conclude" && end.outcome.kind === "proved", JSON.stringify(end));
    const { account, credential } = end.outcome;
    const identity = { account, credential, mechanism: name, trusted: true };
    this.take({ kind: "concluded", verdict: verdict === "accepted" ? { kind: verdict, identity } : { kind: verdict } });
    return turn;
  }
}

for (const name of ["SCRAM-SHA-256", "DIGEST-MD5"] as const) {
  Deno.test(`${name}: the final message goes out after the verdict, and an empty response brings 235`, () => {
    const session = new Session("msas");
    const turn = session.exchange(name, "accepted");
    const [effect] = session.effects;
    assert.ok(effect?.kind === "reply" && effect.reply.code === 334);
    assert.equal(session.account(), null, "no identity before the empty response");
    const last = turn.respond(decodeBase64(effect.reply.lines[0]) ?? assert.fail());
    assert.ok(last.kind === "response" && last.next.complete && last.octets.length === 0);
    assert.match(session.line(""), /^235 2\.7\.0 /);
    assert.equal(session.account(), "shin@baz.co.jp");
  });

  const REFUSED: readonly (readonly [string, SessionEvent, RegExp])[] = [
    ["*", { kind: "line", octets: utf8("*"), nonce: NONCE }, /^501 5\.7\.0 .* \(s1\.2\)$/],
    ["a response", { kind: "line", octets: utf8("AA=="), nonce: NONCE }, /^501 5\.5\.2 .* \(s1\.2\)$/],
    ["=", { kind: "line", octets: utf8("="), nonce: NONCE }, /^501 5\.5\.2 /],
    ["a command", { kind: "line", octets: utf8("MAIL FROM:<a@example.com>"), nonce: NONCE }, /^501 5\.5\.2 /],
    ["a long line", { kind: "bad-line", why: "too-long" }, /^500 5\.5\.6 /],
    ["a NUL", { kind: "bad-line", why: "nul" }, /^500 5\.5\.2 /],
  ];
  for (const [what, event, expected] of REFUSED) {
    Deno.test(`${name}: ${what} for the empty response at the end gives no identity`, () => {
      const session = new Session("msas");
      session.exchange(name, "accepted");
      assert.match(session.take(event), expected);
      assert.equal(session.account(), null);
      assert.equal(session.state.phase.at, "ready");
      assert.equal(session.state.authFailures, 1);
      assert.match(session.line("MAIL FROM:<a@example.com>"), /^530 /);
    });
  }

  for (
    const [verdict, code] of [["rejected", 535], ["too-weak", 534], ["delayed", 454], ["unavailable", 454]] as const
  ) {
    Deno.test(`${name}: a right proof and the verdict ${verdict} give ${code}, and no final message`, () => {
      const session = new Session("msas");
      session.exchange(name, verdict);
      assert.deepEqual(session.effects.map(({ kind }) => kind), ["reply"]);
      const [effect] = session.effects;
      assert.ok(effect?.kind === "reply" && effect.reply.code === code);
      assert.equal(session.account(), null);
      assert.equal(session.state.authFailures, verdict === "unavailable" ? 0 : 1);
    });
  }
}

Deno.test("STARTTLS takes an identity away and leaves the counts", () => {
  const session = new Session("mta", { offered: () => MECHANISMS });
  session.line("WHAT");
  session.exchange("DIGEST-MD5", "accepted");
  session.line("");
  assert.notEqual(session.account(), null);
  assert.match(session.line("STARTTLS"), /^220 .*\|start-tls$/);
  session.take({ kind: "tls-established", tls: TLS });
  const { identity, helo, protocolErrors, phase } = session.state;
  assert.deepEqual({ identity, helo, protocolErrors, phase }, {
    identity: null,
    helo: null,
    protocolErrors: 1,
    phase: { at: "greeted" },
  });
});

Deno.test("one recipient more than the limit is 452 4.5.3, and the others get the mail", () => {
  const session = new Session("mta");
  session.accepted("MAIL FROM:<a@example.com>");
  for (let at = 0; at < 1000; at++) session.accepted(`RCPT TO:<r${at}@foobar.co.jp>`);
  for (let more = 0; more < 30; more++) {
    assert.match(session.line("RCPT TO:<more@foobar.co.jp>"), /^452 4\.5\.3 [^|]*$/);
  }
  assert.match(session.line("DATA"), /^open-content\|354 [^|]*\|receive-content$/);
  const [opened] = session.effects;
  assert.ok(opened?.kind === "open-content");
  assert.equal(opened.envelope.recipients.length, 1000);
  assert.equal(opened.envelope.recipients.at(-1)?.id, 1000);
});

Deno.test("refused recipients end a session at their limit, those to be tried again later never", () => {
  const session = new Session("mta");
  session.accepted("MAIL FROM:<a@example.com>");
  const refused = (answer: typeof REPLIES.recipientUnknown | typeof REPLIES.recipientUnavailable) => {
    assert.equal(session.line("RCPT TO:<nobody@foobar.co.jp>"), "decide");
    return session.take({ kind: "decided", verdict: { kind: "refuse", reply: answer, rule: "none" } });
  };
  for (let times = 0; times < 60; times++) assert.match(refused(REPLIES.recipientUnavailable), /^451 [^|]*$/);
  for (let times = 1; times < 50; times++) assert.match(refused(REPLIES.recipientUnknown), /^550 [^|]*$/);
  assert.match(
    refused(REPLIES.recipientUnknown),
    /^550 [^|]*\|421 4\.7\.0 Too many refused recipients \(s1\.111\)\|close$/,
  );
  assert.equal(session.state.protocolErrors, 0);
});

Deno.test("the counts are apart: nineteen errors, four failures and 49 refusals do not end a session", () => {
  const session = new Session("msas", {}, { protocolErrors: 18, authFailures: 3, refusedRecipients: 48 });
  assert.match(session.line("WHAT"), /^500 [^|]*$/);
  session.line("AUTH PLAIN !");
  assert.match(session.take({ kind: "concluded", verdict: { kind: "rejected" } }), /^501 5\.5\.2 [^|]*$/);
  session.line("AUTH PLAIN !");
  assert.match(
    session.take({ kind: "concluded", verdict: { kind: "rejected" } }),
    /^501 [^|]*\|421 4\.7\.0 Too many failed logins [^|]*\|close$/,
  );
});

Deno.test("a chunk that is too large is 552, those behind it are read over, RSET ends it", () => {
  const session = new Session("mta");
  session.accepted("MAIL FROM:<a@example.com>");
  session.accepted("RCPT TO:<shin@foobar.co.jp>");
  assert.equal(session.line("BDAT 99999999"), "open-content|receive-octets");
  assert.match(session.take({ kind: "octets-received", problem: "too-large" }), /^552 5\.3\.4 [^|]*$/);
  assert.equal(session.line("BDAT 10 LAST"), "receive-octets");
  assert.deepEqual(session.effects, [{ kind: "receive-octets", count: 10, last: false, discard: true }]);
  assert.match(session.take({ kind: "octets-received", problem: null }), /^503 5\.5\.1 /);
  assert.match(session.line("RSET"), /^drop-content\|250 /);
  session.accepted("MAIL FROM:<a@example.com>");
});

Deno.test("at the limit of errors between chunks the draft is dropped", () => {
  const session = new Session("mta", {}, { protocolErrors: 19 });
  session.accepted("MAIL FROM:<a@example.com>");
  session.accepted("RCPT TO:<shin@foobar.co.jp>");
  session.line("BDAT 1");
  session.take({ kind: "octets-received", problem: null });
  assert.match(session.line("DATA"), /^503 [^|]*\|drop-content\|421 [^|]*\|close$/);
});

Deno.test("each fate of content has its reply, and only a client's own mistake counts", () => {
  const cases: readonly (readonly [Extract<SessionEvent, { kind: "content-ended" }>["outcome"], RegExp, number])[] = [
    [{ kind: "stored", id: "Q1" }, /^250 2\.0\.0 Queued as Q1$/, 0],
    [{ kind: "too-large" }, /^552 5\.3\.4 /, 0],
    [{ kind: "no-space" }, /^452 4\.3\.1 /, 0],
    [{ kind: "unavailable" }, /^451 4\.3\.0 /, 0],
    [{ kind: "too-many-hops" }, /^554 5\.4\.6 /, 0],
    [{ kind: "malformed", why: "bare-lf" }, /^554 5\.6\.0 .* LF/, 1],
    [{ kind: "malformed", why: "bare-cr" }, /^554 5\.6\.0 .* CR/, 1],
    [{ kind: "malformed", why: "nul" }, /^554 5\.6\.0 .* NUL/, 1],
    [{ kind: "refused", reply: reply(550, "5.7.1", "No"), rule: "r" }, /^550 5\.7\.1 No \(s1\.1\)$/, 0],
  ];
  for (const [outcome, expected, errors] of cases) {
    const session = new Session("mta", {}, { phase: { at: "content" } });
    assert.match(session.take({ kind: "content-ended", outcome }), expected);
    assert.equal(session.state.phase.at, "ready");
    assert.equal(session.state.protocolErrors, errors);
  }
});

Deno.test("policy rewrites the reverse-path, and its strongest verdict holds for the whole mail", () => {
  const session = new Session("mta");
  session.line("MAIL FROM:<a@example.com>");
  session.take({ kind: "decided", verdict: { kind: "accept", reversePath: null } });
  for (const kind of ["hold", "discard", "hold"] as const) {
    session.line("RCPT TO:<shin@foobar.co.jp>");
    assert.match(session.take({ kind: "decided", verdict: { kind, rule: "r" } }), /^250 2\.1\.5 /);
  }
  session.line("DATA");
  const [opened] = session.effects;
  assert.ok(opened?.kind === "open-content");
  assert.equal(opened.disposition, "discard");
  assert.equal(opened.envelope.reversePath, null);
});

Deno.test("a client that policy refuses at connect gets the reply instead of the greeting", () => {
  const session = new Session("mta", {}, INITIAL_STATE);
  assert.equal(session.take({ kind: "connected", remote: "192.0.2.1", health: false, tls: null }), "decide");
  const verdict = { kind: "refuse", reply: REPLIES.connectionRefused, rule: "r" } as const;
  assert.equal(session.take({ kind: "decided", verdict }), "554 5.7.1 Connection refused (s1.1)|close");
  assert.equal(session.line("EHLO a"), "");
});

Deno.test("a client that may not send is greeted, and gets its answer to all that could lead to mail", () => {
  const session = new Session("mta", {}, INITIAL_STATE);
  session.take({ kind: "connected", remote: "192.0.2.1", health: false, tls: null });
  const verdict = { kind: "refuse", reply: REPLIES.accessDenied, rule: "line 1" } as const;
  assert.match(session.take({ kind: "decided", verdict }), /^220 /);
  assert.doesNotMatch(session.line("EHLO a"), /AUTH|STARTTLS/);
  for (const line of ["MAIL FROM:<>", "AUTH PLAIN", "STARTTLS", "RCPT TO:<a@b.example>", "DATA", "VRFY a"]) {
    assert.match(session.line(line), /^550 5\.7\.1 Access denied \(s1\.\d+\)$/, line);
  }
  assert.match(session.line("NOOP"), /^250 /);
  assert.match(session.line("QUIT"), /^221 .*\|close$/);
});

Deno.test("421 from policy ends the session, whatever it was about", () => {
  const verdict = { kind: "refuse", reply: REPLIES.shuttingDown, rule: "line 1" } as const;
  const session = new Session("mta", {});
  session.line("EHLO a");
  assert.equal(session.line("MAIL FROM:<a@b.example>"), "decide");
  assert.match(session.take({ kind: "decided", verdict }), /^421 .*\|close$/);
});

Deno.test("a health check gets neither AUTH nor mail", () => {
  const session = new Session("msas", {}, { health: true });
  assert.doesNotMatch(session.line("EHLO a"), /AUTH/);
  assert.match(session.line("AUTH PLAIN AGEAYg=="), /^550 5\.7\.1 /);
  assert.match(session.line("MAIL FROM:<>"), /^550 5\.7\.1 /);
});

Deno.test("STARTTLS without a certificate is 454 and not offered", () => {
  const session = new Session("mta", { canStartTls: false });
  assert.doesNotMatch(session.line("EHLO a"), /STARTTLS/);
  assert.match(session.line("STARTTLS"), /^454 4\.7\.0 [^|]*$/);
});

Deno.test("EHLO: AUTH= for old clients names PLAIN and LOGIN alone; after success there is no AUTH", () => {
  const session = new Session("msas", { legacyAuthLine: true });
  assert.match(session.line("EHLO a"), /\n250-AUTH SCRAM-SHA-256-PLUS .* LOGIN\r\n250-AUTH=LOGIN PLAIN\r\n/);
  session.exchange("PLAIN", "accepted");
  assert.doesNotMatch(session.line("EHLO a"), /AUTH/);
});

Deno.test("what is no command is not remembered for the log: it could be a password or content", () => {
  const session = new Session("msas");
  for (const line of ["correct-horse", "Y29ycmVjdC1ob3JzZQ==", "correct horse", "\u017FTARTTLS", "QU\u0131T"]) {
    assert.match(session.line(line), /^500 5\.5\.1 /);
    const [effect] = session.effects;
    assert.ok(effect?.kind === "reply");
    assert.equal(effect.refusal?.command, "");
  }
  const whyOf = (word: string) => {
    session.line(`AUTH ${word}`);
    const [effect] = session.effects;
    assert.ok(effect?.kind === "reply" && effect.reply.code === 504);
    return effect.refusal?.why;
  };
  for (const word of ["AHNoaW5AYmF6LmNvLmpwAGNvcnJlY3QtaG9yc2U=", "correct-horse", "Y29ycmVjdC1ob3Jz"]) {
    assert.equal(whyOf(word), "no mechanism of this name is known");
  }
  assert.equal(whyOf("ntlm"), "mechanism NTLM is not offered here");
  session.line("expn staff");
  assert.equal(session.state.command, "EXPN");
});

Deno.test("an event that nobody waits for changes nothing", () => {
  const identity = {
    account: { name: "shin@baz.co.jp", backend: "b", addresses: [], groups: [], attributes: {} },
    credential: "main",
    mechanism: "PLAIN",
    trusted: true,
  };
  const stray: readonly SessionEvent[] = [
    { kind: "answer", answer: { kind: "accepted", account: identity.account, credential: "main", version: "1" } },
    { kind: "concluded", verdict: { kind: "accepted", identity } },
    { kind: "decided", verdict: { kind: "accept" } },
    { kind: "content-ended", outcome: { kind: "stored", id: "Q1" } },
    { kind: "octets-received", problem: null },
    { kind: "tls-established", tls: TLS },
  ];
  for (const event of stray) {
    const session = new Session("mta");
    const before = session.state;
    assert.equal(session.take(event), "", event.kind);
    assert.equal(session.state, before, event.kind);
  }
});
