import assert from "node:assert/strict";
import { makeSite, type RunningProgram, startProgram } from "../lib/program.ts";
import { converse, logIn, SHIN, submit } from "../lib/submission.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeFolder } from "../servers/lib.ts";
import { isProblem, member, startApi } from "./api_client.ts";
import { assertWellFormed, type PageAnswer, PageClient, readable, signedIn } from "./page_client.ts";
import { enrol, type Phone } from "./phone.ts";

const ADMIN = { user: "shin@baz.co.jp", password: SHIN.password };
const YUKI = { user: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const LOGIN = { authcid: YUKI.user, password: YUKI.password };
const MAIL = { from: YUKI.user, to: ["a@elsewhere.example"], content: "Subject: x\r\n\r\nx\r\n" };

async function administrator(program: RunningProgram, phone: Phone): Promise<PageClient> {
  const client = new PageClient(program);
  await client.signIn(ADMIN.user, ADMIN.password);
  const given = await client.post("/second-factor", { code: await phone.next(), to: "/" });
  assert.equal(given.status, 303);
  return client;
}

async function follow(client: PageClient, answer: PageAnswer): Promise<string> {
  assert.equal(answer.status, 303, readable(answer));
  const page = await client.get(answer.location);
  assertWellFormed(page);
  return readable(page);
}

Deno.test("pages of limits and holds", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: '[http]\naddress = "127.0.0.1:0"\n' });
  const phone = await enrol(site, ADMIN.user);
  await using program = await startProgram(site);
  const person = await signedIn(program, YUKI);
  const admin = await administrator(program, phone);

  await t.step("nobody but an administrator", async () => {
    for (const path of ["/admin/holds", "/admin/limits", "/admin/limits/yuki%40baz.co.jp"]) {
      assert.equal((await person.get(path)).status, 403, path);
    }
    assert.equal((await person.post("/admin/holds", { account: YUKI.user, reason: "x" })).status, 403);
    assert.match(readable(await admin.get("/admin/holds")), /No account is on hold/);
  });
  await t.step("an account is put on hold; the person is told in plain words, the mail is held", async () => {
    const wrong = await admin.post("/admin/holds", { account: "nobody@baz.co.jp", reason: "x" });
    assert.equal(wrong.status, 422);
    assert.match(readable(wrong), /There is no such account/);
    assert.equal((await admin.post("/admin/holds", { account: YUKI.user, reason: "" })).status, 422);
    const added = await admin.post("/admin/holds", { account: "yuki", reason: "stolen phone" });
    const text = await follow(admin, added);
    assert.match(text, /It is on hold; mails that waited and are held now: 0\./);
    assert.match(text, /yuki@baz\.co\.jp.*stolen phone/s);
    using client = await converse(program, site, { login: null });
    assert.match(await logIn(client, LOGIN), /^235 /);
    assert.match(await submit(client, MAIL), /^250 /);
    assert.match(readable(await person.get("/mail")), /Your account is on hold: the administrators have stopped/);
    const japanese = await person.get("/mail", { "accept-language": "ja" });
    assert.match(readable(japanese), /送信が保留されています/);
    assert.match(readable(await admin.get("/admin/accounts/yuki%40baz.co.jp")), /Its mail is accepted and not sent/);
    assert.match(readable(await admin.get("/admin/queue?account=yuki%40baz.co.jp")), /held/);
  });
  await t.step("discarded after a question, released once", async () => {
    const path = "/admin/holds/yuki%40baz.co.jp";
    const ask = await admin.get(`${path}/discard`);
    assertWellFormed(ask);
    assert.match(readable(ask), /Discard the held mail of yuki@baz\.co\.jp\?/);
    assert.match(await follow(admin, await admin.post(`${path}/discard`, {})), /Mails discarded: 1\. .* still on hold/);
    assert.match(await follow(admin, await admin.post(`${path}/release`, {})), /It is off hold; mails released: 0\./);
    assert.equal((await admin.post(`${path}/release`, {})).status, 404);
    assert.match(readable(await admin.get("/admin/audit")), /hold\.discard.*hold\.add/s);
  });
  await t.step("limits are shown, set and reset", async () => {
    const path = "/admin/limits/yuki%40baz.co.jp";
    assert.match(readable(await admin.get("/admin/limits")), /yuki@baz\.co\.jp/);
    assert.equal((await admin.get("/admin/limits?account=yuki")).location, path);
    assert.equal((await admin.post(path, { limit: "mails_per_hour", most: "many" })).status, 422);
    const set = await follow(admin, await admin.post(path, { limit: "mails_per_hour", most: "1" }));
    assert.match(set, /The value is set\./);
    assert.match(set, /mails an hour\s+1\s+1 \(its own\)/);
    using client = await converse(program, site, { login: null });
    await logIn(client, LOGIN);
    assert.match(
      await client.command(`MAIL FROM:<${YUKI.user}>`),
      /^452 4\.7\.1 This account may send 1 mails an hour/,
    );
    assert.match(await follow(admin, await admin.post(`${path}/reset`, {})), /It begins at 0 again/);
    assert.match(await submit(client, MAIL), /^250 /);
  });
});

Deno.test("limits and holds in the API", async (t) => {
  await using site = await startApi();
  const reads = { token: await site.token("accounts:read", "queue:read") };
  await t.step("scopes", async () => {
    isProblem(
      await site.ask("POST", "/holds", { ...reads, body: { account: "yuki", reason: "x" } }),
      403,
      /queue:write/,
    );
    isProblem(await site.ask("POST", "/limits/yuki", { ...reads, body: {} }), 403, /accounts:write/);
    assert.equal((await site.ask("GET", "/limits/yuki", reads)).status, 200);
    assert.equal((await site.ask("GET", "/holds", reads)).status, 200);
  });
  await t.step("holds", async () => {
    const body = { account: "yuki", reason: "stolen" };
    assert.equal(member(await site.ask("POST", "/holds", { body }), "mails"), 0);
    isProblem(await site.ask("POST", "/holds", { body }), 409, /on hold already/);
    isProblem(await site.ask("POST", "/holds", { body: { account: "nobody", reason: "x" } }), 404, /no such account/);
    assert.equal(member(await site.ask("GET", "/holds"), "items", "0", "account"), YUKI.user);
    assert.equal(member(await site.ask("GET", "/limits/yuki"), "hold", "rule"), "stolen");
    assert.equal(member(await site.ask("POST", "/holds/yuki/discard"), "mails"), 0);
    assert.equal(member(await site.ask("POST", "/holds/yuki/release"), "mails"), 0);
    isProblem(await site.ask("POST", "/holds/yuki/release"), 404, /not on hold/);
  });
  await t.step("values of its own", async () => {
    const set = await site.ask("POST", "/limits/yuki", { body: { set: { mails_per_day: 7, octets_per_day: null } } });
    assert.equal(member(set, "limits", "1", "most"), 7);
    assert.equal(member(set, "limits", "1", "own"), true);
    const unset = await site.ask("POST", "/limits/yuki", { body: { unset: ["mails_per_day"] } });
    assert.equal(member(unset, "limits", "1", "most"), null);
    isProblem(await site.ask("POST", "/limits/yuki", { body: { set: { mails_per_week: 7 } } }), 422, /./);
    isProblem(await site.ask("GET", "/limits/nobody"), 404, /no such account/);
    assert.equal((await site.ask("POST", "/limits/yuki/reset")).status, 200);
  });
});
