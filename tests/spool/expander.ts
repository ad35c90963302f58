/**
 * A process that commits mails to an alias and expands each until it is killed. It says each one that was expanded.
 *
 * @module
 */

import { lockDataDir } from "../../src/spool/lock.ts";
import { openSpool } from "../../src/spool/sqlite_spool.ts";
import { envelopeTo, patterned, store } from "./fixture.ts";

const [dir = ""] = Deno.args;
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
const member = { notify: null, orcpt: null };

await Promise.all(Array.from({ length: 10 }, async (_, session) => {
  for (let count = 0;; count++) {
    const envid = crypto.randomUUID();
    const content = patterned(session === 0 ? 300 * 1024 : 100, count);
    const id = await store(spool, { ...envelopeTo("staff@baz.co.jp"), envid }, { content });
    await spool.expand(id, 0, {
      reply: "250 2.1.5 Expanded",
      members: ["a@b.example", "c@d.example"].map((forwardPath) => ({ forwardPath, ...member })),
      copies: [{ ...envelopeTo("e@f.example"), reversePath: "owner-staff@baz.co.jp", envid }],
    }, { notice: null });
    Deno.stdout.writeSync(new TextEncoder().encode(`${id}\n`));
  }
}));
