/**
 * A backup of a server at work, put back elsewhere (Show 9): what the queue held at that moment arrives whole, and the accounts work.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startCountingSink } from "../lib/counting_sink.ts";
import { handOver, isGone, judgeCopy, LOAD_STYLES, makeLoadMail } from "../lib/load.ts";
import { mailsIn } from "../lib/maildir.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, personOf, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { converse, SHIN, submit } from "../lib/submission.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

const CLIENTS = 6;
const BACKUPS = 3;
const LARGE_OCTETS = 256 * 1024;
const LOCAL = "YUKI@foobar.co.jp";
const RECIPIENTS = [LOCAL, "taro@example.net", "hanako@stuck.example"];

Deno.test("backups under load, put back elsewhere: every mail of theirs is whole and arrives", async () => {
  await using folder = await makeFolder();
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = new Random(seed);
  using sink = startCountingSink();
  const nobody = freePort();
  const site = await makeSite(folder.path, {
    people: PEOPLE.filter(({ disabled }) => !disabled),
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
    more: [
      '[[route]]\nname = "stuck"\nrecipient_domains = ["stuck.example"]',
      `smarthost = { address = "127.0.0.1:${nobody}", tls = "never" }`,
    ].join("\n"),
  });
  const backups: string[] = [];
  {
    await using program = await startProgram(site);
    const load = startLoad(program, site, random);
    for (let at = 0; at < BACKUPS; at++) {
      const seen = load.acknowledged.size;
      await load.reaches(seen + 60);
      const backup = join(folder.path, `backup-${at}`);
      const made = await runProgram(["backup", backup, "--config", site.config]);
      assert.equal(made.code, 0, `seed ${seed}: ${made.output}`);
      backups.push(backup);
    }
    await load.end();
  }
  assert.deepEqual((await Array.fromAsync(Deno.readDir(site.dataDir))).filter(({ name }) => name === ".backup"), []);
  for (const backup of backups) await checkBackup(backup, { site, folder: folder.path, ports: [sink.port, nobody] });
});

/** Puts a backup back and starts a server on it, with a sink in the place of both next hops. */
async function checkBackup(
  backup: string,
  { site, folder, ports }: { readonly site: Site; readonly folder: string; readonly ports: readonly number[] },
): Promise<void> {
  using sink = startCountingSink();
  const elsewhere = join(folder, `elsewhere-${backup.split("-").at(-1)}`);
  // `data_dir` and the certificate are named by paths beside the configuration.
  let text = (await Deno.readTextFile(site.config)).replaceAll(site.mail, join(elsewhere, "mail"));
  for (const port of ports) text = text.replaceAll(`127.0.0.1:${port}"`, `127.0.0.1:${sink.port}"`);
  await Deno.mkdir(elsewhere);
  for (const name of ["certificate.pem", "key.pem"]) await Deno.copyFile(join(folder, name), join(elsewhere, name));
  const config = join(elsewhere, "dokodemo.toml");
  await Deno.writeTextFile(config, text);
  const restored = await runProgram(["restore", backup, "--config", config]);
  assert.equal(restored.code, 0, restored.output);
  const expected = unfinishedIn(join(elsewhere, "data"));
  const mails = new Set(expected.map((line) => line.split(" ")[0]));
  assert.ok(mails.size > 0, "the queue was empty at the moment of the backup");
  const verified = await runProgram(["queue", "verify", "--config", config]);
  assert.deepEqual([verified.code, verified.output], [0, "The queue is whole\n"]);

  await using program = await startProgram({ config });
  await runProgram(["queue", "flush", "--config", config]);
  await program.process.matching(mails.size, (line) => line.includes('"kind":"mail-done"'));
  const arrived = [
    ...(await mailsIn(join(elsewhere, "mail", "yuki"))).map((octets) => [octets, LOCAL] as const),
    ...sink.take().flatMap(({ content, recipients }) => recipients.map((path) => [content, path] as const)),
  ].map(([octets, recipient]) => {
    const { queueId, whole } = judgeCopy(octets);
    assert.ok(whole, `a copy of ${queueId} is cut or mixed up`);
    return `${queueId} ${recipient}`;
  });
  assert.deepEqual(arrived.toSorted(), expected.toSorted());
  // The accounts are those of the backup, and work.
  using conversation = await converse(program, site);
  assert.match(await submit(conversation, { to: "taro@example.net" }), /^250 /);
}

/** `MAIL RECIPIENT` of what has to be delivered. */
function unfinishedIn(dataDir: string): readonly string[] {
  using db = new DatabaseSync(join(dataDir, "spool.sqlite"));
  return db.prepare(`
    SELECT mail.id, forward_path FROM recipient JOIN mail ON mail.seq = recipient.mail
    WHERE state IN ('waiting', 'attempting')`).all().map(({ id, forward_path }) => `${id} ${forward_path}`);
}

/** Clients that send until they are ended. */
function startLoad(program: RunningProgram, site: Site, random: Random) {
  const acknowledged = new Set<string>();
  let [ended, wanted, reached] = [false, Infinity, () => {}];
  const client = async (name: string, random: Random) => {
    for (let serial = 0; !ended;) {
      const mails = Array.from({ length: 5 }, () => {
        const recipients = RECIPIENTS.filter(() => random.oneIn(2));
        return makeLoadMail(random, {
          id: `${name}-${++serial}`,
          recipients: recipients.length > 0 ? recipients : [random.pick(RECIPIENTS)],
          octets: random.oneIn(5) ? LARGE_OCTETS + random.below(LARGE_OCTETS) : 1 + random.below(4000),
        });
      });
      try {
        using conversation = await converse(program, site, { login: SHIN });
        await handOver(conversation, mails, {
          style: random.pick(LOAD_STYLES),
          acknowledge: ({ id }) => {
            acknowledged.add(id);
            if (acknowledged.size >= wanted) reached();
          },
        });
      } catch (error) {
        if (!ended || !isGone(error)) throw error;
      }
    }
  };
  const clients = Promise.all(
    Array.from({ length: CLIENTS }, (_, at) => client(`c${at}`, new Random(random.below(2 ** 31)))),
  );
  return {
    acknowledged,
    reaches: async (count: number) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      [wanted, reached] = [count, resolve];
      await Promise.race([promise, clients]);
    },
    end: async () => {
      ended = true;
      await clients;
    },
  };
}

Deno.test("backup and restore refuse what cannot be right, and keep owners and modes", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  const ours = (...args: readonly string[]) => runProgram([...args, "--config", site.config]);
  const backup = join(folder.path, "backup");
  const maildrop = join(site.dataDir, "maildrop");
  const drop = `${"0".repeat(32)}.ready`;
  {
    // Everything is made at the start of a server, and stays without it.
    await using program = await startProgram(site);
    using conversation = await converse(program, site);
    await submit(conversation, { to: "taro@example.net" });
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
  }
  await Deno.writeTextFile(join(maildrop, drop), "{}\n", { mode: 0o640 });
  await Deno.chmod(join(maildrop, drop), 0o640);
  if (Deno.uid() === 0) await Deno.chown(join(maildrop, drop), 12345, 0);
  await Deno.symlink("/etc/passwd", join(maildrop, `${"1".repeat(32)}.ready`));

  await t.step("without a server", async () => {
    const made = await ours("backup", backup);
    assert.equal(made.code, 0, made.output);
    assert.match(made.output, /1{32}\.ready is no regular file and is not in the backup/);
    assert.match(made.output, /: 1 mail in the queue, \d+ files, \d/);
    assert.equal((await Deno.stat(backup)).mode! & 0o777, 0o700);
    const names = (await Array.fromAsync(Deno.readDir(join(backup, "data")))).map(({ name }) => name).sort();
    for (const name of ["content", "maildrop", "records", "sasldb", "spool.sqlite"]) {
      assert.ok(names.includes(name), name);
    }
    for (const name of names) assert.doesNotMatch(name, /sock|lock|reserve|-wal|-shm/);
  });

  await t.step("not over anything", async () => {
    const again = await ours("backup", backup);
    assert.equal(again.code, 73);
    assert.match(again.output, /it is not empty/);
    assert.equal((await ours("backup", join(site.dataDir, "backup"))).code, 64);
    const over = await ours("restore", backup);
    assert.equal(over.code, 73);
    assert.match(over.output, /it is not empty/);
  });

  const target = join(folder.path, "restored");
  const restore = (from = backup) => runProgram(["restore", from, "--data-dir", target]);

  await t.step("nothing that is not as it was copied", async () => {
    const manifest = join(backup, "manifest.json");
    const file = join(backup, "data", "maildrop", drop);
    await Deno.writeTextFile(file, "{ }");
    const changed = await restore();
    assert.equal(changed.code, 65, changed.output);
    assert.match(changed.output, /is not as it was copied/);
    await Deno.remove(file);
    assert.match((await restore()).output, /\.ready is missing/);
    await Deno.writeTextFile(file, "{}\n");
    const good = await Deno.readTextFile(manifest);
    for (
      const [text, code] of [
        [good.replace('"format": 1', '"format": 2'), 78],
        [good.replace('"maildrop/0', '"../0'), 65],
        ["{}", 65],
      ] as const
    ) {
      await Deno.writeTextFile(manifest, text);
      assert.equal((await restore()).code, code, text.slice(0, 20));
    }
    await Deno.remove(manifest);
    assert.match((await restore()).output, /is no finished backup/);
    await assert.rejects(Deno.stat(target), Deno.errors.NotFound);
    await Deno.writeTextFile(manifest, good);
  });

  await t.step("put back, with owners and modes", async () => {
    const restored = await restore();
    assert.equal(restored.code, 0, restored.output);
    for (const path of ["", "maildrop", `maildrop/${drop}`, "content", "spool.sqlite", "sasldb"]) {
      const [before, after] = [await Deno.stat(join(site.dataDir, path)), await Deno.stat(join(target, path))];
      assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid], path);
    }
    assert.deepEqual((await Array.fromAsync(Deno.readDir(target))).filter(({ name }) => name === ".restore"), []);
  });
});

Deno.test("a restore that was cut off: nothing begins on what it has left", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [personOf("shin@baz.co.jp", "correct-horse")] });
  const ours = (...args: readonly string[]) => runProgram([...args, "--config", site.config]);
  const unfinished = join(site.dataDir, ".restore");
  const backup = join(folder.path, "backup");
  assert.equal((await ours("queue", "list")).code, 0);
  assert.equal((await ours("backup", backup)).code, 0);
  await Deno.mkdir(unfinished);
  const before = (await Array.fromAsync(Deno.readDir(site.dataDir))).map(({ name }) => name).sort();
  for (const args of [["serve"], ["queue", "list"], ["user", "list"], ["backup", `${backup}2`]]) {
    const refused = await ours(...args);
    assert.equal(refused.code, 75, `${args}: ${refused.output}`);
    assert.match(refused.output, /A restore into \S+ has not ended: .* run dokodemo restore again/);
  }
  const names = (await Array.fromAsync(Deno.readDir(site.dataDir))).map(({ name }) => name).sort();
  assert.deepEqual(names, before);
  const again = await ours("restore", backup);
  assert.equal(again.code, 73, again.output);
  assert.match(again.output, /has not ended/);
  await Deno.remove(unfinished);
  assert.equal((await ours("queue", "list")).code, 0);
});
