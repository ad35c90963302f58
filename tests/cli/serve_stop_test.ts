/**
 * The second signal: it ends the program whatever else is still waited for.
 *
 * @module
 */

import assert from "node:assert/strict";
import { makeSite, startProgram } from "../lib/program.ts";
import { serveMail, startPeer } from "../lib/scripted_peer.ts";
import { converse, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";

Deno.test("a second signal ends the program although a next hop is silent after the final dot", async () => {
  await using folder = await makeFolder();
  const dot = Promise.withResolvers<void>();
  await using peer = await startPeer((each) =>
    serveMail(each, { contentReply: () => each.number === 1 ? (dot.resolve(), "") : "250 2.0.0 Taken\r\n" })
  );
  const site = await makeSite(folder.path, {
    people: [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }],
    smarthost: `address = "127.0.0.1:${peer.port}"\ntls = "never"`,
  });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const id = queueIdOf(await submit(client, { to: "taro@example.net" }));
  await dot.promise;
  program.process.signal("SIGTERM");
  assert.match(await client.reply(), /^421 4\.3\.2 /);
  program.process.signal("SIGTERM");
  assert.equal((await program.process.ended).code, 0);
  assert.ok(program.log.some(({ kind, about }) => kind === "warning" && about === "stop"));
  assert.equal(program.log.at(-1)?.kind, "stopped");

  // The next start knows that the next hop may have taken it.
  await using next = await startProgram(site);
  const warnings = next.log.filter(({ kind, about }) => kind === "warning" && about === "spool");
  assert.ok(warnings.some(({ text }) => String(text).includes(`may arrive twice: ${id}`)), JSON.stringify(warnings));
  await next.events(1, ({ kind, mail }) => kind === "mail-done" && mail === id);
});
