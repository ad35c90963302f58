import assert from "node:assert/strict";
import { decodeBase64, decodeUtf8, latin1 } from "../src/lib/octets.ts";
import { MECHANISMS } from "../src/sasl/mechanisms.ts";
import type { Identity } from "../src/smtp/identity.ts";
import { formatReply } from "../src/smtp/reply.ts";
import { REPLIES } from "../src/smtp/replies.ts";
import { step } from "../src/smtp/session.ts";
import type { Disposition, Effect, SessionContext, SessionEvent, SessionState } from "../src/smtp/session_state.ts";
import { Random } from "./lib/random.ts";
import { describe, SECRETS, walk, walkContext, WALKER, type WalkTurn } from "./lib/session_walk.ts";

const SEEDS = 2_000;
const TURNS = 80;

Deno.test("step() keeps its promises on random walks", () => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new Random(seed);
    const context = walkContext(random);
    const witness = new Witness(context, reached);
    let turn: WalkTurn | undefined;
    try {
      for (turn of walk(random, context, TURNS)) witness.see(turn);
    } catch (cause) {
      const last = turn === undefined ? "start" : `${describe(turn.event)} in phase ${turn.before.phase.at}`;
      throw new Error(`seed ${seed}, at or after ${last}: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  }
  for (const [place, least] of DEEP) {
    const times = reached.get(place) ?? 0;
    assert.ok(
      times >= least,
      `reached too little: ${place} ${times} times of ${least} (${JSON.stringify([...reached])})`,
    );
  }
});

Deno.test("step() gives nothing away for any event in any phase", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const context = walkContext(random);
    const events = strayEvents(random);
    const arrays = new Map<Uint8Array, string>();
    freeze(events, arrays);
    for (const { before } of walk(random, context, TURNS)) {
      for (const event of events) {
        const where = `seed ${seed}, ${describe(event)} in phase ${before.phase.at}`;
        freeze(before, arrays);
        const { state: after, effects } = step(before, event, context);
        if (after.identity !== null && after.identity !== before.identity) assert.ok(mayGive(before, event), where);
        if (before.phase.at === "closed") assert.deepEqual({ after, effects }, { after: before, effects: [] }, where);
        for (const effect of effects) {
          if (effect.kind === "reply") checkReply(effect, { before, event });
          if (effect.kind === "open-content") checkOpening(effect, before, context);
        }
      }
    }
    assertUnchanged(arrays);
  }
});

/** What the walks must have reached, and how often at least, for the promises to have been put to the test. */
const DEEP: readonly (readonly [string, number])[] = [
  ["content stored by DATA", 200],
  ["content stored by BDAT", 200],
  ["several chunks", 100],
  ["chunk refused", 50],
  ["final 334", 100],
  ["cancelled after final", 5],
  ["identity by SCRAM-SHA-256", 30],
  ["identity by SCRAM-SHA-1", 30],
  ["identity by DIGEST-MD5", 30],
  ["identity by CRAM-MD5", 30],
  ["identity by PLAIN", 30],
  ["identity by LOGIN", 30],
  ["identity without TLS", 20],
  ["TLS", 200],
  ["TLS after an identity", 5],
  ["421 of protocolErrors", 50],
  ["421 of authFailures", 50],
  ["421 of refusedRecipients", 50],
  ["timeout", 30],
  ["shutdown", 30],
  ["too many recipients", 10],
  ["draft dropped", 50],
  ["health", 50],
  ["out of step with a secret", 50],
];

/** In the order in which the driver carries them out, all that one step may say and do. */
const EFFECTS_REGEXP = new RegExp(
  "^(?:" + [
    "(?:drop-content )?reply",
    "reply start-tls",
    "ask",
    "conclude",
    "decide",
    "open-content reply receive-content",
    "(?:open-content )?receive-octets",
    "(?:reply )?(?:drop-content )?reply close",
  ].join("|") + ")$",
);

const STRENGTH: readonly Disposition[] = ["deliver", "hold", "discard"];

/** Follows one walk and holds each step against what was before. */
class Witness {
  readonly #context: SessionContext;
  readonly #reached: Map<string, number>;
  readonly #arrays = new Map<Uint8Array, string>();
  #lastId = 0;
  /** What the last accepted verdict of the exchange under way gave. */
  #accepted: Identity | null = null;
  #draft = false;
  #chunks = 0;
  #recipients = 0;
  #disposition: Disposition = "deliver";

  constructor(context: SessionContext, reached: Map<string, number>) {
    this.#context = context;
    this.#reached = reached;
  }

  see(turn: WalkTurn): void {
    const { before, event, after, effects } = turn;
    // The walk took this step on values that `freeze` had made unchangeable at the step before; octets are compared.
    assertUnchanged(this.#arrays);
    this.#arrays.clear();
    assertNoSecret(after);
    freeze(after, this.#arrays);

    this.#checkShape(turn);
    if (event.kind === "decided") this.#noteVerdict(before, event.verdict);
    if (event.kind === "concluded") this.#accepted = event.verdict.kind === "accepted" ? event.verdict.identity : null;
    if (event.kind === "content-ended") this.#draft = false;
    for (const effect of effects) this.#checkEffect(effect, turn);
    assert.equal(after.phase.at === "closed" && this.#draft, false, "closed with a draft open");
    this.#checkIdentity(turn);
    this.#checkExchange(after);
    this.#checkBeforeTls(turn);
    this.#count(turn);
    if (after.phase.at === "closed") this.#checkClosed(after);
  }

  #checkShape({ event, after, effects }: WalkTurn): void {
    const shape = effects.map(({ kind }) => kind).join(" ");
    if (event.kind === "tls-established") return assert.equal(shape, "");
    assert.match(shape, EFFECTS_REGEXP, "one reply or one thing to do for each step");
    assert.equal(effects.some(({ kind }) => kind === "close"), after.phase.at === "closed");
  }

  #noteVerdict(before: SessionState, verdict: Extract<SessionEvent, { kind: "decided" }>["verdict"]): void {
    if (before.phase.at === "deciding-mail") {
      this.#recipients = 0;
      this.#disposition = "deliver";
    }
    if (verdict.kind === "refuse") return;
    if (before.phase.at === "deciding-rcpt") this.#recipients++;
    const said = verdict.kind === "accept" ? "deliver" : verdict.kind;
    if (STRENGTH.indexOf(said) > STRENGTH.indexOf(this.#disposition)) this.#disposition = said;
  }

  #checkEffect(effect: Effect, { before, event }: WalkTurn): void {
    if (effect.kind !== "ask") assertNoSecret(effect);
    switch (effect.kind) {
      case "reply":
        checkReply(effect, { before, event });
        if (effect.refusal !== null) this.#takeId(effect.refusal.id);
        break;
      case "open-content":
        assert.equal(this.#draft, false, "two drafts");
        this.#draft = true;
        this.#chunks = 0;
        checkOpening(effect, before, this.#context);
        assert.equal(effect.envelope.recipients.length, this.#recipients, "recipients that policy took");
        assert.equal(effect.disposition, this.#disposition, "the strongest verdict holds");
        break;
      case "receive-octets":
        if (effect.discard) break;
        this.#chunks++;
        assert.ok(this.#draft, "octets for no draft");
        break;
      case "receive-content":
        assert.ok(this.#draft, "content for no draft");
        break;
      case "drop-content":
        assert.ok(this.#draft, "no draft to drop");
        this.#draft = false;
    }
  }

  #takeId(id: string): void {
    const match = /^s1\.(\d+)$/.exec(id);
    assert.ok(match !== null, `id ${id}`);
    const number = Number(match[1]);
    assert.ok(number > this.#lastId, `id ${id} after ${this.#lastId}`);
    this.#lastId = number;
  }

  #checkIdentity({ before, event, after }: WalkTurn): void {
    if (event.kind === "tls-established") {
      const { identity, helo, esmtp, phase } = after;
      assert.deepEqual({ identity, helo, esmtp, at: phase.at }, {
        identity: null,
        helo: null,
        esmtp: false,
        at: "greeted",
      });
    }
    if (after.identity === before.identity) return;
    if (after.identity === null) return assert.equal(event.kind, "tls-established", "identity lost");
    assert.equal(after.identity, this.#accepted, "identity without an accepted verdict");
    assert.ok(mayGive(before, event), "identity out of nothing");
  }

  #checkExchange({ phase, tls, health, identity }: SessionState): void {
    if (phase.at !== "exchange") return;
    assert.equal(identity, null, "exchange after success");
    assert.ok(!health, "exchange with a health check");
    if (tls === null) assert.ok(!this.#context.requireTls && !phase.mechanism.cleartext, "exchange without TLS");
  }

  /** RFC 3207 section 4: everything else is 530 while TLS is awaited. */
  #checkBeforeTls({ before, event, effects }: WalkTurn): void {
    if (event.kind !== "line" || before.tls !== null || !this.#context.requireTls) return;
    const [effect] = effects;
    const done = effect?.kind !== "receive-octets" && (effect?.kind !== "reply" || effect.reply.code < 400);
    if (done) assert.match(latin1(event.octets), /^(?:EHLO|HELO|NOOP|STARTTLS|QUIT|HELP|RSET)\b/i, "done before TLS");
  }

  #checkClosed(state: SessionState): void {
    for (const event of strayEvents(new Random(1))) {
      assert.deepEqual(step(state, event, this.#context), { state, effects: [] }, "alive after its end");
    }
  }

  #count({ before, event, after, effects }: WalkTurn): void {
    const { phase } = before;
    const says = (code: number) => effects.some((effect) => effect.kind === "reply" && effect.reply.code === code);
    const facts: readonly (readonly [boolean, string])[] = [
      [event.kind === "content-ended" && says(250), `content stored by ${phase.at === "chunks" ? "BDAT" : "DATA"}`],
      [event.kind === "content-ended" && says(250) && this.#chunks > 1, "several chunks"],
      [phase.at === "skipping-chunk", "chunk refused"],
      [event.kind === "concluded" && says(334), "final 334"],
      [phase.at === "exchange" && phase.waitsFor.for === "empty-response" && says(501), "cancelled after final"],
      [before.identity === null && after.identity !== null, `identity by ${after.identity?.mechanism}`],
      [before.identity === null && after.identity !== null && after.tls === null, "identity without TLS"],
      [event.kind === "tls-established", "TLS"],
      [event.kind === "tls-established" && before.identity !== null, "TLS after an identity"],
      [says(421) && after.authFailures >= this.#context.limits.authFailures, "421 of authFailures"],
      [says(421) && after.protocolErrors >= this.#context.limits.protocolErrors, "421 of protocolErrors"],
      [says(421) && after.refusedRecipients >= this.#context.limits.refusedRecipients, "421 of refusedRecipients"],
      [event.kind === "timeout" || event.kind === "shutdown", event.kind],
      [event.kind === "line" && phase.at === "mail" && says(452), "too many recipients"],
      [effects.some(({ kind }) => kind === "drop-content"), "draft dropped"],
      [event.kind === "connected" && event.health, "health"],
      [
        event.kind === "line" && phase.at !== "exchange" && holdsSecret(latin1(event.octets)),
        "out of step with a secret",
      ],
    ];
    for (const [holds, place] of facts) {
      if (holds) this.#reached.set(place, (this.#reached.get(place) ?? 0) + 1);
    }
  }
}

/** Whether an identity may come of this event here: of an accepted verdict, or of the empty response to a final message. */
function mayGive({ phase }: SessionState, event: SessionEvent): boolean {
  if (phase.at !== "exchange") return false;
  if (event.kind === "concluded") return phase.waitsFor.for === "verdict" && event.verdict.kind === "accepted";
  return phase.waitsFor.for === "empty-response" && event.kind === "line" && event.octets.length === 0;
}

function checkReply(
  { reply, refusal }: Extract<Effect, { kind: "reply" }>,
  { before, event }: Pick<WalkTurn, "before" | "event">,
): void {
  const text = formatReply(reply);
  assert.match(text, /^(?:\d{3}[ -][\t\x20-\x7e]*\r\n)+$/);
  const lines = text.split("\r\n").slice(0, -1);
  // RFC 4954 section 4 lets a challenge be longer.
  for (const line of lines) assert.ok(line.length + 2 <= (reply.code === 334 ? 12_288 : 512), line);
  const isHello = event.kind === "line" && reply.code === 250 && /^(?:EHLO|HELO) /i.test(latin1(event.octets));
  const bare = isHello || (reply.code === 220 && before.phase.at === "connecting") ||
    reply.code < 400 && reply.code >= 300;
  const code = new RegExp(bare ? `^${reply.code}[ -](?![245]\\.\\d)` : `^${reply.code}[ -]${text[0]}\\.\\d+\\.\\d+ .`);
  for (const line of lines) assert.match(line, code);
  assert.equal(refusal === null, reply.code < 400, "each refusal has its id");
  if (refusal !== null) assert.ok(lines.at(-1)?.endsWith(` (${refusal.id})`), text);
  if (reply.code === 334 && isFinal(reply.lines[0])) {
    assert.ok(
      event.kind === "concluded" && event.verdict.kind === "accepted",
      "final message without an accepted verdict",
    );
  }
}

/** SCRAM's server-final-message or DIGEST-MD5's response-auth: the proof that the server knows the password. */
function isFinal(challenge: string): boolean {
  return /^(?:v=|rspauth=)/.test(decodeUtf8(decodeBase64(challenge) ?? new Uint8Array()) ?? "");
}

function checkOpening(
  { envelope, identity }: Extract<Effect, { kind: "open-content" }>,
  before: SessionState,
  { role, requireTls }: SessionContext,
): void {
  assert.ok(envelope.recipients.length > 0, "content without a recipient");
  assert.equal(new Set(envelope.recipients.map(({ id }) => id)).size, envelope.recipients.length, "ids of recipients");
  assert.equal(identity, before.identity);
  assert.ok(role !== "msa" || identity !== null, "content without an identity");
  assert.ok(!requireTls || before.tls !== null, "content without TLS");
  assert.equal(before.health, false);
}

function strayEvents(random: Random): readonly SessionEvent[] {
  const account = { name: WALKER.authcid, backend: "b", addresses: [], groups: [], attributes: {} };
  const identity = { account, credential: "main", mechanism: "PLAIN", trusted: true };
  const nonce = random.octets(18);
  const lines = ["", "*", "=", "EHLO a", "MAIL FROM:<a@b.c>", "DATA", "BDAT 3 LAST", "RSET", "STARTTLS", "QUIT"];
  return [
    ...lines.map((line): SessionEvent => ({ kind: "line", octets: new TextEncoder().encode(line), nonce })),
    { kind: "line", octets: random.octets(12), nonce },
    { kind: "bad-line", why: "nul" },
    { kind: "answer", answer: { kind: "accepted", account, credential: "main", version: "1" } },
    { kind: "answer", answer: { kind: "verifiers", account, verifiers: [], decoy: true } },
    { kind: "concluded", verdict: { kind: "accepted", identity } },
    { kind: "concluded", verdict: { kind: "rejected" } },
    { kind: "decided", verdict: { kind: "accept" } },
    { kind: "decided", verdict: { kind: "refuse", reply: REPLIES.relayDenied, rule: "stray" } },
    { kind: "content-ended", outcome: { kind: "stored", id: "Q" } },
    { kind: "octets-received", problem: null },
    { kind: "tls-established", tls: { version: "", cipher: "", binding: null } },
    { kind: "timeout" },
    { kind: "shutdown" },
    { kind: "fault" },
  ];
}

const MECHANISM_OBJECTS: WeakSet<object> = new WeakSet(MECHANISMS);

/**
 * Makes a value and all in it unchangeable, so that a step that writes to its input throws. Octets cannot be frozen: what they are now is
 * remembered in `arrays`.
 */
function freeze(value: unknown, arrays: Map<Uint8Array, string>): void {
  if (typeof value !== "object" || value === null || MECHANISM_OBJECTS.has(value)) return;
  if (value instanceof Uint8Array) return void arrays.set(value, latin1(value));
  // What is frozen holds nothing that is not, but perhaps octets: those of TLS and nonces, which the second test holds for long.
  if (Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner, arrays);
}

function assertUnchanged(arrays: ReadonlyMap<Uint8Array, string>): void {
  for (const [octets, then] of arrays) assert.equal(latin1(octets), then, "changed octets of its input");
}

const CLEARED = new WeakSet<object>();

/** Looks into all that a value holds. */
function assertNoSecret(value: unknown): void {
  if (typeof value === "string") return assert.ok(!holdsSecret(value), `a secret in ${value}`);
  if (typeof value !== "object" || value === null || MECHANISM_OBJECTS.has(value) || CLEARED.has(value)) return;
  if (value instanceof Uint8Array) return assert.ok(!holdsSecret(latin1(value)), "a secret in octets");
  for (const inner of Object.values(value)) assertNoSecret(inner);
  CLEARED.add(value);
}

/** Whatever became of its upper and lower case. */
function holdsSecret(text: string): boolean {
  const lower = text.toLowerCase();
  return LOWER_SECRETS.some((secret) => lower.includes(secret));
}

const LOWER_SECRETS = SECRETS.map((secret) => secret.toLowerCase());
