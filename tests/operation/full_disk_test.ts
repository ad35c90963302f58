/**
 * A disk that the queue itself fills (Show 2): new mail is refused for now, delivery goes on, and when the queue has drained mail is taken
 * again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { startCountingSink } from "../lib/counting_sink.ts";
import { judgeCopy, makeLoadMail } from "../lib/load.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { converse, queueIdOf, submit } from "../lib/submission.ts";
import { requireMount, tinyDisk } from "../lib/tiny_disk.ts";
import { freePort } from "../servers/lib.ts";

const MIB = 1024 * 1024;
const RECIPIENT = "taro@example.net";

const test = await requireMount();

test("a queue that fills the disk: 452, nothing is lost, and mail is taken again when it has drained", async () => {
  await using disk = await tinyDisk(128 * MIB);
  const port = freePort();
  const site = await makeSite(disk.path, {
    smarthost: `address = "127.0.0.1:${port}"\ntls = "never"`,
    more: '[limits]\nmessage_size = "8MB"',
  });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const random = new Random(7);
  const taken: string[] = [];
  let refusal = "";
  // Large ones are files, small ones rows: what both leave behind has to count as room.
  for (let serial = 0; refusal === ""; serial++) {
    assert.ok(serial < 1000, "the disk was never too full");
    const octets = serial % 2 === 0 ? 2 * MIB : 200 * 1024;
    const { content } = makeLoadMail(random, { id: `m${serial}`, recipients: [RECIPIENT], octets });
    const reply = await client.command("MAIL FROM:<shin@baz.co.jp> BODY=8BITMIME");
    if (!reply.startsWith("250")) {
      refusal = reply;
      break;
    }
    assert.match(await client.command("RSET"), /^250/);
    taken.push(queueIdOf(await submit(client, { to: RECIPIENT, content })));
  }
  assert.match(refusal, /^452 4\.3\.1 /);
  assert.ok(taken.length > 5, `${taken.length} mails`);
  const verified = await runProgram(["queue", "verify", "--config", site.config]);
  assert.deepEqual([verified.code, verified.output], [0, "The queue is whole\n"]);

  using sink = startCountingSink(port);
  assert.equal((await runProgram(["queue", "flush", "--config", site.config])).code, 0);
  await program.process.matching(taken.length, (line) => line.includes('"kind":"mail-done"'));
  const copies = sink.take().map(({ content }) => judgeCopy(content));
  assert.ok(copies.every(({ whole }) => whole));
  assert.deepEqual(copies.map(({ queueId }) => queueId).toSorted(), taken.toSorted());

  // The system is asked for its room once a second.
  let reply = await submitIfTaken();
  for (const end = performance.now() + 30_000; !reply.startsWith("250") && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    reply = await submitIfTaken();
  }
  assert.match(reply, /^250 /);
  await program.process.matching(taken.length + 1, (line) => line.includes('"kind":"mail-done"'));

  async function submitIfTaken(): Promise<string> {
    const reply = await client.command("MAIL FROM:<shin@baz.co.jp>");
    if (!reply.startsWith("250")) return reply;
    assert.match(await client.command("RSET"), /^250/);
    return await submit(client, { to: RECIPIENT });
  }
});
