import assert from "node:assert/strict";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { makeFolder } from "../servers/lib.ts";

Deno.test("what hangs on an account or a device in the running server goes when a command deletes it", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  await using program = await startProgram(site);
  const ran = async (...args: readonly string[]): Promise<string> => {
    const done = await runProgram([...args, "--config", site.config]);
    assert.equal(done.code, 0, done.output);
    return done.output;
  };
  await ran("device", "add", "printer", "--from", "printer@foobar.co.jp");
  for (const name of ["shin", "printer"]) {
    await ran("limits", "set", name, "mails_per_day=3");
    await ran("hold", "add", name);
  }
  assert.equal(JSON.parse(await ran("hold", "list", "--json")).length, 2);
  assert.equal(await ran("user", "delete", "shin"), "shin@baz.co.jp is deleted\n");
  assert.equal(await ran("device", "delete", "printer"), "printer@baz.co.jp is deleted\n");
  assert.deepEqual(JSON.parse(await ran("hold", "list", "--json")), []);
  const told = await program.events(2, ({ kind, what }) => kind === "account-changed" && /delete$/.test(String(what)));
  assert.deepEqual(told.map(({ account }) => account), ["shin@baz.co.jp", "printer@baz.co.jp"]);
  // It is noted once, by the server.
  const audit: { what: string }[] = JSON.parse(await ran("audit", "list", "--json"));
  assert.equal(audit.filter(({ what }) => what === "account.delete").length, 1);
});
