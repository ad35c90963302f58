/**
 * Bans at the running program: command, API, page, SMTP and restart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AddressClient } from "../lib/address_client.ts";
import { scrape } from "../lib/metrics_scrape.ts";
import { makeSite, type RunningProgram, runProgram, startProgram } from "../lib/program.ts";
import { SHIN } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { isProblem, startApi } from "./api_client.ts";
import { assertWellFormed, PageClient } from "./page_client.ts";
import { enrol } from "./phone.ts";

const HELD = "127.0.0.66";
const BODY = { network: "192.0.2.99/24", reason: "guesses", seconds: 3600 };

async function greeting(program: RunningProgram, address: string): Promise<string> {
  using client = await AddressClient.connect(program.port("msa"), address);
  return await client.reply();
}

Deno.test("bans: the command, the API and what a banned client sees", async (t) => {
  await using api = await startApi({ people: [] });
  const { program, site } = api;
  const command = (...args: readonly string[]) => runProgram(["bans", ...args, "--config", site.config]);

  await t.step("the command bans on the running server and lifts it at once", async () => {
    assert.match(await greeting(program, HELD), /^220 /);
    const refused = await command("add", HELD);
    assert.deepEqual([refused.code, /only by force/.test(refused.output)], [65, true], refused.output);
    const added = await command("add", HELD, "--for", "ever", "--force", "--reason", "a test");
    assert.deepEqual([added.code, added.output], [0, `${HELD} is banned until it is lifted\n`]);
    assert.match(await greeting(program, HELD), /^554 5\.7\.1 /);
    assert.match(await greeting(program, "127.0.0.67"), /^220 /);
    const [item] = JSON.parse((await command("list", "--json")).output);
    assert.deepEqual([item.network, item.reason, item.until, item.who], [HELD, "a test", null, "control socket"]);
    const [logged] = await program.events(1, ({ kind }) => kind === "banned");
    assert.deepEqual([logged?.["network"], logged?.["until"]], [HELD, null]);
    assert.match((await api.ask("GET", "/audit")).text, /"ban\.add"/);
    assert.equal((await command("remove", HELD)).code, 0);
    assert.match(await greeting(program, HELD), /^220 /);
    assert.equal((await command("remove", HELD)).code, 65);
    assert.equal((await command("list", "--json")).output, "[]\n");
  });

  await t.step("the API lists, adds and lifts, each with its scope", async () => {
    const [reader, writer] = [await api.token("bans:read"), await api.token("bans:write")];
    isProblem(await api.ask("POST", "/bans", { token: reader, body: BODY }), 403, /bans:write/);
    isProblem(await api.ask("GET", "/bans", { token: writer }), 403, /bans:read/);
    const added = await api.ask("POST", "/bans", { token: writer, body: BODY });
    assert.equal(added.status, 201, added.text);
    const ban = Object(added.body);
    assert.deepEqual([ban.network, ban.who], ["192.0.2.0/24", "token bans:write"]);
    assert.equal(Date.parse(ban.until) - Date.parse(ban.since), 3_600_000);
    assert.deepEqual(Object((await api.ask("GET", "/bans", { token: reader })).body).items, [ban]);
    const post = (changes: object) => api.ask("POST", "/bans", { token: writer, body: { ...BODY, ...changes } });
    isProblem(await post({ network: "0.0.0.0/0", force: true }), 409, /lock out everybody/);
    isProblem(await post({ network: "127.0.0.0/8" }), 409, /by force/);
    isProblem(await post({ network: "here" }), 422, /an address or a network/);
    isProblem(await post({ seconds: 0 }), 422, /"seconds"/);
    assert.equal((await api.ask("DELETE", `/bans/${ban.id}`, { token: writer })).status, 204);
    isProblem(await api.ask("DELETE", `/bans/${ban.id}`, { token: writer }), 404, /no ban/);
    const text = await scrape(program);
    assert.match(text, /^dokodemo_bans 0$/m);
    assert.match(text, /^dokodemo_banned_connections_total 1$/m);
  });
});

Deno.test("bans: the page, a restart, the command without a server, and guessers that are banned by themselves", async (t) => {
  await using folder = await makeFolder();
  const more = `[http]\naddress = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n[bans]\nfailures_per_hour = 3\n`;
  const site = await makeSite(folder.path, { more });
  const phone = await enrol(site, "shin@baz.co.jp");
  const command = (...args: readonly string[]) => runProgram(["bans", ...args, "--config", site.config]);
  const from = (address: string) => ({ "x-forwarded-for": address, "x-forwarded-proto": "https" });

  {
    await using program = await startProgram(site);
    const admin = new PageClient(program, from("203.0.113.5"));
    await admin.signIn("shin@baz.co.jp", SHIN.password);
    assert.equal((await admin.post("/second-factor", { code: await phone.next(), to: "/" })).status, 303);

    await t.step("a ban is added on the page, seen and lifted, and written down", async () => {
      const fields = { network: "198.51.100.77", reason: "guesses <b>", lasts: "7d" };
      assert.equal((await admin.post("/admin/bans", fields)).location, "/admin/bans?done=added");
      const page = await admin.get("/admin/bans");
      await assertWellFormed(page);
      assert.match(page.text, /<code class="address">198\.51\.100\.77<\/code>/);
      assert.match(page.text, /guesses &lt;b&gt;/);
      for (const network of ["0.0.0.0/0", "127.0.0.1", "nonsense"]) {
        const refused = await admin.post("/admin/bans", { ...fields, network });
        assert.equal(refused.status, 422, network);
        await assertWellFormed(refused);
      }
      const [, lift = ""] = /action="(\/admin\/bans\/[0-9a-f]+\/lift)"/.exec(page.text) ?? [];
      assert.equal((await new PageClient(program, from("203.0.113.6")).post(lift)).location, "/sign-in?to=%2Fadmin");
      assert.equal((await admin.post(lift)).location, "/admin/bans?done=lifted");
      await admin.get("/admin/bans?language=ja");
      assert.match((await admin.get("/admin/bans")).text, /禁止されているネットワークはありません/);
      assert.match((await admin.get("/admin/audit")).text, /ban\.remove/);
    });

    await t.step("an address that guesses on the pages is banned from them and told to the log", async () => {
      const guesser = new PageClient(program, from("198.51.100.7"));
      for (let guess = 0; guess < 3; guess++) await guesser.signIn("taro@baz.co.jp", `guess ${guess}`);
      const [banned] = await program.events(1, ({ kind }) => kind === "banned" || kind === "alarm");
      const [event] = await program.events(1, ({ kind, by }) => kind === "banned" && by === "dokodemo");
      assert.equal(event?.["network"], "198.51.100.7", JSON.stringify(banned));
      assert.equal((await guesser.get("/sign-in")).status, 403);
      assert.equal((await guesser.get("/health/live")).status, 200);
      assert.notEqual((await new PageClient(program, from("198.51.100.8")).get("/sign-in")).status, 403);
    });
  }

  await t.step("without a server the command works on the file, and a restart forgets nothing", async () => {
    const listed = JSON.parse((await command("list", "--json")).output);
    assert.deepEqual(listed.map(({ network }: { readonly network: string }) => network), ["198.51.100.7"]);
    assert.equal((await command("remove", "198.51.100.7")).code, 0);
    assert.equal((await command("add", HELD, "--force", "--for", "7d")).code, 0);
    await using program = await startProgram(site);
    assert.match(await greeting(program, HELD), /^554 5\.7\.1 /);
    assert.notEqual((await new PageClient(program, from("198.51.100.7")).get("/sign-in")).status, 403);
  });
});
