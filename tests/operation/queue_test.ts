/**
 * The queue of a running server: what an administrator sees and does, and what a next hop's answers bring about.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import PostalMime from "postal-mime";
import type { QueueItem } from "../../src/http/queue_item.ts";
import { startCountingSink } from "../lib/counting_sink.ts";
import { mailsIn } from "../lib/maildir.ts";
import { PEOPLE } from "../lib/people.ts";
import {
  type LoggedEvent,
  makeSite,
  type RunningProgram,
  runProgram,
  type Site,
  startProgram,
} from "../lib/program.ts";
import { serveMail, startPeer } from "../lib/scripted_peer.ts";
import { converse, queueIdOf, submit } from "../lib/submission.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

const SHIN = PEOPLE[0]!;

Deno.test("an administrator lists, shows, holds, releases, retries and deletes mails of the running server", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const site = await siteWithSmarthost(folder.path, port);
  await using program = await startProgram(site);
  const ids: string[] = [];
  for (const path of ["a@example.net", "b@example.org", "c@example.net"]) ids.push(await send(program, site, path));
  const [first = "", second = "", third = ""] = ids;
  await program.events(3, isOutcome("deferred"));

  const all = await list(site);
  assert.deepEqual(all.map(({ id }) => id), ids);
  assert.deepEqual(all.map(({ state }) => state), ["waiting", "waiting", "waiting"]);
  assert.match(all[0]?.recipients[0]?.lastReply ?? "", /^451 4\.4\.1 /);
  assert.deepEqual((await list(site, "--domain", "example.org")).map(({ id }) => id), [second]);
  assert.deepEqual(await list(site, "--account", "yuki@baz.co.jp"), []);
  assert.equal((await list(site, "--account", "shin@baz.co.jp")).length, 3);
  const [shown] = JSON.parse((await queue(site, 0, "show", first, "--json")).output);
  assert.deepEqual([shown.id, shown.reversePath, shown.recipients[0].forwardPath], [
    first,
    "shin@baz.co.jp",
    "a@example.net",
  ]);
  assert.match((await queue(site, 0, "list")).output, new RegExp(`^${second} `, "m"));

  await queue(site, 0, "hold", first);
  await queue(site, 0, "delete", third);
  assert.deepEqual((await list(site)).map(({ id, state }) => [id, state]), [[first, "held"], [second, "waiting"]]);
  // With somebody who takes mails: the held one stays, also when all are tried.
  using sink = startCountingSink(port);
  await queue(site, 0, "retry");
  await program.events(1, isDone(second));
  assert.deepEqual((await list(site)).map(({ id, state }) => [id, state]), [[first, "held"]]);
  assert.match((await queue(site, 1, "retry", first)).output, /what is held has to be released first/);
  assert.match((await queue(site, 1, "hold", first)).output, /Cannot hold \S+: it is held already/);
  // Released it waits for its time as before.
  await queue(site, 0, "release", first);
  assert.match((await queue(site, 1, "release", first)).output, /Cannot release \S+: it is not held/);
  assert.deepEqual((await list(site)).map(({ id, state }) => [id, state]), [[first, "waiting"]]);
  await queue(site, 0, "retry", first);
  await program.events(1, isDone(first));
  assert.deepEqual(await list(site), []);
  assert.deepEqual(sink.take().flatMap(({ recipients }) => recipients), ["b@example.org", "a@example.net"]);

  for (const verb of ["show", "hold", "release", "retry", "delete"]) {
    assert.match((await queue(site, 65, verb, third)).output, /There is no mail /, verb);
  }
  const changes = program.log.filter(({ kind }) => kind === "queue-changed").map(({ mail, what }) => [mail, what]);
  assert.ok(changes.some(([mail]) => mail === third), JSON.stringify(changes));
});

Deno.test("mail waits while the next hop is down, survives a restart, and goes when it is back", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const site = await siteWithSmarthost(folder.path, port);
  const large = `Subject: large\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(400)}`;
  {
    await using program = await startProgram(site);
    await send(program, site, "a@example.net");
    await send(program, site, "b@example.net", { content: large });
    await program.events(2, isOutcome("deferred"));
    assert.equal((await program.process.stop()).code, 0);
  }
  await using program = await startProgram(site);
  assert.equal((await list(site)).length, 2);
  using sink = startCountingSink(port);
  await queue(site, 0, "retry");
  await program.events(2, ({ kind }) => kind === "mail-done");
  const mails = sink.take();
  assert.deepEqual(mails.map(({ recipients }) => recipients.join()).sort(), ["a@example.net", "b@example.net"]);
  assert.ok(mails.some(({ content }) => content.length > large.length));
  assert.deepEqual(await list(site), []);
});

Deno.test("a refused recipient brings a notice into the sender's Maildir, once, and others get the mail", async () => {
  await using folder = await makeFolder();
  const taken: string[] = [];
  await using peer = await startPeer((conversation) =>
    serveMail(conversation, {
      reply: (line) => /^RCPT TO:<unknown@/i.test(line) ? "550 5.1.1 No such user here\r\n" : null,
      contentReply: (content) => {
        taken.push(content);
        return "250 2.0.0 Taken\r\n";
      },
    })
  );
  const site = await siteWithSmarthost(folder.path, peer.port);
  await using program = await startProgram(site);
  const content = "Subject: for two\r\nMessage-ID: <original@baz.co.jp>\r\n\r\nsecret body\r\n";
  const id = await send(program, site, ["unknown@example.net", "known@example.net"], { content });
  await program.events(1, isDone(id));
  await program.events(1, isOutcome("delivered"));
  assert.equal(taken.length, 1);
  const notices = await mailsIn(join(site.mail, "shin"));
  assert.equal(notices.length, 1);
  const text = new TextDecoder().decode(notices[0]);
  assert.match(text, /^Return-Path: <>\r\nDelivered-To: shin@baz\.co\.jp\r\n/);
  const notice = await PostalMime.parse(text);
  assert.equal(notice.to?.[0]?.address, "shin@baz.co.jp");
  assert.match(text, /^Content-Type: multipart\/report;[^]*?report-type="?delivery-status/m);
  const status = /^Final-Recipient: rfc822; ?unknown@example\.net\r\n(?:[\w-]+: .*\r\n)*/m.exec(text)?.[0] ?? "";
  assert.match(status, /^Action: failed\r$/m);
  assert.match(status, /^Status: 5\.1\.1\r$/m);
  assert.match(status, /^Diagnostic-Code: smtp; ?550 5\.1\.1 No such user here\r$/m);
  assert.match(text, /<original@baz\.co\.jp>/);
  assert.doesNotMatch(text, /known@example\.net[^]*^Action: delivered/m);
  assert.deepEqual(await list(site), []);
});

Deno.test("a refused mail with the null reverse-path brings no notice to anybody", async () => {
  await using folder = await makeFolder();
  await using peer = await startPeer((conversation) =>
    serveMail(conversation, { reply: (line) => line.startsWith("RCPT") ? "550 5.1.1 No such user here\r\n" : null })
  );
  const site = await siteWithSmarthost(folder.path, peer.port);
  await using program = await startProgram(site);
  const id = await send(program, site, "unknown@example.net", { from: "" });
  await program.events(1, isDone(id));
  // A mail behind it, so that a notice would have been seen.
  const next = await send(program, site, "shin@baz.co.jp");
  await program.events(1, isDone(next));
  assert.equal(program.log.filter(({ kind }) => kind === "notice").length, 0);
  assert.equal((await mailsIn(join(site.mail, "shin"))).length, 1);
  assert.deepEqual(await list(site), []);
});

Deno.test("a next hop that refuses for now is asked again, and its words stand in the queue", async () => {
  await using folder = await makeFolder();
  let full = true;
  await using peer = await startPeer((conversation) =>
    serveMail(conversation, { contentReply: () => full ? "452 4.2.2 Mailbox full\r\n" : "250 2.0.0 Taken\r\n" })
  );
  const site = await siteWithSmarthost(folder.path, peer.port);
  await using program = await startProgram(site);
  const id = await send(program, site, "a@example.net");
  await program.events(1, isOutcome("deferred"));
  const [item] = await list(site);
  assert.equal(item?.recipients[0]?.attempts, 1);
  assert.match(item?.recipients[0]?.lastReply ?? "", /^452 4\.2\.2 Mailbox full$/);
  full = false;
  await queue(site, 0, "retry", id);
  await program.events(1, isDone(id));
  assert.deepEqual(program.log.filter(isOutcome("relayed")).map(({ attempts }) => attempts), [2]);
});

function siteWithSmarthost(folder: string, port: number): Promise<Site> {
  return makeSite(folder, { people: [SHIN], smarthost: `address = "127.0.0.1:${port}"\ntls = "never"` });
}

async function send(
  program: RunningProgram,
  site: Site,
  to: string | readonly string[],
  mail: { readonly from?: string; readonly content?: string } = {},
): Promise<string> {
  using client = await converse(program, site);
  return queueIdOf(await submit(client, { ...mail, to }));
}

async function queue(site: Site, code: number, ...args: readonly string[]) {
  const finished = await runProgram(["queue", ...args, "--config", site.config]);
  assert.equal(finished.code, code, `queue ${args.join(" ")}: ${finished.output}`);
  return finished;
}

async function list(site: Site, ...args: readonly string[]): Promise<readonly QueueItem[]> {
  return JSON.parse((await queue(site, 0, "list", "--json", ...args)).output);
}

function isOutcome(wanted: string): (event: LoggedEvent) => boolean {
  return ({ kind, outcome }) => kind === "delivery" && outcome === wanted;
}

function isDone(id: string): (event: LoggedEvent) => boolean {
  return ({ kind, mail }) => kind === "mail-done" && mail === id;
}
