import assert from "node:assert/strict";
import { SASLDB } from "../../../backends/sasldb.ts";
import { checkConfig } from "../../../src/config/load.ts";
import { httpApp, type SidecarParts } from "../../../src/http/app.ts";
import { SpoolError } from "../../../src/spool/spool_error.ts";
import { keptLog, sidecarParts } from "../lib.ts";
import { assertWellFormed, readable } from "../page_client.ts";

const HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const STRANGER = "198.51.100.7";
const PROXY = "192.0.2.1";
const FORM = { user: "shin", password: "hunter2" };

/** The applications of [http], as a server that listens at mail.foobar.co.jp. */
function server(http: string, given: Partial<SidecarParts> = {}) {
  const { events, log } = keptLog();
  const loaded = checkConfig(`hostname = "mail.foobar.co.jp"\n[http]\n${http}`, {
    folder: "/",
    modules: new Map([["sasldb", SASLDB]]),
  });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("; "));
  const parts = sidecarParts({ log, ...given });
  const { config } = loaded;
  const app = httpApp({ ...parts, current: () => ({ ...parts.current(), config }) });
  const ask = async (
    path: string,
    { peer = "127.0.0.1", form, ...headers }:
      & { peer?: string; form?: Readonly<Record<string, string>> }
      & Readonly<
        Record<string, unknown>
      > = {},
  ) => {
    const sent = new Headers({ host: "mail.foobar.co.jp", accept: HTML, "sec-fetch-site": "same-origin" });
    for (const [name, value] of Object.entries(headers)) sent.set(name, String(value));
    const url = `http://mail.foobar.co.jp${path}`;
    const body = form === undefined ? null : new URLSearchParams(form);
    const request = new Request(url, { method: body === null ? "GET" : "POST", headers: sent, body });
    const answer = await app.fetch(request, { peer });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return { ask, events };
}

Deno.test("what is not there is a page for people and a problem for programs", async () => {
  const { ask } = server("");
  const page = await ask("/nothing<b>", { "accept-language": "ja" });
  assert.equal(page.status, 404);
  assert.match(readable(page), /ページが見つかりません.*ホームへ/);
  assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
  await assertWellFormed(page);
  for (const accept of ["*/*", "application/json"]) {
    const document = await ask("/nothing", { accept });
    assert.equal(document.status, 404);
    assert.equal(document.headers.get("content-type"), "application/problem+json");
  }
});

Deno.test("a mistake of ours is a page with the number under which the log has it, and neither says what was typed", async () => {
  const { ask, events } = server("", { signIn: ({ password }) => Promise.reject(new Error(`no ${password}`)) });
  const page = await ask("/sign-in", { form: FORM });
  assert.equal(page.status, 500);
  await assertWellFormed(page);
  const [bug] = events;
  assert.ok(bug?.kind === "bug" && bug.id !== null);
  assert.ok(readable(page).includes(bug.id));
  const document = await ask("/sign-in", { form: FORM, accept: "application/json" });
  assert.deepEqual([document.status, JSON.parse(document.text).title], [500, "Internal Server Error"]);
  assert.equal(events.length, 2);
  for (const text of [page.text, document.text, JSON.stringify(events)]) assert.doesNotMatch(text, /hunter2/);
});

Deno.test("an outage of ours is a page that asks for patience", async () => {
  const outages = [
    new SpoolError("list", "unavailable"),
    Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR" }),
  ];
  for (const outage of outages) {
    const { ask, events } = server("", { signIn: () => Promise.reject(outage) });
    const page = await ask("/sign-in", { form: FORM });
    assert.equal(page.status, 503);
    assert.match(readable(page), /cannot be used at the moment/);
    assert.ok(!events.some(({ kind }) => kind === "bug"));
  }
});

Deno.test("from outside no page is shown, and no form taken, without HTTPS", async (t) => {
  const asked: string[] = [];
  const signIn: SidecarParts["signIn"] = ({ user }) => {
    asked.push(user);
    return Promise.resolve({ kind: "rejected" });
  };
  const { ask } = server(`public_url = "https://mail.foobar.co.jp"\ntrusted_proxies = ["${PROXY}"]`, { signIn });

  await t.step("the page says where to go", async () => {
    const unsafe = [{ peer: STRANGER }, { peer: PROXY }, { peer: STRANGER, "x-forwarded-proto": "https" }];
    for (const way of unsafe) {
      for (const path of ["/", "/sign-in", "/api", "/nothing"]) {
        const page = await ask(path, way);
        assert.equal(page.status, 403);
        assert.match(page.text, /<a href="https:\/\/mail\.foobar\.co\.jp">/);
        assert.doesNotMatch(page.text, /<input|type="password"/);
        await assertWellFormed(page);
      }
      assert.equal((await ask("/sign-in", { ...way, form: FORM })).status, 403);
    }
    assert.deepEqual(asked, []);
  });

  await t.step("without public_url it tells what the administrator sets", async () => {
    for (const http of ["", 'public_url = "http://mail.foobar.co.jp"']) {
      const page = await server(http).ask("/sign-in", { peer: STRANGER, "accept-language": "ja" });
      assert.match(readable(page), /管理者にお問い合わせください.*tls = true.*trusted_proxies.*public_url/);
      assert.doesNotMatch(page.text, /<a href="http/);
      await assertWellFormed(page);
    }
  });

  await t.step("from this machine, and by HTTPS through a proxy, everything is as ever", async () => {
    for (const way of [{ peer: "127.0.0.1" }, { peer: PROXY, "x-forwarded-proto": "https" }]) {
      assert.match((await ask("/sign-in", way)).text, /type="password"/);
      assert.match(readable(await ask("/sign-in", { ...way, form: FORM })), /user name or the password is wrong/);
    }
    assert.equal(asked.length, 2);
    assert.match((await server("tls = false").ask("/sign-in")).text, /type="password"/);
  });
});
