import assert from "node:assert/strict";
import { startCountingSink } from "../lib/counting_sink.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { converse, submit } from "../lib/submission.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

Deno.test("ETRN on an mta listener has what waits for its domain delivered now, and nothing else", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const site = await makeSite(folder.path, {
    smarthost: `address = "127.0.0.1:${port}"\ntls = "never"`,
    more: '[delivery]\netrn_domains = ["away.example"]',
  });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const to = ["a@away.example", "b@sub.away.example", "c@other.example"];
  for (const path of to) assert.match(await submit(client, { to: path }), /^250 /);
  await program.events(3, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
  using sink = startCountingSink(port);
  using mta = await converse(program, site, { listener: "mta" });
  assert.match(await mta.command("ETRN other.example"), /^459 /);
  assert.match(await mta.command("ETRN away.example"), /^253 2\.0\.0 OK, 1 pending messages for node away\.example/);
  await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
  assert.match(await mta.command("ETRN away.example"), /^252 /);
  assert.match(await mta.command("ETRN @away.example"), /^253 2\.0\.0 OK, 1 pending/);
  await program.events(2, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
  const paths = sink.take().flatMap(({ recipients }) => recipients);
  assert.deepEqual(paths, ["a@away.example", "b@sub.away.example"]);
  const list = await runProgram(["queue", "list", "--json", "--config", site.config]);
  assert.equal(JSON.parse(list.output).length, 1);
  assert.match(await client.command("ETRN away.example"), /^502 /);
});
