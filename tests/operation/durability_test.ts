/**
 * Whether the 250 waits for the disk. kill -9 cannot show that, since the kernel keeps what was only written; the system calls do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { handOver, makeLoadMail } from "../lib/load.ts";
import { makeSite, type Site, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { checkSyncs, readTrace, straceCommand, type SyncReport } from "../lib/strace.ts";
import { converse, SHIN } from "../lib/submission.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";

const MIB = 1024 * 1024;
const SMALL_MAILS = 12;
const CLIENTS = 8;
/** Of one client, of eight, and the large one. */
const MAILS = SMALL_MAILS + CLIENTS * SMALL_MAILS + 1;
const ROOT = new URL("../..", import.meta.url).pathname;

/** Changes of the source that break the promise, and what has to be seen of each. */
const SABOTAGES = [
  {
    file: "src/spool/database.ts",
    from: "PRAGMA synchronous = FULL",
    to: "PRAGMA synchronous = OFF",
    seen: /: the log was not synced$/,
    least: MAILS,
  },
  {
    file: "src/spool/sqlite_spool.ts",
    from: 'const committed = await this.#parts.link.ask({ kind: "commit", mail });',
    to: 'void this.#parts.link.ask({ kind: "commit", mail }); const committed = succeed(id);',
    seen: /: the log was not (written|synced)$/,
    // Of the mails of eight clients some are lucky: the sync of another came late enough.
    least: SMALL_MAILS,
  },
  {
    file: "src/spool/content_writer.ts",
    from: "await this.#file?.sync();",
    to: "",
    seen: /: its file was not synced$/,
    least: 1,
  },
  {
    file: "src/spool/content_writer.ts",
    from: "await folder.sync();",
    to: "",
    seen: /: the folder of its file was not synced$/,
    least: 1,
  },
] as const;

const test = requirePrograms(["strace"]);

test("each 250 follows a sync of its mail", async () => {
  await using folder = await makeFolder();
  const report = await traceLoad(await quietSite(folder.path));
  assert.deepEqual(report.violations, []);
  assert.equal(report.acknowledged.length, MAILS);
  assert.equal(report.filed, 1);
});

for (const { file, from, to, seen, least } of SABOTAGES) {
  test(`a server without "${from}" is found out`, async () => {
    await using folder = await makeFolder();
    const tree = join(folder.path, "tree");
    await copyTree(tree);
    const source = await Deno.readTextFile(join(tree, file));
    assert.equal(source.split(from).length, 2, `${file} has to have this once`);
    await Deno.writeTextFile(join(tree, file), source.replace(from, to));
    const { violations, acknowledged } = await traceLoad(await quietSite(folder.path), tree);
    assert.equal(acknowledged.length, MAILS);
    const caught = violations.filter((violation) => seen.test(violation));
    assert.ok(caught.length >= least, `${caught.length} of at least ${least} were caught:\n${violations.join("\n")}`);
  });
}

function quietSite(folder: string): Promise<Site> {
  return makeSite(folder, { people: [SHIN_PERSON], sasl: 'cleartext_networks = ["127.0.0.1"]' });
}

const SHIN_PERSON = { local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false };

/** Small mails from one client, then from eight at a time, then a large one. */
async function traceLoad(site: Site, tree?: string): Promise<SyncReport> {
  const file = join(site.folder, "trace");
  const options = tree === undefined ? {} : { tree };
  const program = await startProgram(site, { ...options, under: straceCommand(file) });
  const random = new Random(1);
  const send = async (name: string, { count, octets }: { readonly count: number; readonly octets: number }) => {
    const mails = Array.from({ length: count }, (_, at) => {
      return makeLoadMail(random, { id: `${name}-${at}`, recipients: ["shin@baz.co.jp"], octets });
    });
    using client = await converse(program, site, { tls: "none", login: { ...SHIN, mechanism: "CRAM-MD5" } });
    await handOver(client, mails, { style: "step by step", acknowledge: () => {} });
  };
  await send("one", { count: SMALL_MAILS, octets: 2_000 });
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => send(`c${at}`, { count: SMALL_MAILS, octets: 2_000 })));
  await send("large", { count: 1, octets: MIB });
  assert.equal((await program.process.stop()).code, 0, program.process.output);
  return checkSyncs(readTrace(await Deno.readTextFile(file)));
}

async function copyTree(to: string): Promise<void> {
  await Deno.mkdir(to);
  for (const name of ["deno.json", "deno.lock"]) await Deno.copyFile(join(ROOT, name), join(to, name));
  for (const name of ["src", "backends"]) await copyFolder(join(ROOT, name), join(to, name));
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    await (isDirectory ? copyFolder : Deno.copyFile)(join(from, name), join(to, name));
  }
}
