import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeBase64, utf8 } from "../../src/lib/octets.ts";
import { type ClientEvent, replyDeadlineMs, step } from "../../src/smtp/client.ts";
import { ReplyParser } from "../../src/smtp/client_reply.ts";
import {
  type ClientEffect,
  type ClientMail,
  type ClientSettings,
  type ClientState,
  startConversation,
} from "../../src/smtp/client_state.ts";

const SETTINGS: ClientSettings = {
  hostname: "mail.foobar.co.jp",
  host: "smtp.example.net",
  tls: "never",
  auth: null,
  allowClearTextPassword: false,
  loopback: false,
  nonce: utf8("0123456789abcdef0123"),
};

const AUTH = { authzid: "", authcid: "shin", password: "correct-horse", realm: "" };

const MAIL: ClientMail = {
  reversePath: "shin@baz.co.jp",
  recipients: [{ id: 1, forwardPath: "taro@example.net", notify: null, orcpt: null }],
  sizeOctets: 100,
  has8bit: false,
  smtputf8: false,
  ret: null,
  envid: null,
};

/** Feeds replies and other events; gives what was written and asked for. */
class Played {
  state: ClientState;
  readonly effects: ClientEffect[] = [];

  constructor(settings: Partial<ClientSettings> = {}, secure: { readonly checked: boolean } | null = null) {
    this.state = startConversation({ ...SETTINGS, ...settings }, secure);
  }

  feed(event: ClientEvent | string): this {
    if (typeof event !== "string") return this.#step(event);
    const parser = new ReplyParser();
    parser.push(utf8(event));
    for (let parsed = parser.next(); parsed !== null; parsed = parser.next()) {
      assert.ok(parsed.kind === "reply", JSON.stringify(parsed));
      this.#step(parsed);
    }
    return this;
  }

  /** Ready for mail, with these keywords offered. */
  offering(...keywords: string[]): this {
    const lines = ["peer", ...keywords];
    return this.feed("220 peer\r\n").feed(
      lines.map((line, at) => `250${at < keywords.length ? "-" : " "}${line}\r\n`).join(""),
    );
  }

  get written(): string {
    return this.effects.flatMap((effect) => effect.kind === "write" ? [effect.text] : []).join("");
  }

  get settled(): readonly string[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "settle" ? [`${effect.recipient} ${effect.outcome.reply}`] : []
    );
  }

  #step(event: ClientEvent): this {
    const { state, effects } = step(this.state, event);
    this.state = state;
    this.effects.push(...effects);
    return this;
  }
}

function commandsFor(mail: Partial<ClientMail>, ...offers: string[]): readonly string[] {
  const played = new Played().offering("PIPELINING", ...offers).feed({ kind: "send", mail: { ...MAIL, ...mail } });
  return played.written.split("\r\n").slice(1, -2);
}

Deno.test("client: SIZE, BODY, SMTPUTF8 and the DSN parameters are said where they are offered, and nowhere else", () => {
  const mail: Partial<ClientMail> = {
    ret: "hdrs",
    envid: "QQ+31 4=",
    recipients: [{
      id: 1,
      forwardPath: "taro@example.net",
      notify: ["success", "failure"],
      orcpt: "rfc822;Taro+x@example.net",
    }],
  };
  assert.deepEqual(commandsFor(mail), ["MAIL FROM:<shin@baz.co.jp>", "RCPT TO:<taro@example.net>"]);
  assert.deepEqual(commandsFor(mail, "DSN", "SIZE 1000", "8BITMIME", "SMTPUTF8"), [
    "MAIL FROM:<shin@baz.co.jp> SIZE=100 RET=HDRS ENVID=QQ+2B31+204+3D",
    "RCPT TO:<taro@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Taro+2Bx@example.net",
  ]);
  assert.deepEqual(commandsFor({ has8bit: true }, "8BITMIME"), [
    "MAIL FROM:<shin@baz.co.jp> BODY=8BITMIME",
    "RCPT TO:<taro@example.net>",
  ]);
});

Deno.test("client: 8-bit content for a hop without 8BITMIME is given back with 5.6.3, unsent", () => {
  const played = new Played().offering("PIPELINING", "SMTPUTF8").feed({
    kind: "send",
    mail: { ...MAIL, has8bit: true },
  });
  assert.deepEqual(played.settled, ["1 554 5.6.3 The server smtp.example.net does not take 8-bit content"]);
  assert.doesNotMatch(played.written, /MAIL/);
  assert.equal(played.state.phase.at, "ready");
});

Deno.test("client: SMTPUTF8 that is needed and not offered is given back with 5.6.7, only to whom it concerns", () => {
  const recipients = [...MAIL.recipients, { id: 2, forwardPath: "太郎@example.net", notify: null, orcpt: null }];
  const mail = { ...MAIL, smtputf8: true, recipients };
  const played = new Played().offering("PIPELINING", "8BITMIME").feed({ kind: "send", mail });
  assert.deepEqual(played.settled, ["2 553 5.6.7 The server smtp.example.net does not take internationalized mail"]);
  assert.match(played.written, /MAIL FROM:<shin@baz\.co\.jp>\r\nRCPT TO:<taro@example\.net>\r\nDATA\r\n$/);
  const all = new Played().offering("8BITMIME").feed({ kind: "send", mail: { ...mail, has8bit: true } });
  assert.equal(all.settled.length, 2);
});

Deno.test("client: SMTPUTF8 that was asked for and is not needed does not stop an ASCII mail", () => {
  assert.deepEqual(commandsFor({ smtputf8: true }), ["MAIL FROM:<shin@baz.co.jp>", "RCPT TO:<taro@example.net>"]);
});

Deno.test("client: SMTPUTF8 is said where an address needs it", () => {
  assert.deepEqual(
    commandsFor(
      { recipients: [{ id: 1, forwardPath: "太郎@example.net", notify: null, orcpt: "utf-8;太郎@example.net" }] },
      ...["8BITMIME", "SMTPUTF8", "DSN"],
    ),
    ["MAIL FROM:<shin@baz.co.jp> SMTPUTF8", "RCPT TO:<太郎@example.net> ORCPT=utf-8;太郎@example.net"],
  );
  const recipients = [{ id: 1, forwardPath: "taro@example.net", notify: null, orcpt: "utf-8;太郎@example.net" }];
  assert.equal(
    commandsFor({ recipients }, "DSN")[1],
    "RCPT TO:<taro@example.net> ORCPT=utf-8;\\x{592A}\\x{90CE}@example.net",
  );
});

Deno.test("client: a path with a control character never becomes a command", () => {
  for (
    const change of [{ reversePath: "a@b>\r\nDATA" }, {
      recipients: [{ ...MAIL.recipients[0]!, forwardPath: "a@b\n" }],
    }]
  ) {
    const played = new Played().offering("PIPELINING").feed({ kind: "send", mail: { ...MAIL, ...change } });
    assert.deepEqual(played.settled, ["1 553 5.1.3 The address has a control character"]);
    assert.doesNotMatch(played.written, /MAIL/);
  }
});

Deno.test("client: DATA that was pipelined and is not wanted any more gets a final dot alone (RFC 2920 section 3.1)", () => {
  const played = new Played().offering("PIPELINING").feed({ kind: "send", mail: MAIL });
  played.feed("250 ok\r\n550 5.1.1 no\r\n354 go\r\n");
  assert.match(played.written, /DATA\r\n\.\r\n$/);
  assert.ok(!played.effects.some(({ kind }) => kind === "send-content"));
  played.feed("554 5.5.1 no recipients\r\n");
  assert.equal(played.state.phase.at, "ready");
  assert.deepEqual(played.settled, ["1 550 5.1.1 no"]);
});

Deno.test("client: replies behind a refused MAIL tell nothing", () => {
  const played = new Played().offering("PIPELINING").feed({ kind: "send", mail: MAIL });
  played.feed("451 4.3.0 later\r\n503 5.5.1 no MAIL\r\n503 5.5.1 no MAIL\r\n");
  assert.deepEqual(played.settled, ["1 451 4.3.0 later"]);
  assert.equal(played.state.phase.at, "ready");
});

Deno.test("client: DATA answered with a 2xx is no protocol: nothing is sent or bounced", () => {
  const played = new Played().offering().feed({ kind: "send", mail: MAIL }).feed("250 ok\r\n").feed("250 ok\r\n").feed(
    "250 ok\r\n",
  );
  assert.deepEqual(played.settled, ['1 451 4.5.0 The server answered DATA with "250 ok"']);
  assert.equal(played.state.phase.at, "closed");
});

Deno.test("client: mechanisms are tried from the strongest, PLAIN and LOGIN only where the password may be seen", () => {
  const chosen = (
    offer: string,
    settings: Partial<ClientSettings> = {},
    secure: { readonly checked: boolean } | null = null,
  ) => /AUTH (\S+)/.exec(new Played({ auth: AUTH, ...settings }, secure).offering(offer).written)?.[1] ?? null;
  assert.equal(chosen("AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256"), "SCRAM-SHA-256");
  assert.equal(chosen("AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1"), "SCRAM-SHA-1");
  assert.equal(chosen("AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5"), "DIGEST-MD5");
  assert.equal(chosen("AUTH LOGIN PLAIN cram-md5"), "CRAM-MD5");
  assert.equal(chosen("AUTH=LOGIN CRAM-MD5"), "CRAM-MD5");
  assert.equal(chosen("AUTH LOGIN PLAIN"), null);
  assert.equal(chosen("AUTH LOGIN PLAIN", {}, { checked: false }), null);
  assert.equal(chosen("AUTH LOGIN PLAIN", {}, { checked: true }), "PLAIN");
  assert.equal(chosen("AUTH LOGIN", {}, { checked: true }), "LOGIN");
  assert.equal(chosen("AUTH LOGIN PLAIN", { loopback: true }), "PLAIN");
  assert.equal(chosen("AUTH LOGIN PLAIN", { loopback: true, tls: "opportunistic" }), null);
  assert.equal(chosen("AUTH LOGIN PLAIN", { allowClearTextPassword: true }), "PLAIN");
  assert.equal(chosen("AUTH GSSAPI"), null);
});

Deno.test("client: a server that accepts SCRAM without its own proof is not believed", () => {
  const played = new Played({ auth: AUTH }).offering("AUTH SCRAM-SHA-256").feed("235 2.7.0 Welcome\r\n");
  assert.ok(played.state.phase.at === "closed" && played.state.phase.outcome?.cause === "auth");
  assert.ok(played.effects.some((effect) => effect.kind === "alarm" && /without the proof/.test(effect.text)));
});

Deno.test("client: an initial response that is too long for the command waits for an empty challenge (RFC 4954 section 4)", () => {
  const auth = { ...AUTH, password: "x".repeat(600) };
  const played = new Played({ auth }, { checked: true }).offering("AUTH PLAIN");
  assert.match(played.written, /AUTH PLAIN\r\n$/);
  played.feed("334 \r\n");
  assert.ok(played.written.endsWith(`${encodeBase64(utf8(`\0shin\0${auth.password}`))}\r\n`));
  assert.equal(played.feed("235 ok\r\n").state.phase.at, "ready");
});

Deno.test("client: LOGIN answers both prompts", () => {
  const played = new Played({ auth: AUTH }, { checked: true }).offering("AUTH LOGIN");
  played.feed("334 VXNlcm5hbWU6\r\n").feed("334 UGFzc3dvcmQ6\r\n").feed("235 ok\r\n");
  assert.ok(played.written.endsWith("AUTH LOGIN\r\nc2hpbg==\r\nY29ycmVjdC1ob3JzZQ==\r\n"));
  assert.equal(played.state.phase.at, "ready");
});

Deno.test("client: a challenge that is not base64 defers", () => {
  const played = new Played({ auth: AUTH }).offering("AUTH CRAM-MD5").feed("334 !!!\r\n");
  assert.ok(played.state.phase.at === "closed" && played.state.phase.outcome?.cause === "auth");
});

Deno.test("client: a reply may take as long as RFC 5321 section 4.5.3.2 says", () => {
  const played = new Played().offering().feed({ kind: "send", mail: MAIL });
  const minutes = () => replyDeadlineMs(played.state) / 60_000;
  assert.equal(minutes(), 5);
  assert.equal((played.feed("250 ok\r\n"), minutes()), 5);
  assert.equal((played.feed("250 ok\r\n"), minutes()), 2);
  assert.equal((played.feed("354 go\r\n"), minutes()), 10);
});

Deno.test("client: whatever the other side says, each recipient has one outcome at the end, and only a final dot makes it relayed", () => {
  const code = fc.constantFrom("220", "250", "354", "235", "334", "421", "450", "452", "500", "530", "550", "552");
  const recipients = Array.from(
    { length: 3 },
    (_, at) => ({ id: at + 1, forwardPath: `r${at}@x`, notify: null, orcpt: null }),
  );
  fc.assert(fc.property(fc.array(code, { maxLength: 30 }), fc.boolean(), (codes, pipelining) => {
    const played = new Played().offering(...(pipelining ? ["PIPELINING"] : []));
    played.feed({ kind: "send", mail: { ...MAIL, recipients } });
    let contents = 0;
    for (const each of codes) {
      played.feed(`${each} text\r\n`);
      contents = played.effects.filter(({ kind }) => kind === "send-content").length;
    }
    played.feed({ kind: "lost", cause: "network", text: "lost", detail: null });
    const settled = played.effects.flatMap((effect) => effect.kind === "settle" ? [effect] : []);
    assert.deepEqual(settled.map(({ recipient }) => recipient).toSorted(), [1, 2, 3]);
    if (contents === 0) assert.ok(settled.every(({ outcome }) => outcome.kind !== "relayed"));
    assert.equal(played.state.phase.at, "closed");
  }));
});

Deno.test("ReplyParser reads replies however they are cut", () => {
  const octets = utf8("250-peer\r\n250-SIZE\r\n250 DSN\r\n550-5.1.1 No\r\n550 5.1.1 user\r\n250\r\n");
  for (let cut = 0; cut <= octets.length; cut++) {
    const parser = new ReplyParser();
    const found = [];
    for (const part of [octets.subarray(0, cut), octets.subarray(cut)]) {
      parser.push(part);
      for (let parsed = parser.next(); parsed !== null; parsed = parser.next()) found.push(parsed);
    }
    assert.deepEqual(found, [
      { kind: "reply", reply: { code: 250, enhanced: null, lines: ["peer", "SIZE", "DSN"] } },
      { kind: "reply", reply: { code: 550, enhanced: "5.1.1", lines: ["No", "user"] } },
      { kind: "reply", reply: { code: 250, enhanced: null, lines: [""] } },
    ]);
    assert.equal(parser.hasRest, false);
  }
});

Deno.test("ReplyParser refuses what is no reply, and takes no enhanced code of another class", () => {
  const first = (text: string) => {
    const parser = new ReplyParser();
    parser.push(utf8(text));
    return parser.next();
  };
  for (const text of ["hello\r\n", "25 ok\r\n", "150 ok\r\n", "250-a\r\n251 b\r\n", `250 ${"x".repeat(13_000)}`]) {
    assert.equal(first(text)?.kind, "malformed", text.slice(0, 20));
  }
  const reply = first("550 4.2.0 odd\r\n");
  assert.ok(reply?.kind === "reply" && reply.reply.enhanced === null && reply.reply.lines[0] === "4.2.0 odd");
  const control = first("550 5.1.1 a\u0007b\u001b[0m\r\n");
  assert.ok(control?.kind === "reply" && control.reply.lines[0] === "a?b?[0m");
});
