/**
 * Reports with a real Postfix as smarthost: it offers DSN, so what senders wish goes on to it and it tells of success.
 *
 * @module
 */

import assert from "node:assert/strict";
import PostalMime from "postal-mime";
import { parseDeliveryStatus } from "../lib/delivery_status.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { converse, dotted, queueIdOf } from "../lib/submission.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";

const test = requirePrograms([...POSTFIX_PROGRAMS]);

test("Postfix as smarthost gets NOTIFY, ORCPT, RET and ENVID, and makes the report of success; we make none", async () => {
  await using folder = await makeFolder();
  await using postfix = await startPostfix({ services: [{ name: "open", mechanisms: [], tls: "none" }] });
  const site = await makeSite(folder.path, {
    people: PEOPLE.filter(({ local }) => local === "shin"),
    smarthost: `address = "127.0.0.1:${postfix.port("open")}"\ntls = "never"`,
  });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  for (
    const command of [
      "MAIL FROM:<shin@baz.co.jp> RET=HDRS ENVID=QQ+2B314159",
      "RCPT TO:<told@example.net> NOTIFY=SUCCESS ORCPT=rfc822;Told+2B1@example.net",
      "RCPT TO:<quiet@example.net> NOTIFY=NEVER",
    ]
  ) assert.match(await client.command(command), /^250 /);
  assert.match(await client.command("DATA"), /^354 /);
  await client.write(dotted("Subject: hello\r\n\r\nsecret body\r\n"));
  const id = queueIdOf(await client.reply());
  await program.events(1, ({ kind, mail }) => kind === "mail-done" && mail === id);

  // One for each recipient, and the report: all come into one Maildir.
  const mails = (await postfix.mails(3)).map((octets) => new TextDecoder().decode(octets));
  const [source, ...more] = mails.filter((mail) => /^Content-Type: multipart\/report/m.test(mail));
  assert.ok(source !== undefined);
  assert.deepEqual(more, []);
  const report = await PostalMime.parse(source, { forceRfc822Attachments: true });
  assert.equal(report.from?.address, "MAILER-DAEMON@smarthost.example.net");
  assert.equal(report.to?.[0]?.address, "shin@baz.co.jp");
  const status = report.attachments.find(({ mimeType }) => mimeType === "message/delivery-status")?.content;
  assert.ok(status instanceof ArrayBuffer);
  const { mail, recipients } = parseDeliveryStatus(new TextDecoder().decode(status));
  assert.equal(mail.get("original-envelope-id"), "QQ+314159");
  assert.deepEqual(recipients.map((each) => [each.get("action"), each.get("original-recipient")]), [
    ["delivered", "rfc822;Told+1@example.net"],
  ]);
  assert.deepEqual(program.log.filter(({ kind }) => kind === "notice"), []);
});
