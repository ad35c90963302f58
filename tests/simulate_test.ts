import assert from "node:assert/strict";
import { join } from "node:path";
import { startApi } from "./http/api_client.ts";
import { assertWellFormed, PageClient, readable, signedIn } from "./http/page_client.ts";
import { enrol } from "./http/phone.ts";
import { simulationSchema } from "../src/http/simulation.ts";
import { ed25519Pair, writeKeys } from "./lib/dkim_keys.ts";
import { HTTP_SECTION, sampleOf, scrape } from "./lib/metrics_scrape.ts";
import { PEOPLE } from "./lib/people.ts";
import { makeSite, runProgram, type Site, startProgram } from "./lib/program.ts";
import { SHIN } from "./lib/submission.ts";
import { makeFolder } from "./servers/lib.ts";

const ADMIN = { user: "shin@baz.co.jp", password: SHIN.password };
const YUKI = { user: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const ACCESS = 'spam@ REJECT\nlater@b.example ERROR:"451 Later"\nTo:drop@foobar.co.jp DISCARD\n';
const MORE = `${HTTP_SECTION}[access]\nfile = "access"\n`;
/** Of a mail that is taken. */
const GOOD = ["--user", "shin", "--tls", "--mech", "PLAIN", "--from", "shin@baz.co.jp", "--to", "a@else.example"];

/** Runs the command; its exit code and what it printed. */
async function simulate(site: Pick<Site, "config">, ...args: readonly string[]) {
  return await runProgram(["simulate", "--config", site.config, "--ip", "127.0.0.9", ...args]);
}

async function parsed(site: Pick<Site, "config">, ...args: readonly string[]) {
  const { output } = await simulate(site, ...args, "--json");
  const [simulation] = JSON.parse(output);
  return simulationSchema.parse(simulation);
}

Deno.test("simulate has exit codes for scripts, with a server and without", async (t) => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(join(folder.path, "access"), ACCESS);
  const site = await makeSite(folder.path, { more: MORE });
  const check = async (count: number) => {
    const cases: readonly (readonly [number, readonly string[]])[] = [
      [0, GOOD],
      [75, ["--from", "later@b.example", "--to", "shin@foobar.co.jp"]],
      [77, ["--from", "a@x.example", "--to", "drop@foobar.co.jp"]],
      [0, ["--from", "<>", "--to", "shin@foobar.co.jp"]],
      [77, ["--from", "", "--to", "a@else.example"]],
      [77, ["--from", "spam@x.example", "--to", "shin@foobar.co.jp"]],
      [77, ["--user", "locked", "--tls", "--from", "shin@baz.co.jp", "--to", "a@else.example"]],
      [64, ["--from", "no address", "--to", "shin@foobar.co.jp"]],
      [64, ["--from", "a@b.example", "--to", "shin@foobar.co.jp", "--listener", "none"]],
      [64, ["--from", "a@b.example"]],
    ];
    for (const [code, args] of cases.slice(0, count)) {
      const done = await simulate(site, ...args);
      assert.equal(done.code, code, `${args.join(" ")}: ${done.output}`);
    }
  };
  let alone = "";
  await t.step("without a server", async () => {
    await check(3);
    alone = (await simulate(site, ...GOOD)).output;
    await Deno.writeTextFile(join(folder.path, "bad.toml"), "hostname = 3\n");
    const bad = await simulate({ config: join(folder.path, "bad.toml") }, ...GOOD);
    assert.equal(bad.code, 78, bad.output);
  });
  await using program = await startProgram(site);
  await t.step("with one, and both say the same", async () => {
    await check(Infinity);
    assert.equal((await simulate(site, ...GOOD)).output, alone);
    assert.match(alone, /^C: AUTH PLAIN\nS: 235 /m);
    assert.match(alone, /^a@else\.example +smarthost +127\.0\.0\.1:9 +- +never/m);
    assert.match(alone, /^accepted: the mail would be taken for all recipients$/m);
    assert.ok(!program.log.some(({ kind }) => kind === "bug" || kind === "authentication" || kind === "refused"));
  });
});

Deno.test("simulate tells login, sender rule, rewriting, key, limits and hold; no counter moves", async (t) => {
  await using folder = await makeFolder();
  const keys = join(folder.path, "dkim");
  await writeKeys(keys, "foobar.co.jp", { selector: "s1", ed25519: ed25519Pair() });
  const site = await makeSite(folder.path, {
    more: `${HTTP_SECTION}[dkim]\nfolder = ${JSON.stringify(keys)}\n` +
      '[masquerade]\nas = "foobar.co.jp"\ndomains = ["baz.co.jp"]\nenvelope = true\n' +
      "[limits.account]\nmails_per_day = 7\n" + '[sender.accounts]\n"yuki@baz.co.jp" = "report"\n',
  });
  await using program = await startProgram(site);
  const before = await scrape(program);
  const lines = program.log.length;

  await t.step("a mail that is taken", async () => {
    const { outcome, login, content, limits, recipients, mechanisms } = await parsed(site, ...GOOD);
    assert.equal(outcome, "accepted");
    assert.deepEqual([mechanisms.withoutTls, mechanisms.withTls?.includes("PLAIN")], [[], true]);
    assert.deepEqual([login?.account, login?.relays, login?.chain[0]?.backend], ["shin@baz.co.jp", true, "sasldb"]);
    assert.deepEqual(content, {
      ...{ disposition: "deliver", reversePath: "shin@foobar.co.jp", from: "shin@foobar.co.jp" },
      dkim: [{ domain: "foobar.co.jp", selector: "s1-ed25519" }],
    });
    assert.deepEqual(limits, [
      { of: "account", subject: "shin@baz.co.jp", limit: "mails_per_day", used: 0, most: 7, left: 7, opens: null },
    ]);
    assert.deepEqual(recipients[0]?.ways.map(({ route, host, port, tls }) => [route, host, port, tls]), [
      ["smarthost", "127.0.0.1", 9, "never"],
    ]);
  });
  await t.step("what a rule refuses, and what it would only log", async () => {
    const foreign = await parsed(site, ...GOOD, "--header-from", "Boss <boss@else.example>");
    assert.equal(foreign.outcome, "refused");
    const last = foreign.steps.at(-1);
    assert.deepEqual([last?.step, last?.code], ["content", 550]);
    assert.match(last?.rule ?? "", /sender rule: From is boss@else\.example/);
    const reported = await parsed(
      site,
      ...["--user", "yuki", "--tls", "--from", "boss@else.example", "--to", "a@else.example"],
    );
    assert.equal(reported.outcome, "accepted");
    assert.match(reported.notes.join("\n"), /^reported: sender rule: the reverse-path is boss@else\.example/);
  });
  await t.step("logins that fail", async () => {
    const tried = async (user: string, ...more: readonly string[]) =>
      (await parsed(site, "--user", user, ...more, "--from", "shin@baz.co.jp", "--to", "a@else.example")).login;
    assert.deepEqual((await tried("locked", "--tls"))?.reason, "disabled");
    assert.deepEqual((await tried("ghost", "--tls"))?.reason, "unknown-user");
    assert.deepEqual((await tried("shin", "--mech", "PLAIN"))?.verdict, "not-offered");
    assert.deepEqual((await tried("shin", "--tls", "--mech", "NTLM"))?.verdict, "not-offered");
  });
  await t.step("nothing was counted or logged", async () => {
    assert.equal(program.log.length, lines, JSON.stringify(program.log.slice(lines)));
    const after = await scrape(program);
    const moved = [...after.matchAll(/^(dokodemo_\w+_total(?:\{.*\})?) /gm)].map(([, sample = ""]) => sample)
      .filter((sample) => !/http|commit|process|scrape/.test(sample))
      .filter((sample) => sampleOf(before, sample) !== sampleOf(after, sample));
    assert.deepEqual(moved, []);
  });
  await t.step("an account on hold", async () => {
    const held = await runProgram(["hold", "add", "shin@baz.co.jp", "--reason", "test", "--config", site.config]);
    assert.equal(held.code, 0, held.output);
    const { hold, content, outcome } = await parsed(site, ...GOOD);
    assert.deepEqual([hold, content?.disposition, outcome], ["test", "hold", "accepted"]);
  });
});

Deno.test("simulate and access test by the API", async () => {
  await using api = await startApi({ more: '[access]\nrelay_domains = ["partner.example"]\n' });
  const token = await api.token("configuration:read");
  const body = { ip: "192.0.2.1", from: "", to: ["shin@foobar.co.jp"] };
  const answer = await api.ask("POST", "/simulate", { token, body });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(simulationSchema.parse(answer.body).outcome, "accepted");
  for (
    const [wrong, field] of [
      [{ ...body, ip: "x" }, "ip"],
      [{ ...body, to: [] }, "to"],
      [{ ...body, listener: "none" }, "listener"],
    ] as const
  ) {
    const refused = await api.ask("POST", "/simulate", { token, body: wrong });
    assert.deepEqual([refused.status, Reflect.get(Object(refused.body), "field")], [422, field], refused.text);
  }
  assert.equal((await api.ask("POST", "/simulate", { token: await api.token("queue:read"), body })).status, 403);
  const asked = await api.ask("POST", "/access/test", { token, body: { about: "192.0.2.1", to: "a@partner.example" } });
  assert.equal(asked.status, 200, asked.text);
  const [, recipient] = Reflect.get(Object(asked.body), "steps");
  assert.deepEqual([recipient.result, recipient.decides], ["accepted", "partner.example is in relay_domains"]);
  assert.equal((await api.ask("POST", "/access/test", { token, body: { about: "x y" } })).status, 422);
});

Deno.test("simulation and access rules as forms", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(join(folder.path, "access"), ACCESS);
  const site = await makeSite(folder.path, { more: MORE });
  const phone = await enrol(site, ADMIN.user);
  await using program = await startProgram(site);
  const person = await signedIn(program, YUKI);
  for (const path of ["/admin/simulate", "/admin/access"]) {
    assert.equal((await person.get(path)).status, 403);
    assert.equal((await person.post(path, {})).status, 403);
  }
  const admin = new PageClient(program);
  await admin.signIn(ADMIN.user, ADMIN.password);
  await admin.post("/second-factor", { code: await phone.next(), to: "/" });
  const empty = await admin.get("/admin/simulate", { "accept-language": "ja" });
  assertWellFormed(empty);
  assert.match(readable(empty), /送信のシミュレーション/);

  const fields = { ip: "127.0.0.9", tls: "yes", user: "shin", mechanism: "PLAIN", from: "shin@baz.co.jp" };
  for (const to of ["a@else.example", "a@else.example nobody@foobar.co.jp", "<script>@foobar.co.jp"]) {
    const answer = await admin.post("/admin/simulate", { ...fields, to });
    assertWellFormed(answer);
    const command = await parsed(
      site,
      ...["--user", "shin", "--tls", "--mech", "PLAIN", "--from", "shin@baz.co.jp", "--to", ...to.split(" ")],
    ).catch(() => null);
    assert.equal(answer.status, command === null ? 422 : 200);
    for (const { client, reply, rule } of command?.steps ?? []) {
      for (const text of [client, rule, ...reply.split("\n")]) {
        if (text !== null) assert.ok(readable(answer).includes(text), text);
      }
    }
  }
  const wrong = await admin.post("/admin/simulate", { ...fields, ip: "<b>", to: "" });
  assertWellFormed(wrong);
  assert.equal(wrong.status, 422);
  assert.match(readable(wrong), /Expected an IP address.*Expected an address/);

  const access = await admin.post("/admin/access", { about: "192.0.2.1", sender: "spam@x.example" });
  assertWellFormed(access);
  assert.match(readable(access), /spam@x\.example refused line 1 of the access map: spam@ REJECT/);
  assert.equal((await admin.post("/admin/access", { about: "<i>" })).status, 422);
});
