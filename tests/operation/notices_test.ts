/**
 * What senders are told by the whole program: which reports come, to whom, how many, and what is left to the next hop.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import PostalMime, { type Email } from "postal-mime";
import { type DeliveryStatus, parseDeliveryStatus } from "../lib/delivery_status.ts";
import { mailsIn } from "../lib/maildir.ts";
import { PEOPLE } from "../lib/people.ts";
import { type LoggedEvent, makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { type MailService, type ScriptedPeer, serveMail, startPeer } from "../lib/scripted_peer.ts";
import { converse, dotted, queueIdOf } from "../lib/submission.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

const WITH_DSN = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"];
const CONTENT = "Subject: hello\r\nMessage-ID: <original@baz.co.jp>\r\n\r\nsecret body\r\n";

/** A report in a Maildir. */
interface Report {
  readonly mail: Email;
  readonly status: DeliveryStatus;
  readonly source: string;
}

/** MAIL and RCPT as they are said: path and parameters. */
interface Said {
  readonly from?: string;
  readonly to: readonly string[];
  readonly content?: string;
}

Deno.test("notices: DSN is offered, and its parameters go on to a next hop that offers it, which then tells of success", async () => {
  await using stage = await startStage({ offers: WITH_DSN });
  const { program, peer } = stage;
  const id = await submit(stage, {
    from: "<shin@baz.co.jp> RET=HDRS ENVID=QQ+2B314159",
    to: [
      "<a@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;A+2Bx@example.net",
      "<b@example.net> NOTIFY=NEVER",
      "<c@example.net>",
    ],
  });
  await program.events(1, isDone(id));
  const said = peer.lines.filter((line) => /^(?:MAIL|RCPT)/.test(line));
  assert.match(said[0] ?? "", /^MAIL FROM:<shin@baz\.co\.jp> RET=HDRS ENVID=QQ\+2B314159$/);
  assert.deepEqual(said.slice(1), [
    "RCPT TO:<a@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;A+2Bx@example.net",
    "RCPT TO:<b@example.net> NOTIFY=NEVER",
    "RCPT TO:<c@example.net>",
  ]);
  await untilQuiet(stage);
  assert.deepEqual(await reportsOf(stage), []);
});

Deno.test("notices: a next hop without DSN brings one report of relayed, and success in the Maildir is told with it", async () => {
  await using stage = await startStage();
  const { program, peer } = stage;
  const id = await submit(stage, {
    from: "<shin@baz.co.jp> RET=FULL ENVID=E1",
    to: [
      "<a@example.net> NOTIFY=SUCCESS ORCPT=rfc822;alias@example.net",
      "<b@example.net> NOTIFY=FAILURE",
      "<shin@baz.co.jp> NOTIFY=SUCCESS",
    ],
  });
  await program.events(1, isNoticeOf(id));
  await untilQuiet(stage);
  assert.ok(peer.lines.every((line) => !/NOTIFY|ORCPT|RET=|ENVID/.test(line)));
  const [report, ...more] = await reportsOf(stage);
  assert.ok(report !== undefined);
  assert.deepEqual(more, []);
  assert.equal(report.status.mail.get("original-envelope-id"), "E1");
  assert.deepEqual(
    report.status.recipients.map((each) => [each.get("action"), each.get("final-recipient")]).toSorted(),
    [
      ["delivered", "rfc822; shin@baz.co.jp"],
      ["relayed", "rfc822; a@example.net"],
    ],
  );
  assert.match(report.source, /^Original-Recipient: rfc822;alias@example\.net\r$/m);
  assert.match(report.source, /^Message-ID: <original@baz\.co\.jp>\r$/m);
  assert.doesNotMatch(report.source, /secret body/, "RET is for failures");
  assert.equal(report.mail.subject, "Your mail was passed on / メールを引き渡しました");
});

Deno.test("notices: recipients that fail in one conversation share a report; NEVER is told nothing", async () => {
  await using stage = await startStage({
    reply: (line) => /^RCPT TO:<(?:x|y|never)@/i.test(line) ? "550 5.1.1 No such user\r\n" : null,
  });
  const { program } = stage;
  const id = await submit(stage, {
    to: ["<x@example.net>", "<fine@example.net>", "<y@example.net>", "<never@example.net> NOTIFY=NEVER"],
  });
  await program.events(1, isNoticeOf(id));
  await untilQuiet(stage);
  const [report, ...more] = await reportsOf(stage);
  assert.deepEqual(more, []);
  assert.deepEqual(report?.status.recipients.map((each) => [each.get("final-recipient"), each.get("status")]), [
    ["rfc822; x@example.net", "5.1.1"],
    ["rfc822; y@example.net", "5.1.1"],
  ]);
  assert.match(report.mail.text ?? "", /<x@example\.net>[^]*<y@example\.net>[^]*下記の宛先/);
});

Deno.test("notices: a hop that is down is told as a delay, once; then, when the time is over, as a failure", async () => {
  await using stage = await startStage({
    nobody: true,
    delivery: 'delay_notice = "1s"\nretry = ["500ms"]\ngive_up = "4s"',
  });
  const { program } = stage;
  const id = await submit(stage, {
    to: ["<a@example.net>", "<b@example.net> NOTIFY=DELAY,FAILURE", "<c@example.net> NOTIFY=FAILURE"],
  });
  await program.events(1, isDone(id));
  await program.events(2, isNoticeOf(id));
  await untilQuiet(stage);
  const reports = await reportsOf(stage);
  assert.deepEqual(reports.map(({ status }) => status.recipients.map((each) => each.get("action"))).toSorted(), [
    ["delayed", "delayed"],
    ["failed", "failed", "failed"],
  ]);
  const delay = reports.find(({ status }) => status.recipients.length === 2);
  assert.match(delay?.source ?? "", /^Will-Retry-Until: /m);
  assert.equal(delay?.mail.subject, "Your mail is delayed / メールの配信が遅れています");
});

Deno.test("notices: languages are as configured; the postmaster gets copies, and learns of reports that nobody takes", async () => {
  await using stage = await startStage({
    reply: (line) => /^RCPT TO:<(?:x|gone)@/i.test(line) ? "550 5.1.1 No such user\r\n" : null,
    more: '[notices]\nlanguages = ["ja"]\npostmaster_copies = true',
  });
  const { program } = stage;
  const id = await submit(stage, { from: "<shin@baz.co.jp> RET=FULL", to: ["<x@example.net>"] });
  await program.events(2, isNoticeOf(id));
  // A sender whose address is none any more.
  const lost = await submit(stage, { from: "<>", to: ["<gone@example.net>"] });
  await program.events(1, isNoticeOf(lost));
  await untilQuiet(stage);
  // The postmaster of this site is shin too.
  const reports = await reportsOf(stage);
  const copies = reports.filter(({ source }) => /^X-Dokodemo-Copy: postmaster\r$/m.test(source));
  const own = reports.filter((report) => !copies.includes(report));
  assert.deepEqual(own.map(({ mail }) => mail.subject), ["メールを配信できませんでした"]);
  assert.match(own[0]?.source ?? "", /secret body/);
  assert.deepEqual(
    copies.map(({ mail }) => mail.subject),
    Array(2).fill("Postmaster copy: メールを配信できませんでした"),
  );
  for (const { source } of copies) assert.doesNotMatch(source, /secret body/);
});

Deno.test("notices: killed between an outcome and its report, the server makes it after the restart, once", async () => {
  await using folder = await makeFolder();
  const silent = Promise.withResolvers<void>();
  await using peer = await startPeer(async (conversation) => {
    await serveMail(conversation, {
      offers: ["ENHANCEDSTATUSCODES"],
      reply: (line) =>
        /^RCPT TO:<x@/i.test(line) ? "550 5.1.1 No such user\r\n" : /^RCPT TO:<slow@/i.test(line) ? "" : null,
    });
    silent.resolve();
  });
  const site = await siteOf(folder.path, { port: peer.port });
  let id: string;
  {
    await using program = await startProgram(site);
    id = await submit({ program, site }, { to: ["<x@example.net>", "<slow@example.net>"] });
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "failed");
    // The other recipient has no answer yet, so the report still waits for it.
    assert.deepEqual(program.log.filter(({ kind }) => kind === "notice"), []);
    await program.process.stop("SIGKILL");
  }
  for (let start = 1; start <= 2; start++) {
    await using program = await startProgram(site);
    if (start === 1) {
      await program.events(1, isNoticeOf(id));
      await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
    }
    await program.process.stop("SIGKILL");
  }
  const reports = await reportsOf({ site });
  assert.deepEqual(reports.map(({ status }) => status.recipients.map((each) => each.get("final-recipient"))), [
    ["rfc822; x@example.net"],
  ]);
});

Deno.test("notices: killed at any moment around the outcomes, each failed recipient is in one report", async () => {
  await using folder = await makeFolder();
  await using peer = await startPeer((conversation) =>
    serveMail(conversation, { reply: (line) => line.startsWith("RCPT") ? "550 5.1.1 No such user\r\n" : null })
  );
  const site = await siteOf(folder.path, { port: peer.port });
  const sent: string[] = [];
  for (let round = 1; round <= 4; round++) {
    await using program = await startProgram(site);
    using client = await converse(program, site);
    for (let at = 0; at < 10; at++) {
      const to = [`<r${round}m${at}a@example.net>`, `<r${round}m${at}b@example.net>`];
      sent.push(...to.map((path) => path.slice(1, -1)));
      queueIdOf(await hand(client, { to }));
    }
    // Another moment in each round: after so many outcomes.
    await program.events(4 * round, ({ kind, outcome }) => kind === "delivery" && outcome === "failed");
    await program.process.stop("SIGKILL");
  }
  await using _program = await startProgram(site);
  await untilQuiet({ site });
  const reports = await reportsOf({ site });
  // A report that was on its way into the Maildir at the kill may be there twice; made anew it would have another Message-ID.
  const made = new Map(reports.map((report) => [report.mail.messageId, report]));
  const told = [...made.values()].flatMap(({ status }) => status.recipients.map((each) => each.get("final-recipient")));
  assert.deepEqual(told.toSorted(), sent.map((path) => `rfc822; ${path}`).toSorted());
});

/** A site, its program and a peer as smarthost. */
interface Stage {
  readonly program: RunningProgram;
  readonly site: Site;
  readonly peer: ScriptedPeer;
}

async function startStage(
  { delivery = "", more = "", nobody = false, ...service }: MailService & {
    readonly delivery?: string;
    readonly more?: string;
    /** The smarthost is a port where nobody listens. */
    readonly nobody?: boolean;
  } = {},
): Promise<Stage & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await makeFolder());
  const peer = stack.use(await startPeer((conversation) => serveMail(conversation, service)));
  const site = await siteOf(folder.path, { port: nobody ? freePort() : peer.port, delivery, more });
  const program = stack.use(await startProgram(site));
  const owned = stack.move();
  return { program, site, peer, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function siteOf(
  folder: string,
  { port, delivery = "", more = "" }: { readonly port: number; readonly delivery?: string; readonly more?: string },
): Promise<Site> {
  return makeSite(folder, {
    people: PEOPLE.filter(({ local }) => local === "shin"),
    smarthost: `address = "127.0.0.1:${port}"\ntls = "never"`,
    more: `${delivery === "" ? "" : `[delivery]\n${delivery}\n`}${more}`,
  });
}

async function submit({ program, site }: Pick<Stage, "program" | "site">, said: Said): Promise<string> {
  using client = await converse(program, site);
  return queueIdOf(await hand(client, said));
}

async function hand(
  client: Awaited<ReturnType<typeof converse>>,
  { from = "<shin@baz.co.jp>", to, content = CONTENT }: Said,
): Promise<string> {
  assert.match(await client.command(`MAIL FROM:${from}`), /^250 /);
  for (const path of to) assert.match(await client.command(`RCPT TO:${path}`), /^250 /);
  assert.match(await client.command("DATA"), /^354 /);
  await client.write(dotted(content));
  return await client.reply();
}

/** Waits until no mail is in the queue, reports included, and nothing is to be told any more. */
async function untilQuiet({ site }: Pick<Stage, "site">): Promise<void> {
  using db = new DatabaseSync(join(site.dataDir, "spool.sqlite"), { readOnly: true, timeout: 5000 });
  while (db.prepare("SELECT count(*) AS mails FROM mail").get()?.["mails"] !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function reportsOf({ site }: Pick<Stage, "site">): Promise<readonly Report[]> {
  const reports: Report[] = [];
  for (const octets of await mailsIn(join(site.mail, "shin"))) {
    const source = new TextDecoder().decode(octets);
    if (!/^Content-Type: multipart\/report/m.test(source)) continue;
    const mail = await PostalMime.parse(octets, { forceRfc822Attachments: true });
    const status = mail.attachments.find(({ mimeType }) => mimeType === "message/delivery-status")?.content;
    assert.ok(status instanceof ArrayBuffer);
    reports.push({ mail, source, status: parseDeliveryStatus(new TextDecoder().decode(status)) });
  }
  return reports;
}

function isDone(id: string): (event: LoggedEvent) => boolean {
  return ({ kind, mail }) => kind === "mail-done" && mail === id;
}

function isNoticeOf(id: string): (event: LoggedEvent) => boolean {
  return ({ kind, mail }) => kind === "notice" && mail === id;
}
