/**
 * The promise of the 250 over kill -9, with a next hop that fails at random: whatever was acknowledged arrives, whole, or its sender is told
 * that it does not, and it arrives twice only where an attempt was cut off. `deno task test:crash` does 200 rounds; `CRASH_ROUNDS` and
 * `CRASH_SEED` choose.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { requestOverSocket } from "../../src/cli/control_client.ts";
import { latin1 } from "../../src/lib/octets.ts";
import { type FaultySink, startFaultySink } from "../lib/faulty_sink.ts";
import {
  type Acknowledged,
  handOver,
  isGone,
  judgeCopy,
  LOAD_STYLES,
  type LoadMail,
  makeLoadMail,
} from "../lib/load.ts";
import { mailsIn } from "../lib/maildir.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { converse, SHIN } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { type Failure, failuresIn } from "./failure.ts";
import { type QueueSnapshot, snapshotQueue } from "./snapshot.ts";

const CLIENTS = 20;
const POLL_MS = 50;
const FLUSH_MS = 1000;
const MAILS_A_SESSION = 8;
/** Above it content is in a file. */
const LARGE_OCTETS = 256 * 1024;
/** Recipients with their folders. */
const LOCAL: ReadonlyMap<string, string> = new Map([["shin@baz.co.jp", "shin"], ["YUKI@foobar.co.jp", "yuki"]]);
const RECIPIENTS = [...LOCAL.keys(), "taro@example.net", "hanako@example.org"];

/** What the clients know after a kill. */
interface Load {
  readonly acknowledged: readonly Acknowledged[];
  /** How many of them have their content in a file. */
  readonly large: number;
}

/** What has come of a round. */
interface Arrived {
  readonly copies: readonly Copy[];
  /** What the senders were told. */
  readonly failures: readonly Failure[];
}

/** A copy of a mail at one recipient. */
interface Copy {
  readonly id: string;
  readonly queueId: string;
  readonly recipient: string;
}

Deno.test("no acknowledged mail is lost, cut or mixed up when the server is killed and its next hop fails", async () => {
  const rounds = Number(Deno.env.get("CRASH_ROUNDS") ?? 5);
  const seed = Number(Deno.env.get("CRASH_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  say(`seed ${seed}, ${rounds} rounds`);
  const random = new Random(seed);
  await using folder = await makeFolder();
  await using sink = await startFaultySink(new Random(random.below(2 ** 31)));
  const site = await makeSite(folder.path, {
    people: PEOPLE.filter(({ disabled }) => !disabled),
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
    sasl: 'cleartext_networks = ["127.0.0.1"]',
  });
  let program = await startProgram(site);
  try {
    for (let round = 1; round <= rounds; round++) {
      sink.faulty = true;
      const { acknowledged, large } = await loadAndKill(program, site, { random, round });
      sink.faulty = false;
      const snapshot = await snapshotQueue(site.dataDir);
      assert.deepEqual(snapshot.broken, [], "rows without their content");
      program = await startProgram(site);
      await untilEmpty(site);
      const arrived = await collect(site, sink);
      const twice = judge(acknowledged, arrived, snapshot);
      const faults = [...sink.takeFaults()].map(([fault, count]) => `${count} x ${fault}`).join(", ");
      say(
        `round ${round}: ${acknowledged.length} acknowledged (${large} large), ${arrived.copies.length} copies (${twice} twice), ` +
          `${arrived.failures.length} told as failed, hop: ${faults}; ` +
          `${snapshot.unfinished.length} were in the queue, ${snapshot.attempting.size} recipients attempted, ` +
          `${snapshot.orphans} files swept`,
      );
    }
  } finally {
    await program.process.stop("SIGKILL");
  }
});

/** Ends with the kill; the result is what the clients know. */
async function loadAndKill(
  program: RunningProgram,
  site: Site,
  { random, round }: { readonly random: Random; readonly round: number },
): Promise<Load> {
  const acknowledged: Acknowledged[] = [];
  const large = new Set<string>();
  const killAt = 20 + random.below(300);
  const reached = Promise.withResolvers<void>();
  let gone = false;
  const acknowledge = (mail: Acknowledged) => {
    acknowledged.push(mail);
    if (acknowledged.length === killAt) reached.resolve();
  };
  const client = async (name: string, random: Random) => {
    for (let serial = 0; !gone;) {
      const mails = Array.from({ length: MAILS_A_SESSION }, () => drawMail(random, `${name}-${++serial}`));
      for (const { id, content } of mails) if (content.length > LARGE_OCTETS) large.add(id);
      try {
        using conversation = await converse(program, site, random.oneIn(4) ? {} : IN_THE_CLEAR);
        await handOver(conversation, mails, { style: random.pick(LOAD_STYLES), acknowledge });
      } catch (error) {
        if (gone && isGone(error)) return;
        throw error;
      }
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, at) => {
    return client(`r${round}-c${at}`, new Random(random.below(2 ** 31)));
  }));
  try {
    await Promise.race([reached.promise, clients.catch(() => {})]);
    // Within the next commits the moment is chance as well.
    await new Promise((resolve) => setTimeout(resolve, random.below(15)));
  } finally {
    gone = true;
    await program.process.stop("SIGKILL");
  }
  assert.deepEqual(
    program.log.filter(({ kind, about }) => kind === "bug" || (kind === "alarm" && about === "spool")),
    [],
  );
  await clients;
  return { acknowledged, large: acknowledged.filter(({ id }) => large.has(id)).length };
}

const IN_THE_CLEAR = { tls: "none", login: { ...SHIN, mechanism: "CRAM-MD5" } } as const;

function drawMail(random: Random, id: string): LoadMail {
  const recipients = RECIPIENTS.filter(() => random.oneIn(3));
  return makeLoadMail(random, {
    id,
    recipients: recipients.length > 0 ? recipients : [random.pick(RECIPIENTS)],
    octets: random.oneIn(12) ? LARGE_OCTETS + random.below(LARGE_OCTETS) : 1 + random.below(8_000),
  });
}

/** Waits until the server has done with every mail that was in the queue; what was put off is tried at once. */
async function untilEmpty(site: Site): Promise<void> {
  const ask = async (method: "GET" | "POST", path: string): Promise<unknown> => {
    const answer = await requestOverSocket(join(site.dataDir, "control.sock"), {
      method,
      path: `/api/v1/queue${path}`,
    });
    assert.ok(answer.ok && answer.value.status === 200, JSON.stringify(answer));
    return answer.value.body;
  };
  for (let flushed = -Infinity;;) {
    const items: unknown = Reflect.get(Object(await ask("GET", "?count=1")), "items");
    if (Array.isArray(items) && items.length === 0) break;
    if (performance.now() - flushed > FLUSH_MS) {
      await ask("POST", "/retry");
      flushed = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  // What no mail names was swept at the start, and the files of the others went with their mails.
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(site.dataDir, "content"))), []);
}

async function collect(site: Site, sink: FaultySink): Promise<Arrived> {
  const copies: Copy[] = [];
  const failures: Failure[] = [];
  const take = (octets: Uint8Array, recipient: string) => {
    const { whole, ...copy } = judgeCopy(octets);
    assert.ok(whole, `the copy of ${copy.id} for ${recipient} is cut or mixed up`);
    copies.push({ ...copy, recipient });
  };
  for (const [path, user] of LOCAL) {
    for (const octets of await mailsIn(join(site.mail, user))) {
      const told = failuresIn(latin1(octets));
      if (told === null) take(octets, path);
      else failures.push(...told);
    }
    await Deno.remove(join(site.mail, user, "new"), { recursive: true }).catch(() => {});
  }
  for (const { content, recipients } of sink.take()) for (const path of recipients) take(content, path);
  return { copies, failures };
}

/** Compares what was acknowledged with what has arrived; the result is how many copies came twice, as they may. */
function judge(
  acknowledged: readonly Acknowledged[],
  { copies, failures }: Arrived,
  { attempting, attemptingNotices }: QueueSnapshot,
): number {
  const counts = new Map<string, number>();
  const queueIds = new Map<string, string>();
  for (const { id, queueId, recipient } of copies) {
    assert.equal(queueIds.getOrInsert(id, queueId), queueId, `${id} was taken twice`);
    const key = `${queueId} ${recipient}`;
    const count = counts.getOrInsert(key, 0) + 1;
    counts.set(key, count);
    assert.ok(count === 1 || (count === 2 && attempting.has(key)), `${id} arrived ${count} times for ${recipient}`);
  }
  const told = new Map<string, Set<string>>();
  for (const { id, recipient, report } of failures) {
    told.getOrInsertComputed(`${id} ${recipient}`, () => new Set()).add(report);
  }
  for (const [key, reports] of told) assert.equal(reports.size, 1, `${key} is told by several reports`);
  // A report is a mail like any: it comes twice only where its own delivery was cut off.
  const reports = Map.groupBy(failures, ({ report }) => report);
  const doubled = [...reports.values()].filter((parts) => {
    return new Set(parts.map(({ id, recipient }) => `${id} ${recipient}`)).size < parts.length;
  });
  assert.ok(doubled.length <= attemptingNotices.size, `${doubled.length} reports came more than once`);
  for (const { id, queueId, recipients } of acknowledged) {
    for (const path of recipients) {
      const [arrived, failed] = [counts.has(`${queueId} ${path}`), told.has(`${id} ${path}`)];
      assert.ok(arrived || failed, `${id} is lost for ${path}`);
      assert.ok(!arrived || !failed, `${id} has arrived for ${path} and is told as failed`);
    }
  }
  return copies.length - counts.size;
}

function say(text: string): void {
  // deno-lint-ignore no-console -- the seed is for whoever runs the test again
  console.log(text);
}
