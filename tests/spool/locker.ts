/**
 * A process that takes the lock on a folder, says so, and holds it until it is killed.
 *
 * @module
 */

import { lockDataDir } from "../../src/spool/lock.ts";

const [dir = ""] = Deno.args;
const lock = await lockDataDir(dir);
if (!lock.ok) throw new Error(lock.problem.message);
await Deno.stdout.write(new TextEncoder().encode("locked\n"));
setInterval(() => {}, 1000);
