import assert from "node:assert/strict";
import PostalMime, { type Email } from "postal-mime";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { isPostmasterCopy, reportMail } from "../../src/message/dsn.ts";
import type { DeliveryReport, ReportedRecipient } from "../../src/message/dsn_report.ts";
import type { Envelope } from "../../src/smtp/envelope.ts";
import { parseDeliveryStatus } from "../lib/delivery_status.ts";
import { compareGolden } from "../lib/golden.ts";
import { run } from "../servers/lib.ts";

const ENVELOPE: Envelope = {
  reversePath: "shin@baz.co.jp",
  recipients: [{ id: 1, forwardPath: "taro@example.net", notify: null, orcpt: null }],
  body: "7bit",
  smtputf8: false,
  declaredSizeOctets: null,
  ret: null,
  envid: null,
};

const FAILURE: ReportedRecipient = {
  action: "failed",
  forwardPath: "taro@example.net",
  orcpt: null,
  reply: "550 5.1.1 No such user here",
  enhanced: "5.1.1",
  remoteHost: "smtp.example.net",
  lastAttempt: Date.UTC(2026, 10, 24, 4, 12, 8),
  retryUntil: null,
};

const DELAY: ReportedRecipient = {
  ...FAILURE,
  action: "delayed",
  reply: "451 4.4.1 Cannot connect to smtp.example.net:587",
  enhanced: "4.4.1",
  remoteHost: null,
  retryUntil: Date.UTC(2026, 10, 29, 4, 12, 0),
};

const DELIVERY: ReportedRecipient = {
  ...FAILURE,
  action: "delivered",
  forwardPath: "yuki@foobar.co.jp",
  reply: "250 2.0.0 Stored",
  enhanced: "2.0.0",
  remoteHost: null,
};

const RELAY: ReportedRecipient = {
  ...FAILURE,
  action: "relayed",
  reply: "250 2.0.0 Queued as X1",
  enhanced: "2.0.0",
};

const EXPANSION: ReportedRecipient = {
  ...DELIVERY,
  action: "expanded",
  forwardPath: "sales@foobar.co.jp",
  orcpt: "rfc822;sales@baz.co.jp",
  reply: "250 2.0.0 Sent on to everybody whom this address stands for",
};

const REPORT: DeliveryReport = {
  hostname: "mail.foobar.co.jp",
  mail: "01JD8Y3QKX",
  envelope: ENVELOPE,
  arrival: Date.UTC(2026, 10, 24, 4, 12, 0),
  now: Date.UTC(2026, 10, 24, 4, 12, 9),
  recipients: [FAILURE],
  original: { kind: "header", octets: utf8("From: shin@baz.co.jp\r\nSubject: Hello\r\nMessage-ID: <1@baz.co.jp>\r\n") },
  languages: ["en"],
  copyFor: null,
  boundary: "=_dokodemo_1",
  messageId: "<report-1@mail.foobar.co.jp>",
};

const SETTINGS = { en: ["en"], en_ja: ["en", "ja"] } as const;

/** One of each action in both settings, then what is odd about one mail or the other. */
const GOLDEN: ReadonlyMap<string, DeliveryReport> = new Map([
  ...Object.entries(SETTINGS).flatMap(([setting, languages]): readonly [string, DeliveryReport][] =>
    [FAILURE, DELAY, DELIVERY, RELAY, EXPANSION].map((recipient) => [
      `${recipient.action}_${setting}`,
      { ...REPORT, recipients: [recipient], languages },
    ])
  ),
  ["failed_ja", { ...REPORT, languages: ["ja"] }],
  ["full_with_orcpt_and_envid", {
    ...REPORT,
    envelope: { ...ENVELOPE, ret: "full", envid: "QQ314159" },
    recipients: [{ ...FAILURE, orcpt: "rfc822;Taro@example.net" }],
    original: { kind: "full", octets: utf8("From: shin@baz.co.jp\r\nSubject: Hello\r\n\r\nHow are you?\r\n") },
  }],
  ["expired_two_recipients", {
    ...REPORT,
    recipients: [
      {
        ...FAILURE,
        remoteHost: null,
        enhanced: "5.4.7",
        reply: "554 5.4.7 Delivery time expired; the last answer was: 451 4.4.1 Cannot connect to smtp.example.net:587",
      },
      { ...FAILURE, forwardPath: "hanako@example.net", reply: "552 5.2.2 Mailbox is full", enhanced: "5.2.2" },
    ],
  }],
  ["success_of_three_kinds", { ...REPORT, recipients: [DELIVERY, RELAY, EXPANSION], languages: ["ja", "en"] }],
  ["recipient_not_ascii", {
    ...REPORT,
    envelope: { ...ENVELOPE, smtputf8: true },
    recipients: [{
      ...FAILURE,
      forwardPath: "太郎@example.net",
      remoteHost: null,
      enhanced: "5.6.7",
      reply: "553 5.6.7 The server smtp.example.net does not take internationalized mail",
    }],
    original: {
      kind: "header",
      octets: utf8("From: shin@baz.co.jp\r\nTo: 太郎@example.net\r\nSubject: こんにちは\r\n"),
    },
  }],
  ["sender_not_ascii", {
    ...REPORT,
    envelope: { ...ENVELOPE, smtputf8: true, reversePath: "真@baz.co.jp" },
    recipients: [{ ...FAILURE, forwardPath: "太郎@example.net", orcpt: "utf-8;太郎@example.net" }],
    original: { kind: "header", octets: utf8("From: 真@baz.co.jp\r\nSubject: こんにちは\r\n") },
  }],
  ["reply_with_odd_characters", {
    ...REPORT,
    recipients: [{
      ...FAILURE,
      reply: "554 5.7.1 \u0007Nein, da\u00df geht nicht\r\nX-Injected: yes",
      enhanced: "5.7.1",
    }],
  }],
  ["postmaster_copy_of_a_double_bounce", {
    ...REPORT,
    envelope: { ...ENVELOPE, reversePath: null },
    copyFor: "postmaster@foobar.co.jp",
  }],
]);

function make(report: DeliveryReport): { readonly envelope: Envelope; readonly content: Uint8Array<ArrayBuffer> } {
  const made = reportMail(report);
  assert.ok(made !== null);
  return made;
}

function read(report: DeliveryReport): Promise<Email> {
  // Without this it takes the status and the returned mail for text that it shows.
  return PostalMime.parse(make(report).content, { forceRfc822Attachments: true });
}

function attachment(mail: Email, type: RegExp): Uint8Array {
  const found = mail.attachments.find(({ mimeType }) => type.test(mimeType));
  assert.ok(found?.content instanceof ArrayBuffer || found?.content instanceof Uint8Array, String(type));
  return new Uint8Array(found.content);
}

/** postal-mime gives lines with LF alone, and an empty one behind them. */
function linesOf(octets: Uint8Array): string {
  return latin1(octets).replaceAll("\r\n", "\n");
}

for (const [name, report] of GOLDEN) {
  Deno.test(`reportMail: golden/dsn/${name}`, async () => {
    const mail = await read(report);
    const shown = `Subject: ${mail.subject}\n\n${mail.text ?? ""}`.replace(/\r?\n/g, "\r\n");
    const source = new TextDecoder().decode(make(report).content);
    await compareGolden(`dsn/${name}.txt`, `${source}\r\n=== What a person reads ===\r\n${shown}`);
  });

  Deno.test(`reportMail: ${name} is what a mail program can read`, async () => {
    const mail = await read(report);
    assert.equal(mail.from?.address, "MAILER-DAEMON@mail.foobar.co.jp");
    assert.equal(mail.to?.[0]?.address, report.copyFor ?? report.envelope.reversePath);
    assert.equal(mail.headers.find(({ key }) => key === "auto-submitted")?.value, "auto-replied");
    for (const { forwardPath } of report.recipients) {
      assert.equal(mail.text?.split(`<${forwardPath}>`).length, report.languages.length + 1);
    }
    assert.ok((mail.text ?? "").split(/\r?\n/).every((line) => line.length <= 76 || !line.includes(" ")));
    assert.doesNotMatch(latin1(make(report).content), /^X-Injected/m);
  });

  Deno.test(`reportMail: ${name} has a status by the grammar of RFC 3464`, async () => {
    const text = new TextDecoder().decode(attachment(await read(report), /delivery-status$/));
    const { mail, recipients } = parseDeliveryStatus(text);
    assert.equal(mail.get("reporting-mta"), "dns; mail.foobar.co.jp");
    assert.equal(mail.get("original-envelope-id") ?? null, report.envelope.envid);
    assert.deepEqual(recipients.map((each) => each.get("action")), report.recipients.map(({ action }) => action));
    assert.deepEqual(recipients.map((each) => each.get("status")), report.recipients.map(({ enhanced }) => enhanced));
    for (const [at, { remoteHost, action }] of report.recipients.entries()) {
      assert.equal(recipients[at]?.has("remote-mta"), remoteHost !== null);
      assert.equal(recipients[at]?.has("will-retry-until"), action === "delayed");
    }
  });

  Deno.test(`reportMail: ${name} brings back the octets of the original`, async () => {
    const { kind, octets } = report.original;
    const returned = attachment(await read(report), kind === "full" ? /^message\/(?:rfc822|global)$/ : /headers$/);
    assert.equal(linesOf(returned), `${linesOf(octets)}\n`);
  });
}

Deno.test("reportMail: the email package of Python sees the three parts of each report, and no defect", async () => {
  const types = await Promise.all([...GOLDEN.values()].map(async (report) => {
    const mail = await run("python3", { args: ["-c", PYTHON], input: latin1(make(report).content) });
    return [mail.code, mail.output.trim()];
  }));
  for (const [at, report] of [...GOLDEN.values()].entries()) {
    const global = report.envelope.reversePath === "真@baz.co.jp";
    const original = report.original.kind === "full"
      ? "message/rfc822"
      : report.envelope.smtputf8
      ? "message/global-headers"
      : "text/rfc822-headers";
    const status = global ? "message/global-delivery-status" : "message/delivery-status";
    assert.deepEqual(types[at], [0, `multipart/report text/plain ${status} ${original}`]);
  }
});

/** Input is UTF-8 of ISO-8859-1, so that each octet passes. */
const PYTHON = `
import sys, email, email.policy
octets = sys.stdin.buffer.read().decode("utf-8").encode("latin-1")
mail = email.message_from_bytes(octets, policy=email.policy.default)
parts = list(mail.iter_parts())
defects = [d for part in [mail, *parts] for d in part.defects]
assert not defects, defects
print(mail.get_content_type(), *[part.get_content_type() for part in parts])
`;

Deno.test("reportMail goes from the null reverse-path to the reverse-path, and asks for no report itself", () => {
  assert.deepEqual(make(REPORT).envelope, {
    reversePath: null,
    recipients: [{ id: 1, forwardPath: "shin@baz.co.jp", notify: ["never"], orcpt: null }],
    body: "7bit",
    smtputf8: false,
    declaredSizeOctets: null,
    ret: null,
    envid: null,
  });
});

Deno.test("reportMail never answers the null reverse-path; a copy goes to the postmaster and tells so", () => {
  const nobody = { ...REPORT, envelope: { ...ENVELOPE, reversePath: null } };
  assert.equal(reportMail(nobody), null);
  const copy = make({ ...nobody, copyFor: "postmaster@foobar.co.jp" });
  assert.deepEqual(copy.envelope.recipients.map(({ forwardPath }) => forwardPath), ["postmaster@foobar.co.jp"]);
  assert.equal(isPostmasterCopy(copy.content), true);
  assert.equal(isPostmasterCopy(make(REPORT).content), false);
});

Deno.test("reportMail needs SMTPUTF8 for a sender beyond ASCII and for nobody else", () => {
  const of = (name: string) => make(GOLDEN.get(name) ?? REPORT).envelope;
  assert.deepEqual([of("recipient_not_ascii").smtputf8, of("recipient_not_ascii").body], [false, "7bit"]);
  assert.deepEqual([of("failed_en_ja").smtputf8, of("failed_en_ja").body], [false, "7bit"]);
  assert.deepEqual([of("sender_not_ascii").smtputf8, of("sender_not_ascii").body], [true, "8bitmime"]);
});

Deno.test("reportMail returns 8-bit octets as they are: a whole mail by 8BITMIME, a header section by any hop", async () => {
  const octets = new Uint8Array([...utf8("Subject: "), 0xa4, 0xa2, 0x3d, 0x20, 0x0d, 0x0a, ...utf8("X: =41 \r\n")]);
  const header: DeliveryReport = { ...REPORT, original: { kind: "header", octets } };
  assert.equal(make(header).envelope.body, "7bit");
  assert.ok(make(header).content.every((octet) => octet < 0x80));
  assert.equal(linesOf(attachment(await read(header), /rfc822-headers$/)), `${linesOf(octets)}\n`);
  const whole: DeliveryReport = { ...REPORT, original: { kind: "full", octets } };
  assert.equal(make(whole).envelope.body, "8bitmime");
  assert.ok(latin1(make(whole).content).includes(latin1(octets)));
});
