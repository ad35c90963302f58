/**
 * A process that commits mails from 20 sessions until it is killed. It says each one on standard output after it was acknowledged: the
 * id, the seed of its content and the length.
 *
 * @module
 */

import { lockDataDir } from "../../src/spool/lock.ts";
import { openSpool } from "../../src/spool/sqlite_spool.ts";
import { envelopeTo, patterned, store } from "./fixture.ts";

const [dir = "", firstSeed = "1"] = Deno.args;
const lock = await lockDataDir(dir);
if (!lock.ok) throw new Error(lock.problem.message);
const opened = await openSpool(dir, {
  messageSizeLimit: 1024 * 1024,
  log: () => {},
  clock: { now: () => Date.now() },
  onDue: () => {},
});
if (!opened.ok) throw new Error(opened.problem.message);
const spool = opened.value;
let seed = Number(firstSeed);

await Promise.all(Array.from({ length: 20 }, async () => {
  for (;;) {
    const mine = seed++;
    const length = mine % 10 === 0 ? 300 * 1024 : 1 + mine % 5000;
    const id = await store(spool, envelopeTo("a@b.example"), { content: patterned(length, mine) });
    Deno.stdout.writeSync(new TextEncoder().encode(`${id} ${mine} ${length}\n`));
  }
}));
