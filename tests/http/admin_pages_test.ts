/**
 * The pages of administrators, over HTTP at the running program: who gets in, what is done there, and that it is written down.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openRecords } from "../../src/records/open_records.ts";
import { openStore } from "../accounts/lib.ts";
import { refusedLogin } from "../lib/login_event.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, logIn, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { assertWellFormed, type PageAnswer, PageClient, readable, signedIn } from "./page_client.ts";
import { enrol, type Phone } from "./phone.ts";

const ADMIN = { user: "shin@baz.co.jp", password: SHIN.password };
const YUKI = { user: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const HTTP = `[http]\naddress = "127.0.0.1:0"\n`;
const PATHS = [
  ...["/admin", "/admin/accounts", "/admin/accounts/new", "/admin/accounts/shin%40baz.co.jp"],
  ...["/admin/accounts/shin%40baz.co.jp/delete", "/admin/logins", "/admin/tester", "/admin/simulate", "/admin/queue"],
  ...["/admin/queue/0000/delete", "/admin/audit", "/admin/administrators", "/admin/nothing"],
];

/** A browser of an administrator who has given the second factor. */
async function administrator(program: RunningProgram, phone: Phone): Promise<PageClient> {
  const client = new PageClient(program);
  assert.equal((await client.signIn(ADMIN.user, ADMIN.password)).location, "/second-factor?to=%2F");
  const given = await client.post("/second-factor", { code: await phone.next(), to: "/" });
  assert.deepEqual([given.status, given.location], [303, "/admin"]);
  return client;
}

/** The reply to a login over SMTP. */
async function loginReply(program: RunningProgram, site: Site, authcid: string, password: string): Promise<string> {
  using client = await converse(program, site, { login: null });
  return await logIn(client, { authcid, password });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 200));
}

/** Follows the redirect of an act, as a browser does. */
async function follow(client: PageClient, answer: PageAnswer): Promise<PageAnswer> {
  assert.equal(answer.status, 303, readable(answer));
  return await client.get(answer.location);
}

/** The acts in the audit log, the newest first, as `what target`. */
async function audited(client: PageClient): Promise<readonly string[]> {
  const { text } = await client.get("/admin/audit");
  return [...text.matchAll(/<code>([a-z.-]+)<\/code><\/td><td[^>]*>([^<]*)<\/td>/g)]
    .map(([, what, target]) => `${what} ${target}`);
}

Deno.test("the pages of administrators", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: `${HTTP}\n[sender.accounts]\n"shin@baz.co.jp" = "off"` });
  const phone = await enrol(site, ADMIN.user);
  await using program = await startProgram(site);
  const secrets: string[] = [];

  await t.step("nobody but an administrator comes in, and an act of somebody else does nothing", async () => {
    const stranger = new PageClient(program);
    const person = await signedIn(program, YUKI);
    for (const path of PATHS) {
      const away = await stranger.get(path);
      assert.deepEqual([away.status, away.location], [303, `/sign-in?to=${encodeURIComponent(path)}`], path);
      assert.equal((await person.get(path)).status, 403, path);
    }
    const acts = [
      "accounts/new",
      "accounts/shin%40baz.co.jp/disable",
      "accounts/shin%40baz.co.jp/delete",
      "queue/retry",
    ];
    for (const act of acts) {
      assert.equal((await stranger.post(`/admin/${act}`, { user: "mallory" })).location, "/sign-in?to=%2Fadmin");
      const refused = await person.post(`/admin/${act}`, { user: "mallory" });
      assert.equal(refused.status, 403, act);
      await assertWellFormed(refused);
    }
    assert.match(await loginReply(program, site, ADMIN.user, ADMIN.password), /^235/);
    assert.match(await loginReply(program, site, "mallory", "x"), /^535/);
  });

  await t.step("without the second factor an administrator is an ordinary person", async () => {
    const client = new PageClient(program);
    assert.equal((await client.signIn(ADMIN.user, ADMIN.password)).location, "/second-factor?to=%2F");
    assert.equal((await client.get("/admin/queue")).location, "/second-factor?to=%2Fadmin%2Fqueue");
    assert.equal((await client.post("/admin/queue/retry")).location, "/second-factor?to=%2Fadmin");
    assert.doesNotMatch((await client.get("/")).text, /href="\/admin\/accounts"/);
    for (const code of [phone.wrong(), "", "12345", "abcdef"]) {
      const wrong = await client.post("/second-factor", { code, to: "/admin/queue" });
      assert.equal(wrong.status, 403);
      await assertWellFormed(wrong);
    }
    assert.equal((await client.get("/admin")).status, 303);
    const code = await phone.next();
    const right = await client.post("/second-factor", { code, to: "/admin/queue" });
    assert.deepEqual([right.status, right.location], [303, "/admin/queue"]);
    assert.equal((await client.get("/admin/queue")).status, 200);

    const thief = new PageClient(program);
    await thief.signIn(ADMIN.user, ADMIN.password);
    assert.equal((await thief.post("/second-factor", { code, to: "/" })).status, 403);
    assert.equal((await thief.get("/admin")).status, 303);
    const acts = await audited(client);
    assert.deepEqual(acts.slice(0, 6), [
      `second-factor.wrong ${ADMIN.user}`,
      `second-factor.right ${ADMIN.user}`,
      ...Array.from({ length: 4 }, () => `second-factor.wrong ${ADMIN.user}`),
    ]);
    assert.equal((await client.post("/sign-out")).location, "/sign-in");
  });

  const admin = await administrator(program, phone);

  await t.step("each page is there, well-formed in both languages, and has a label for each field", async () => {
    for (const language of ["ja", "en"]) {
      assert.equal((await admin.get(`/admin?language=${language}`)).status, 303);
      for (const path of PATHS.filter((path) => !/nothing|0000/.test(path))) {
        const answer = await admin.get(path);
        assert.equal(answer.status, 200, path);
        await assertWellFormed(answer);
        assert.equal(answer.headers.get("cache-control"), "no-store");
        assert.doesNotMatch(answer.text, / style="| on[a-z]+="|<script(?! src="\/assets\/)|(?:src|href)="(?!\/|#)/);
        for (const [, id] of answer.text.matchAll(/<(?:input|select|textarea) id="([^"]+)"/g)) {
          assert.ok(answer.text.includes(`<label for="${id}"`), `${path}: ${id}`);
        }
      }
    }
    for (const path of ["/admin/accounts/nobody%40baz.co.jp", "/admin/queue/0000", "/admin/queue/0000/delete"]) {
      assert.equal((await admin.get(path)).status, 404, path);
    }
    const overview = readable(await admin.get("/admin"));
    for (const pattern of [/Everything works/, /backend sasldb Works/, /Days of the certificate/, /dokodemo \d/]) {
      assert.match(overview, pattern);
    }
  });

  await t.step("an account is made, disabled, and its refused login tells why", async () => {
    const made = await admin.post("/admin/accounts/new", { user: "taro", password: "" });
    assert.equal(made.status, 200);
    await assertWellFormed(made);
    const password = /data-copy="([^"]+)"/.exec(made.text)?.[1] ?? "";
    secrets.push(password);
    assert.match(password, /^(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/);
    assert.match(await loginReply(program, site, "taro@baz.co.jp", password), /^235/);

    assert.equal((await admin.post("/admin/accounts/new", { user: "taro", password: "" })).status, 409);
    for (const user of ["", "a/b", "a b", "@"]) {
      assert.equal((await admin.post("/admin/accounts/new", { user, password: "" })).status, 422, user);
    }
    const weak = await admin.post("/admin/accounts/new", { user: "jiro", password: "jiro123456" });
    assert.equal(weak.status, 422);
    assert.ok(!weak.text.includes("jiro123456"));

    const taro = await signedIn(program, { user: "taro", password });
    const disabled = await follow(admin, await admin.post("/admin/accounts/taro%40baz.co.jp/disable"));
    assert.match(readable(disabled), /State disabled/);
    assert.equal((await taro.get("/")).location, "/sign-in");
    assert.match(await loginReply(program, site, "taro@baz.co.jp", password), /^535/);
    const log = await admin.get("/admin/logins?account=taro&result=rejected");
    await assertWellFormed(log);
    assert.match(readable(log), /Refused : the account is disabled/);
    assert.match(readable(log), /It fails at the step account : disabled, says sasldb/);
    assert.match(readable(log), /In the log: disabled /);
    assert.match(readable(log), /The client is told: 535 5\.7\.8/);

    const enabled = await follow(admin, await admin.post("/admin/accounts/taro%40baz.co.jp/enable"));
    assert.match(readable(enabled), /State active/);
    assert.match(await loginReply(program, site, "taro@baz.co.jp", password), /^235/);
    const acts = await audited(admin);
    assert.deepEqual(acts.slice(0, 3), ["enable", "disable", "add"].map((what) => `account.${what} taro@baz.co.jp`));
  });

  await t.step("a password and addresses are set, and an app password is revoked", async () => {
    const path = "/admin/accounts/taro%40baz.co.jp";
    const chosen = "the quick blue lighthouse";
    secrets.push(chosen);
    assert.equal((await admin.post(`${path}/password`, { password: "short" })).status, 422);
    assert.equal((await follow(admin, await admin.post(`${path}/password`, { password: chosen }))).status, 200);
    assert.match(await loginReply(program, site, "taro@baz.co.jp", chosen), /^235/);

    const set = await follow(
      admin,
      await admin.post(`${path}/addresses`, { addresses: "t@baz.co.jp\r\ntaro@foobar.co.jp" }),
    );
    assert.match(set.text, /t@baz\.co\.jp\ntaro@foobar\.co\.jp<\/textarea>/);
    const bad = await admin.post(`${path}/addresses`, { addresses: "<b>\nshin@baz.co.jp" });
    assert.equal(bad.status, 422);
    await assertWellFormed(bad);
    assert.match(readable(bad), /This is no address: <b>/);

    const taro = await signedIn(program, { user: "taro", password: chosen });
    const made = await taro.post("/app-passwords", { label: "<script>alert(1)</script>" });
    const secret = /<code class="secret"[^>]*>([^<]+)</.exec(made.text)?.[1] ?? "";
    secrets.push(secret);
    assert.match(await loginReply(program, site, "taro@baz.co.jp", secret), /^235/);
    const page = await admin.get(path);
    await assertWellFormed(page);
    assert.match(readable(page), /app password <script>alert\(1\)<\/script>/);
    const revoke = /action="([^"]+\/revoke)"/.exec(page.text)?.[1] ?? "";
    const revoked = await follow(admin, await admin.post(revoke));
    assert.match(readable(revoked), /The app password is revoked/);
    assert.match(await loginReply(program, site, "taro@baz.co.jp", secret), /^535/);
    assert.match(readable(await follow(admin, await admin.post(revoke))), /There is no such app password any more/);
    assert.deepEqual((await audited(admin)).slice(0, 4), [
      "app-password.revoke taro@baz.co.jp",
      "app-password.add taro@baz.co.jp",
      "account.addresses taro@baz.co.jp",
      "account.password taro@baz.co.jp",
    ]);
  });

  await t.step("the tester tells each step and keeps no password", async () => {
    const trials = [
      [ADMIN.user, SHIN.password, /Accepted: the account is shin@baz\.co\.jp.*from every network.*told: 235/],
      [ADMIN.user, "wrong-horse", /Not accepted: Refused.*at the step password : wrong, says sasldb.*told: 535/],
      ["shin@example.com", "wrong-horse", /at the step realm : `shin` exists in realm baz\.co\.jp.*told: 535/],
      ["locked@baz.co.jp", "correct-horse", /at the step account : disabled, says sasldb/],
      ["<i>x", "wrong-horse", /at the step user : no backend that was asked knows this name/],
    ] as const;
    for (const [user, password, pattern] of trials) {
      const answer = await admin.post("/admin/tester", { user, password });
      assert.equal(answer.status, 200);
      await assertWellFormed(answer);
      assert.match(readable(answer), pattern);
      assert.ok(!answer.text.includes(password), user);
    }
    assert.equal((await admin.post("/admin/tester", { user: "", password: "wrong-horse" })).status, 422);
    assert.equal((await admin.post("/admin/tester", { user: "a\x00b", password: "wrong-horse" })).status, 200);
    secrets.push(SHIN.password, "wrong-horse");
    assert.deepEqual((await audited(admin)).slice(0, 3), [
      "login.test not a user name",
      "login.test &lt;i&gt;x@baz.co.jp",
      "login.test locked@baz.co.jp",
    ]);
  });

  await t.step("mails are held, released, tried and deleted", async () => {
    const send = async (to: string, from = "shin@baz.co.jp") => {
      using client = await converse(program, site);
      return queueIdOf(await submit(client, { from, to }));
    };
    const one = await send("someone@example.net");
    const other = await send('"<b>"@example.org', '"<script>"@baz.co.jp');
    await program.events(2, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    const list = await admin.get("/admin/queue");
    await assertWellFormed(list);
    assert.match(readable(list), /"<script>"@baz\.co\.jp/);
    const filtered = (await admin.get("/admin/queue?domain=example.net&account=shin")).text;
    assert.deepEqual([filtered.includes(one), filtered.includes(other)], [true, false]);
    assert.ok(!(await admin.get("/admin/queue?account=yuki")).text.includes(one));
    assert.equal((await admin.get("/admin/queue?domain=..")).status, 422);
    const mail = await admin.get(`/admin/queue/${other}`);
    await assertWellFormed(mail);
    assert.match(readable(mail), /"<b>"@example\.org waiting 1 /);

    const act = async (id: string, verb: string) =>
      readable(await follow(admin, await admin.post(`/admin/queue/${id}/${verb}`)));
    assert.match(await act(one, "release"), /Nothing was done/);
    assert.match(await act(one, "hold"), /It is held.*State held/);
    assert.match(await act(one, "release"), /It waits for its next try again.*State waiting/);
    await follow(admin, await admin.post(`/admin/queue/${one}/retry`));
    await program.events(3, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    const asked = await admin.get(`/admin/queue/${one}/delete`);
    assert.match(readable(asked), /from shin@baz\.co\.jp to someone@example\.net/);
    assert.ok((await admin.get("/admin/queue")).text.includes(one), "asking deletes nothing");
    assert.match(await act(one, "delete"), /The mail is deleted/);
    assert.equal((await admin.post(`/admin/queue/${one}/hold`)).status, 404);
    assert.match(readable(await follow(admin, await admin.post("/admin/queue/retry"))), /1 mails are tried now/);
    const acts = (await audited(admin)).slice(0, 5);
    assert.deepEqual(acts, [
      "queue.retry all",
      ...["delete", "retry", "release", "hold"].map((what) => `queue.${what} ${one}`),
    ]);
    const changes = await program.events(5, ({ kind }) => kind === "queue-changed");
    assert.ok(changes.every(({ by }) => by === ADMIN.user));
  });

  await t.step("what clients chose is escaped in the log of logins, and filters are checked", async () => {
    using client = await converse(program, site, { login: null, helo: "evil.example" });
    const authcid = "<script>\"x'&</script>";
    assert.match(await logIn(client, { authcid, password: "nope" }), /^535/);
    // The name is unknown: the line comes a moment after the reply.
    await program.events(1, (event) => event.kind === "authentication" && String(event["authcid"]).startsWith(authcid));
    const log = await admin.get("/admin/logins?mechanism=PLAIN&remote=127.0.0.1&result=rejected&since=2020-01-01");
    assert.equal(log.status, 200);
    await assertWellFormed(log);
    assert.ok(readable(log).includes(`${authcid}@baz.co.jp`));
    assert.doesNotMatch(log.text, /<script>"x/);
    for (const query of ["remote=1.2.3", "since=2026-13-01", "account=%00"]) {
      const bad = await admin.get(`/admin/logins?${query}`);
      assert.equal(bad.status, 422, query);
      await assertWellFormed(bad);
    }
    assert.match(readable(await admin.get("/admin/logins?since=2999-01-01")), /No login fits/);
    // An overview is kept for two seconds.
    while (!readable(await admin.get("/admin")).includes("the account is disabled")) await pause();
  });

  await t.step("an account is deleted after a question, but not the own one", async () => {
    assert.equal((await admin.post("/admin/accounts/new", { user: "<b>q", password: "" })).status, 200);
    const list = await admin.get("/admin/accounts?search=%3Cb%3E");
    await assertWellFormed(list);
    assert.ok(readable(list).includes("<b>q@baz.co.jp"));
    const path = /href="(\/admin\/accounts\/%3Cb%3Eq[^"]*)"/.exec(list.text)?.[1] ?? "";
    assert.equal((await admin.get(path)).status, 200);
    assert.match(readable(await admin.get(`${path}/delete`)), /Delete <b>q@baz\.co\.jp\?/);
    assert.match(readable(await follow(admin, await admin.post(`${path}/delete`))), /The account is deleted/);
    assert.equal((await admin.get(path)).status, 404);
    assert.equal((await audited(admin))[0], "account.delete &lt;b&gt;q@baz.co.jp");
    for (const act of ["disable", "delete", "password"]) {
      const refused = await follow(
        admin,
        await admin.post(`/admin/accounts/shin%40baz.co.jp/${act}`, { password: "" }),
      );
      assert.match(readable(refused), /Not on your own account/);
    }
  });

  await t.step("numbers come by themselves, to each what is theirs, until the session ends", async () => {
    const listen = async (client: PageClient) => {
      const response = await fetch(`http://127.0.0.1:${program.port("http")}/live`, {
        headers: { cookie: `__Host-session=${client.secret}` },
      });
      return { response, lines: response.body?.pipeThrough(new TextDecoderStream()).getReader() };
    };
    const numbers = async (lines: ReadableStreamDefaultReader<string> | undefined) => {
      for (let text = "";;) {
        const { done, value } = await lines?.read() ?? { done: true };
        assert.ok(!done, "the stream has ended");
        text += value;
        const data = /^event: numbers\ndata: (.*)\n\n/m.exec(text)?.[1];
        if (data !== undefined) return JSON.parse(data);
      }
    };
    const nobody = await fetch(`http://127.0.0.1:${program.port("http")}/live`);
    assert.equal(nobody.status, 204);

    const person = await signedIn(program, YUKI);
    const theirs = await listen(person);
    assert.match(theirs.response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.deepEqual(await numbers(theirs.lines), { "own waiting": "0" });
    const ours = await listen(admin);
    const first = await numbers(ours.lines);
    assert.deepEqual([first["own waiting"], first["queue mails"], first["check spool"]], ["1", "1", "Works"]);
    assert.equal((await admin.post("/admin/tester", { user: ADMIN.user, password: SHIN.password })).status, 200);
    // The first one may be from before the login of the person.
    const before = Number(first["hour accepted"]);
    for (let now = before; now <= before;) now = Number((await numbers(ours.lines))["hour accepted"]);
    await ours.lines?.cancel();

    const more = await Promise.all(Array.from({ length: 6 }, () => listen(person)));
    assert.deepEqual(more.map(({ response }) => response.status).toSorted(), [200, 200, 200, 200, 200, 429]);
    await person.post("/sign-out");
    for (const { lines, response } of [theirs, ...more.filter(({ response }) => response.ok)]) {
      assert.ok(response.ok);
      for (let done = false; !done;) done = (await lines?.read())?.done ?? true;
    }
    await Promise.all(more.filter(({ response }) => !response.ok).map(({ lines }) => lines?.cancel()));
  });

  await t.step("lists go on behind fifty rows, each row once", async () => {
    const opened = openRecords(join(site.dataDir, "records"), { now: Date.now });
    assert.ok(opened.ok);
    await using records = opened.value;
    const numbers = Array.from({ length: 120 }, (_, at) => String(at).padStart(3, "0"));
    for (const number of numbers) {
      records.audit.add({ who: "command", from: "local", what: "test.paging", target: `row-${number}` }, Date.now());
      const event = { authcid: `row-${number}@baz.co.jp`, mechanism: "DIGEST-MD5", reason: "wrong-secret" };
      records.authentications.note(refusedLogin(event), Date.now());
    }
    records.authentications.flush();
    await using accounts = openStore(join(site.dataDir, "sasldb"));
    for (const number of numbers) {
      const added = await accounts.addImported({ local: `row-${number}`, realm: "baz.co.jp" }, {
        hash: "$6$salt$hash",
        verifiers: [],
      });
      assert.ok(added.ok);
    }
    {
      using client = await converse(program, site);
      for (const number of numbers) await submit(client, { to: `row-${number}@paging.example` });
    }
    const newestFirst = numbers.toReversed();
    const lists = [
      ["/admin/audit", newestFirst],
      ["/admin/logins?mechanism=DIGEST-MD5", newestFirst],
      ["/admin/accounts?search=row-", numbers],
      ["/admin/queue?domain=paging.example", numbers],
    ] as const;
    for (const [first, expected] of lists) {
      const rows: string[] = [];
      let path: string | undefined = first;
      for (let count = 0; path !== undefined && count < 3; count++) {
        const answer: PageAnswer = await admin.get(path);
        await assertWellFormed(answer);
        const cells = answer.text.matchAll(/<tr>(.*?)<\/tr>/gs);
        for (const [, cell = ""] of cells) rows.push(...(/row-(\d{3})/.exec(cell) ?? []).slice(1));
        assert.equal(answer.text.includes("First page"), count > 0, path);
        path = /href="([^"]+)" rel="next"/.exec(answer.text)?.[1]?.replaceAll("&amp;", "&");
      }
      assert.deepEqual(rows, expected, first);
      if (first !== "/admin/audit") assert.equal(path, undefined, "the third page was the last");
    }
  });

  await t.step("administration ends at once, and nothing of it held a password", async () => {
    const pages = await Promise.all(
      ["/admin/audit", "/admin/logins", "/admin/accounts"].map((path) => admin.get(path)),
    );
    const log = program.process.lines.join("\n");
    for (const secret of secrets) {
      assert.ok(!log.includes(secret), "in the log");
      assert.ok(pages.every(({ text }) => !text.includes(secret)), "on a page");
    }
    const removed = await runProgram(["admin", "remove", ADMIN.user, "--config", site.config]);
    assert.equal(removed.code, 0, removed.output);
    assert.equal((await admin.get("/admin")).status, 403);
    assert.equal((await admin.post("/admin/queue/retry")).status, 403);
    assert.equal((await admin.get("/")).status, 200);
  });
});
