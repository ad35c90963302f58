import assert from "node:assert/strict";
import PostalMime from "postal-mime";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { failureNotice, type FailureReport, returnsFull, wantsFailureNotice } from "../../src/message/dsn.ts";
import type { Envelope } from "../../src/smtp/envelope.ts";
import { compareGolden } from "../lib/golden.ts";

const ENVELOPE: Envelope = {
  reversePath: "shin@baz.co.jp",
  recipients: [{ id: 1, forwardPath: "taro@example.net", notify: null, orcpt: null }],
  body: "7bit",
  smtputf8: false,
  declaredSizeOctets: null,
  ret: null,
  envid: null,
};

const REPORT: FailureReport = {
  hostname: "mail.foobar.co.jp",
  mail: "01JD8Y3QKX",
  envelope: ENVELOPE,
  arrival: Date.UTC(2026, 10, 24, 4, 12, 0),
  now: Date.UTC(2026, 10, 24, 4, 12, 9),
  failures: [{
    forwardPath: "taro@example.net",
    orcpt: null,
    reply: "550 5.1.1 No such user here",
    enhanced: "5.1.1",
    remoteHost: "smtp.example.net",
    lastAttempt: Date.UTC(2026, 10, 24, 4, 12, 8),
  }],
  original: { kind: "header", octets: utf8("From: shin@baz.co.jp\r\nSubject: Hello\r\nMessage-ID: <1@baz.co.jp>\r\n") },
  boundary: "=_dokodemo_1",
  messageId: "<report-1@mail.foobar.co.jp>",
};

const [FAILURE] = REPORT.failures;

const GOLDEN: ReadonlyMap<string, FailureReport> = new Map([
  ["unknown_user", REPORT],
  ["full_with_orcpt_and_envid", {
    ...REPORT,
    envelope: { ...ENVELOPE, ret: "full", envid: "QQ314159" },
    failures: [{ ...FAILURE, orcpt: "rfc822;Taro@example.net" }],
    original: { kind: "full", octets: utf8("From: shin@baz.co.jp\r\nSubject: Hello\r\n\r\nHow are you?\r\n") },
  }],
  ["expired_two_recipients", {
    ...REPORT,
    failures: [
      {
        ...FAILURE,
        remoteHost: null,
        enhanced: "5.4.7",
        reply: "554 5.4.7 Delivery time expired; the last answer was: 451 4.4.1 Cannot connect to smtp.example.net:587",
      },
      { ...FAILURE, forwardPath: "hanako@example.net", reply: "552 5.2.2 Mailbox is full", enhanced: "5.2.2" },
    ],
  }],
  ["recipient_not_ascii", {
    ...REPORT,
    envelope: { ...ENVELOPE, smtputf8: true },
    failures: [{
      ...FAILURE,
      forwardPath: "太郎@example.net",
      remoteHost: null,
      enhanced: "5.6.7",
      reply: "553 5.6.7 The server smtp.example.net does not take internationalized mail",
    }],
  }],
  ["sender_not_ascii", {
    ...REPORT,
    envelope: { ...ENVELOPE, smtputf8: true, reversePath: "真@baz.co.jp" },
    failures: [{ ...FAILURE, forwardPath: "太郎@example.net", orcpt: "utf-8;太郎@example.net" }],
    original: { kind: "header", octets: utf8("From: 真@baz.co.jp\r\nSubject: こんにちは\r\n") },
  }],
  ["reply_with_odd_characters", {
    ...REPORT,
    failures: [{
      ...FAILURE,
      reply: "554 5.7.1 \u0007Nein, da\u00df geht nicht\r\nX-Injected: yes",
      enhanced: "5.7.1",
    }],
  }],
]);

for (const [name, report] of GOLDEN) {
  Deno.test(`failureNotice: golden/dsn/${name}`, async () => {
    const notice = failureNotice(report);
    assert.ok(notice !== null);
    await compareGolden(`dsn/${name}.txt`, new TextDecoder().decode(notice.content));
  });

  Deno.test(`failureNotice: ${name} is what a mail program can read`, async () => {
    const notice = failureNotice(report);
    assert.ok(notice !== null);
    const mail = await PostalMime.parse(notice.content);
    assert.equal(mail.from?.address, "MAILER-DAEMON@mail.foobar.co.jp");
    assert.equal(mail.to?.[0]?.address, report.envelope.reversePath);
    assert.equal(mail.headers.find(({ key }) => key === "auto-submitted")?.value, "auto-replied");
    for (const { forwardPath } of report.failures) assert.match(mail.text ?? "", new RegExp(`<${forwardPath}>`));
    assert.doesNotMatch(latin1(notice.content), /^X-Injected/m);
  });
}

Deno.test("failureNotice goes from the null reverse-path to the reverse-path, and asks for no report itself", () => {
  const notice = failureNotice(REPORT);
  assert.deepEqual(notice?.envelope, {
    reversePath: null,
    recipients: [{ id: 1, forwardPath: "shin@baz.co.jp", notify: ["never"], orcpt: null }],
    body: "7bit",
    smtputf8: false,
    declaredSizeOctets: null,
    ret: null,
    envid: null,
  });
});

Deno.test("failureNotice never answers the null reverse-path", () => {
  assert.equal(failureNotice({ ...REPORT, envelope: { ...ENVELOPE, reversePath: null } }), null);
});

Deno.test("failureNotice needs SMTPUTF8 for a sender beyond ASCII and for nobody else", () => {
  const of = (name: string) => failureNotice(GOLDEN.get(name) ?? REPORT)?.envelope;
  assert.deepEqual([of("recipient_not_ascii")?.smtputf8, of("recipient_not_ascii")?.body], [false, "7bit"]);
  assert.deepEqual([of("sender_not_ascii")?.smtputf8, of("sender_not_ascii")?.body], [true, "8bitmime"]);
});

Deno.test("failureNotice returns 8-bit header fields as they are", () => {
  const octets = new Uint8Array([...utf8("Subject: "), 0xa4, 0xa2, 0x0d, 0x0a]);
  const notice = failureNotice({ ...REPORT, original: { kind: "header", octets } });
  assert.equal(notice?.envelope.body, "8bitmime");
  assert.ok(latin1(notice?.content ?? new Uint8Array()).includes(latin1(octets)));
});

Deno.test("wantsFailureNotice honours NOTIFY and the null reverse-path", () => {
  const wants = (notify: Envelope["recipients"][number]["notify"], reversePath: string | null = "a@b") =>
    wantsFailureNotice({ ...ENVELOPE, reversePath }, { notify });
  assert.equal(wants(null), true);
  assert.equal(wants(["failure"]), true);
  assert.equal(wants(["delay", "failure"]), true);
  assert.equal(wants(["never"]), false);
  assert.equal(wants(["success", "delay"]), false);
  assert.equal(wants(["failure"], null), false);
});

Deno.test("returnsFull is true for RET=FULL alone", () => {
  assert.equal(returnsFull({ ...ENVELOPE, ret: "full" }), true);
  assert.equal(returnsFull({ ...ENVELOPE, ret: "hdrs" }), false);
  assert.equal(returnsFull(ENVELOPE), false);
});
