import assert from "node:assert/strict";
import { queuePageSchema } from "../../src/http/queue_item.ts";
import { personOf, runProgram } from "../lib/program.ts";
import { converse, type Login, submit } from "../lib/submission.ts";
import { isProblem, member, startApi } from "./api_client.ts";

const DAI: Login = { authcid: "dai@baz.co.jp", password: "dai-secret-10" };

Deno.test("queue, reload and repeated requests in the API", async (t) => {
  await using api = await startApi({ people: [personOf(DAI.authcid, DAI.password)] });
  const reader = await api.token("queue:read");
  const writer = await api.token("queue:write");
  const send = async (to: string) => {
    using client = await converse(api.program, api.site, { login: DAI });
    assert.ok((await submit(client, { from: DAI.authcid, to })).startsWith("250"));
  };
  const list = async (query = "") =>
    queuePageSchema.parse((await api.ask("GET", `/queue${query}`, { token: reader })).body);
  const acts = async () => {
    const { items } = Object((await api.ask("GET", "/audit")).body);
    return items.map(({ who, what, target }: Readonly<Record<string, string>>) => `${who} ${what} ${target}`);
  };

  await t.step("mails are listed, shown, held, released, tried and deleted", async () => {
    for (const to of ["a@elsewhere.example", "b@elsewhere.example", "c@other.example"]) await send(to);
    await api.program.events(3, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    const page = await list("?count=2");
    assert.equal(page.items.length, 2);
    assert.equal((await list(`?after=${page.next}`)).items.length, 1);
    assert.deepEqual((await list("?domain=OTHER.example")).items.map(({ account }) => account), [DAI.authcid]);
    assert.deepEqual((await list("?account=nobody@baz.co.jp")).items, []);
    const id = page.items[0]?.id ?? "";
    assert.equal(member(await api.ask("GET", `/queue/${id}`, { token: reader }), "id"), id);
    const post = async (verb: string) => (await api.ask("POST", `/queue/${id}/${verb}`, { token: writer })).status;
    assert.deepEqual([await post("hold"), await post("hold"), await post("retry")], [204, 409, 409]);
    assert.equal(member(await api.ask("GET", `/queue/${id}`), "state"), "held");
    assert.deepEqual([await post("release"), await post("release")], [204, 409]);
    const deferred = (events: Iterable<Readonly<Record<string, unknown>>>) =>
      [...events].filter(({ kind, mail, outcome }) => kind === "delivery" && mail === id && outcome === "deferred")
        .length;
    const before = deferred(api.program.log);
    assert.equal((await api.ask("POST", "/queue/retry", { token: writer })).status, 200);
    await api.program.events(before + 1, ({ kind, mail }) => kind === "delivery" && mail === id);
    // While it is tried once more it cannot be deleted.
    let deleted = await api.ask("DELETE", `/queue/${id}`, { token: writer });
    while (deleted.status === 409) deleted = await api.ask("DELETE", `/queue/${id}`, { token: writer });
    assert.equal(deleted.status, 204, deleted.text);
    isProblem(await api.ask("DELETE", `/queue/${id}`, { token: writer }), 404, /no mail with this id/);
    isProblem(await api.ask("GET", "/queue/..%2F..%2Fetc", { token: reader }), 404, /no mail with this id/);
    isProblem(await api.ask("GET", "/queue?domain=a..b", { token: reader }), 400, /"domain"/);
    const by = "token queue:write";
    assert.deepEqual((await acts()).slice(0, 4), [
      `${by} queue.delete ${id}`,
      `${by} queue.retry all`,
      `${by} queue.release ${id}`,
      `${by} queue.hold ${id}`,
    ]);
    const [logged] = await api.program.events(1, ({ kind, what }) => kind === "queue-changed" && what === "delete");
    assert.equal(logged?.["by"], by);
  });

  await t.step("many are changed by account, domain and route; everything only where that is said", async () => {
    const post = (query: string) => api.ask("POST", `/queue/${query}`, { token: writer });
    const before = await list();
    const [other] = (await list("?domain=other.example")).items;
    const held = await post("hold?domain=OTHER.example&count=1000");
    assert.deepEqual(held.body, { changed: 1, mails: [other?.id], next: null });
    assert.equal(member(await api.ask("GET", `/queue/${other?.id}`), "state"), "held");
    assert.equal((await acts())[0], "token queue:write queue.hold domain other.example");
    // Piece by piece, as many mails as there are and one look for the end.
    const counts = [];
    for (let after = ""; after !== "end";) {
      const piece = await post(`release?route=smarthost&count=1${after}`);
      counts.push(member(piece, "changed"));
      const next = member(piece, "next");
      after = next === null ? "end" : `&after=${next}`;
    }
    assert.deepEqual(counts, [...before.items.map(({ id }) => id === other?.id ? 1 : 0), 0]);
    assert.deepEqual((await post(`hold?account=nobody@baz.co.jp`)).body, { changed: 0, next: null });
    isProblem(await post("hold?route=smrthost"), 400, /no such route; there are .*smarthost/);
    for (const verb of ["hold", "release", "delete"]) isProblem(await post(verb), 400, /or all=true/);
    isProblem(await api.ask("POST", "/queue/delete?all=true", { token: reader }), 403, /scope queue:write/);
    assert.equal((await list()).items.length, before.items.length);
  });

  await t.step("the history tells what was tried, where, and how it went", async () => {
    const [{ id }] = Object((await list()).items);
    const [recipient] = Object(member(await api.ask("GET", `/queue/${id}`, { token: reader }), "recipients"));
    const [first] = recipient.history;
    assert.deepEqual([first.route, first.outcome, first.reply.slice(0, 9)], ["smarthost", "deferred", "451 4.4.1"]);
    assert.equal(first.host, "127.0.0.1");
    assert.equal(recipient.history.length, recipient.attempts);
    assert.equal(Object((await list()).items[0]).recipients[0].history, undefined);
  });

  await t.step("the command works over the same routes", async () => {
    const shown = await runProgram(["queue", "list", "--json", "--config", api.site.config]);
    assert.equal(shown.code, 0, shown.output);
    const ids = JSON.parse(shown.output).map(({ id }: { readonly id: string }) => id);
    assert.equal(ids.length, 2);
    const held = await runProgram(["queue", "hold", ids[0], "--config", api.site.config]);
    assert.equal(held.code, 0, held.output);
    assert.equal((await acts())[0], `control socket queue.hold ${ids[0]}`);
  });

  await t.step("reload: over the control socket, refused with every mistake", async () => {
    assert.deepEqual((await api.ask("POST", "/reload")).body, { reloaded: true });
    assert.equal((await acts())[0], "control socket configuration.reload configuration");
    const good = await Deno.readTextFile(api.site.config);
    await Deno.writeTextFile(api.site.config, `nonsense = 1\n${good.replace('role = "mta"', 'role = "mua"')}`);
    const refused = await api.ask("POST", "/reload");
    isProblem(refused, 422, /the old one stays/);
    assert.equal(Object(member(refused, "mistakes")).length, 2);
    await Deno.writeTextFile(api.site.config, good);
  });

  await t.step("a POST with an Idempotency-Key is done once, and answered as the first time", async () => {
    const token = await api.token("accounts:write", "accounts:read");
    const post = (key: string, body: unknown, over: string | undefined = token) => {
      const headers = { "idempotency-key": key };
      return api.ask("POST", "/accounts", { ...over !== undefined && { token: over }, body, headers });
    };
    const body = { account: "once@baz.co.jp", password: "once-secret" };
    const first = await post("key-1", body);
    assert.equal(first.status, 201, first.text);
    const again = await post("key-1", body);
    assert.deepEqual([again.status, again.text], [201, first.text]);
    assert.equal(again.headers.get("location"), first.headers.get("location"));
    isProblem(await post("key-1", { ...body, password: "another" }), 422, /another request/);
    isProblem(await post("key-1", { ...body, account: "other@baz.co.jp" }), 422, /another request/);
    isProblem(await post("key-2", body), 409, /is an account with this name/);
    assert.equal((await api.ask("DELETE", "/accounts/once@baz.co.jp", { token })).status, 204);
    // A refusal did nothing and is not kept.
    assert.equal((await post("key-2", body)).status, 201);
    const other = await api.token("accounts:write");
    isProblem(await post("key-2", body, other), 409, /is an account with this name/);
    for (const key of ["", "a b", "x".repeat(256)]) {
      isProblem(await post(key, body), 400, /Idempotency-Key has 1 to 255/);
    }
  });

  await t.step("the same at the same time is done once", async () => {
    const body = { account: "race@baz.co.jp", password: "race-secret" };
    const headers = { "idempotency-key": "race" };
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.ask("POST", "/accounts", { body, headers })));
    const statuses = answers.map(({ status }) => status);
    assert.ok(statuses.includes(201), String(statuses));
    // The others came while it was at work, or after it.
    for (const { status, text } of answers) {
      assert.ok(status === 201 || (status === 409 && /still at work/.test(text)), text);
    }
    const made = (await acts()).filter((act: string) => act.endsWith("account.add race@baz.co.jp"));
    assert.equal(made.length, 1);
  });

  await t.step("an answer with a secret is not kept: the repeat says what to do", async () => {
    const headers = { "idempotency-key": "secret-1" };
    const path = "/accounts/dai@baz.co.jp/app-passwords";
    const made = await api.ask("POST", path, { body: { label: "tablet" }, headers });
    assert.equal(made.status, 201);
    const again = await api.ask("POST", path, { body: { label: "tablet" }, headers });
    isProblem(again, 409, /revoke what was made then/);
    const secret = String(member(made, "password"));
    for (const suffix of ["", "-wal"]) {
      const octets = await Deno.readFile(`${api.site.dataDir}/records${suffix}`).catch(() => new Uint8Array());
      const text = new TextDecoder("latin1").decode(octets);
      for (const word of [secret, "once-secret", "race-secret"]) assert.ok(!text.includes(word), word);
    }
  });

  await t.step("no password is in any answer or in the log", () => {
    const everything = [...api.answers, ...api.program.process.lines];
    for (const word of ["once-secret", "race-secret", DAI.password]) {
      assert.ok(everything.every((line) => !line.includes(word)), word);
    }
  });
});
