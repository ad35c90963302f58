/**
 * Routes and aliases of a running server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { startCountingSink } from "../lib/counting_sink.ts";
import { mailsIn } from "../lib/maildir.ts";
import { type LoggedEvent, makeSite, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, submit } from "../lib/submission.ts";
import { freePort, makeFolder } from "../servers/lib.ts";

/** A site with routes and aliases; the route `partner` leads to this port. */
async function siteWithRoutes(folder: string, partner: number, aliases: string): Promise<Site> {
  const site = await makeSite(folder, {
    more: `
[[route]]
name = "bulk"
accounts = ["yuki"]
recipient_domains = ["partner.example"]
discard = true
[[route]]
name = "partner"
recipient_domains = ["partner.example"]
smarthost = { address = "127.0.0.1:${partner}", tls = "never" }
retry = ["1s"]
[[route]]
name = "closed"
recipient_domains = ["*.closed.example"]
fail = "550 5.7.27 Nothing goes there"
[[route]]
name = "archive"
recipient_domains = ["archive.example"]
maildir = "archive/Maildir"
`,
  });
  const config = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(join(folder, "aliases"), aliases);
  await Deno.writeTextFile(
    site.config,
    config.replace("[delivery.local]\n", '[delivery.local]\naliases_file = "aliases"\n'),
  );
  return site;
}

function isDelivery(recipient: string, outcome: string): (event: LoggedEvent) => boolean {
  return (event) => event.kind === "delivery" && event["recipient"] === recipient && event["outcome"] === outcome;
}

Deno.test("each recipient takes its route, and what a route refuses is refused at RCPT", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const site = await siteWithRoutes(folder.path, sink.port, "staff: shin, x@partner.example\n");
  await using program = await startProgram(site);
  using client = await converse(program, site);
  await client.command("MAIL FROM:<shin@baz.co.jp>");
  assert.match(await client.command("RCPT TO:<a@b.closed.example>"), /^550 5\.7\.27 Nothing goes there /);
  assert.match(await client.command("RCPT TO:<a@closed.example>"), /^250 /);
  await client.command("RSET");
  await submit(client, {
    from: "shin@baz.co.jp",
    to: ["staff@foobar.co.jp", "y@partner.example", "z@archive.example"],
  });
  const routes = async (recipient: string, outcome: string) =>
    (await program.events(1, isDelivery(recipient, outcome)))[0]?.["route"];
  assert.equal(await routes("staff@foobar.co.jp", "delivered"), "alias");
  assert.equal(await routes("shin@foobar.co.jp", "delivered"), "maildir");
  assert.equal(await routes("x@partner.example", "relayed"), "partner");
  assert.equal(await routes("y@partner.example", "relayed"), "partner");
  assert.equal(await routes("z@archive.example", "delivered"), "archive");
  assert.equal((await mailsIn(join(folder.path, "archive/Maildir"))).length, 1);
  const yuki = { authcid: "yuki@baz.co.jp", password: 'パスワード 1,2="x"\\y' };
  using other = await converse(program, site, { login: yuki });
  await submit(other, { from: "yuki@baz.co.jp", to: "v@partner.example" });
  assert.equal(await routes("v@partner.example", "delivered"), "bulk");
  assert.deepEqual(sink.take().flatMap(({ recipients }) => recipients).toSorted(), [
    "x@partner.example",
    "y@partner.example",
  ]);

  const test = await runProgram(["route", "test", "staff@foobar.co.jp", "--json", "--config", site.config]);
  assert.deepEqual(
    JSON.parse(test.output).map((
      { recipient, route, account }: Record<string, unknown>,
    ) => [recipient, route, account]),
    [
      ["staff@foobar.co.jp", "alias", null],
      ["shin@foobar.co.jp", "maildir", "shin@baz.co.jp"],
      ["x@partner.example", "partner", null],
    ],
  );
  const bulk = await runProgram([
    ...["route", "test", "v@partner.example", "--account", "yuki", "--config", site.config],
  ]);
  assert.match(bulk.output, /^v@partner\.example +bulk +/m);
});

Deno.test("kill -9 after an alias was expanded: each member gets the mail once", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const site = await siteWithRoutes(folder.path, port, "staff: shin, a@partner.example, b@partner.example\n");
  {
    await using program = await startProgram(site);
    using client = await converse(program, site);
    await submit(client, { from: "shin@baz.co.jp", to: "staff@foobar.co.jp" });
    await program.events(1, isDelivery("staff@foobar.co.jp", "delivered"));
    // One member has it, the others' hop is down.
    await program.events(1, isDelivery("shin@foobar.co.jp", "delivered"));
    await program.events(1, isDelivery("a@partner.example", "deferred"));
    await program.process.stop("SIGKILL");
  }
  using sink = startCountingSink(port);
  await using program = await startProgram(site);
  await program.events(1, ({ kind }) => kind === "mail-done");
  assert.deepEqual(sink.take().flatMap(({ recipients }) => recipients).toSorted(), [
    "a@partner.example",
    "b@partner.example",
  ]);
  assert.equal((await mailsIn(join(site.mail, "shin"))).length, 1);
});

Deno.test("an aliases file with a mistake is told while the server runs, and the one before goes on", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const site = await siteWithRoutes(folder.path, sink.port, "staff: x@partner.example\n");
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const send = () => submit(client, { from: "shin@baz.co.jp", to: "staff@foobar.co.jp" });
  await send();
  await program.events(1, isDelivery("x@partner.example", "relayed"));
  await Deno.writeTextFile(join(folder.path, "aliases"), "staff: |/bin/sh\n");
  // The file is looked at once a second at most.
  while (!program.log.some(({ kind, about }) => kind === "alarm" && about === "aliases")) await send();
  const check = await runProgram(["check", "--config", site.config]);
  assert.equal(check.code, 78);
  assert.match(check.output, /delivery\.local\.aliases_file: .*aliases, line 1: programs are not run, so \|\/bin\/sh/);
  await Deno.writeTextFile(join(folder.path, "aliases"), "staff: y@partner.example\n");
  while (!program.log.some(isDelivery("y@partner.example", "relayed"))) await send();
});
