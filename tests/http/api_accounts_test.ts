import assert from "node:assert/strict";
import { openRecords } from "../../src/records/open_records.ts";
import { personOf } from "../lib/program.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { type ApiRequest, isProblem, member, startApi } from "./api_client.ts";

const TARO = "/accounts/taro@example.jp";
const PASSWORDS = ["first-secret-7", "second-secret-8", "新しい秘密 9", "dai-secret-10"] as const;

Deno.test("accounts in the API, over both doors", async (t) => {
  await using api = await startApi({ people: [personOf("dai@baz.co.jp", PASSWORDS[3])] });
  const reader = await api.token("accounts:read");
  const writer = await api.token("accounts:write");
  const loginIs = async (login: Login, code: string) => {
    using client = await converse(api.program, api.site, { login: null });
    const reply = await logIn(client, login);
    assert.ok(reply.startsWith(code), `${login.mechanism ?? "PLAIN"}: ${reply}`);
  };
  const names = async (query: string, request: ApiRequest = { token: reader }) => {
    const { body } = await api.ask("GET", `/accounts${query}`, request);
    const { items, next } = Object(body);
    return { names: items.map(({ account }: { readonly account: string }) => account), next };
  };

  await t.step("an account is made, and works with each kind of mechanism", async () => {
    const body = { account: "Taro@EXAMPLE.jp", password: PASSWORDS[0] };
    const made = await api.ask("POST", "/accounts", { token: writer, body });
    assert.equal(made.status, 201, made.text);
    assert.equal(member(made, "account"), "Taro@example.jp");
    assert.equal(made.headers.get("location"), "/api/v1/accounts/Taro%40example.jp");
    for (const mechanism of ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"] as const) {
      await loginIs({ authcid: "Taro@example.jp", password: PASSWORDS[0], mechanism }, "235");
    }
    isProblem(await api.ask("POST", "/accounts", { token: writer, body }), 409, /is an account with this name/);
    const control = { body: { account: "taro@example.jp", password: PASSWORDS[0] } };
    assert.equal((await api.ask("POST", "/accounts", control)).status, 201);
    for (const account of ["", "a b@example.jp", "@example.jp", ".x@example.jp", "a@b@example.jp", "x@-.jp"]) {
      const answer = await api.ask("POST", "/accounts", { token: writer, body: { account, password: "p" } });
      assert.equal(answer.status, 422, `${account}: ${answer.text}`);
      assert.equal(member(answer, "field"), "account");
    }
  });

  await t.step(
    "an account is found by its name, encoded or not, and by its local part in the default realm",
    async () => {
      for (const path of [TARO, "/accounts/taro%40example.jp", "/accounts/t%61ro@EXAMPLE.JP"]) {
        const shown = await api.ask("GET", path, { token: reader });
        assert.equal(member(shown, "account"), "taro@example.jp", shown.text);
      }
      assert.equal(member(await api.ask("GET", "/accounts/dai"), "account"), "dai@baz.co.jp");
      const unknown = ["nobody@example.jp", "%00", "a%2Fb@example.jp", "@", "%ff@example.jp", "%", "..%2f..@x", "a@"];
      for (const name of unknown) {
        isProblem(
          await api.ask("GET", `/accounts/${name}`, { token: reader }),
          404,
          /no such account/,
        );
      }
      for (const part of ["/addresses", "/credentials", "/app-passwords"]) {
        isProblem(await api.ask("GET", `/accounts/nobody@example.jp${part}`), 404, /no such account/);
      }
      isProblem(
        await api.ask("PUT", "/accounts/nobody@example.jp/password", { body: { password: "p" } }),
        404,
        /no such/,
      );
      isProblem(await api.ask("PATCH", "/accounts/nobody@example.jp", { body: { disabled: true } }), 404, /no such/);
      isProblem(
        await api.ask("PUT", "/accounts/nobody@example.jp/addresses", { body: { addresses: [] } }),
        404,
        /no such/,
      );
      isProblem(await api.ask("DELETE", "/accounts/nobody@example.jp"), 404, /no such account/);
    },
  );

  await t.step("the list comes in pages, and is searched", async () => {
    const all = ["Taro@example.jp", "dai@baz.co.jp", "taro@example.jp"];
    assert.deepEqual(await names(""), { names: all, next: null });
    const seen: string[] = [];
    for (let query = "?count=1";;) {
      const page = await names(query);
      assert.equal(page.names.length, 1);
      seen.push(...page.names);
      if (page.next === null) break;
      query = `?count=1&after=${encodeURIComponent(page.next)}`;
    }
    assert.deepEqual(seen, all);
    assert.deepEqual((await names("?search=TAR")).names, ["Taro@example.jp", "taro@example.jp"]);
    assert.deepEqual((await names("?realm=baz.co.jp")).names, ["dai@baz.co.jp"]);
    assert.deepEqual((await names("?realm=baz.co.jp&search=taro")).names, []);
    assert.deepEqual((await names("?backend=sasldb&count=2", {})).names.length, 2);
    for (
      const [query, field] of [
        ["count=0", "count"],
        ["count=1001", "count"],
        ["count=x", "count"],
        ["serch=a", "query"],
        ["count=1&count=2", "count"],
        ["backend=other", "backend"],
      ]
    ) {
      const answer = await api.ask("GET", `/accounts?${query}`, { token: reader });
      isProblem(answer, 400, new RegExp(`"${field}"`));
      assert.equal(member(answer, "field"), field);
    }
  });

  await t.step("a new password works at once, the old one is refused, and sessions end", async () => {
    const opened = openRecords(`${api.site.dataDir}/records`, { now: Date.now });
    assert.ok(opened.ok);
    await using records = opened.value;
    const begin = (account: string) =>
      records.sessions.add({
        ...{ account, backend: "sasldb", version: null, administrator: false },
        ...{ remote: "192.0.2.1", userAgent: "test" },
      }, Date.now()).secret;
    const [session, other] = [begin("taro@example.jp"), begin("dai@baz.co.jp")];
    const set = await api.ask("PUT", `${TARO}/password`, { token: writer, body: { password: PASSWORDS[2] } });
    assert.equal(set.status, 204);
    await loginIs({ authcid: "taro@example.jp", password: PASSWORDS[0] }, "535");
    for (const mechanism of ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"] as const) {
      await loginIs({ authcid: "taro@example.jp", password: PASSWORDS[2], mechanism }, "235");
    }
    assert.equal(records.sessions.check(session, Date.now()), null);
    assert.notEqual(records.sessions.check(other, Date.now()), null);

    const disabled = await api.ask("PATCH", "/accounts/dai@baz.co.jp", { token: writer, body: { disabled: true } });
    assert.equal(member(disabled, "disabled"), true);
    assert.equal(records.sessions.check(other, Date.now()), null);
    await loginIs({ authcid: "dai@baz.co.jp", password: PASSWORDS[3] }, "535");
    await api.ask("PATCH", "/accounts/dai@baz.co.jp", { token: writer, body: { disabled: false } });
    await loginIs({ authcid: "dai@baz.co.jp", password: PASSWORDS[3] }, "235");
  });

  await t.step("addresses are replaced; the one that is wrong or taken is named by its place", async () => {
    const put = (account: string, addresses: unknown) =>
      api.ask("PUT", `/accounts/${account}/addresses`, { token: writer, body: { addresses } });
    const set = await put("taro@example.jp", ["Info@Example.JP", "@sales.example.jp"]);
    assert.deepEqual(set.body, { addresses: ["@sales.example.jp", "info@example.jp"] });
    assert.deepEqual((await api.ask("GET", `${TARO}/addresses`, { token: reader })).body, set.body);
    const taken = await put("dai", ["x@example.jp", "INFO@example.jp"]);
    isProblem(taken, 409, /Another account/);
    assert.equal(member(taken, "field"), "addresses.1");
    const bad = await put("dai", ["x@example.jp", "y@example.jp", "no address"]);
    isProblem(bad, 422, /no address/);
    assert.equal(member(bad, "field"), "addresses.2");
    isProblem(await put("dai", "x@example.jp"), 422, /"addresses"/);
    isProblem(await put("dai", [5]), 422, /"addresses.0"/);
    isProblem(await put("dai", Array.from({ length: 101 }, (_, at) => `a${at}@example.jp`)), 422, /"addresses"/);
    assert.deepEqual((await put("taro@example.jp", [])).body, { addresses: [] });
  });

  await t.step("app passwords are made, listed without their secret, used, and revoked", async () => {
    const path = `${TARO}/app-passwords`;
    const body = { label: "phone", mechanisms: ["plain", "SCRAM-SHA-256"] };
    const made = await api.ask("POST", path, { token: writer, body });
    assert.equal(made.status, 201, made.text);
    const [password, id] = [String(member(made, "password")), String(member(made, "credential", "id"))];
    assert.deepEqual(member(made, "credential", "mechanisms"), ["PLAIN", "SCRAM-SHA-256"]);
    const login = { authcid: "taro@example.jp", password };
    await loginIs(login, "235");
    await loginIs({ ...login, mechanism: "CRAM-MD5" }, "534");
    const listed = await api.ask("GET", path, { token: reader });
    assert.deepEqual(Object(listed.body).items.map(({ label }: { readonly label: string }) => label), ["phone"]);
    const credentials = await api.ask("GET", `${TARO}/credentials`, { token: reader });
    assert.deepEqual(
      Object(credentials.body).items.map(({ kind }: { readonly kind: string }) => kind),
      ["password", "app-password"],
    );
    for (const answer of [listed, credentials]) assert.ok(!answer.text.includes(password));
    isProblem(await api.ask("POST", path, { token: writer, body }), 409, /has this label/);
    const wrong: readonly (readonly [object, string])[] = [
      [{ label: "" }, "label"],
      [{ label: "a\u0001" }, "label"],
      [{ label: "x", networks: ["nowhere"] }, "networks"],
      [{ label: "x", mechanisms: ["ROT13"] }, "mechanisms"],
      [{ label: "x", mechanisms: [] }, "mechanisms"],
      [{ label: "x", expires: "2020-01-01T00:00:00Z" }, "expires"],
      [{ label: "x", expires: "soon" }, "expires"],
      [{ label: "x", networks: "192.0.2.1" }, "networks"],
      [{}, "label"],
    ];
    for (const [asked, field] of wrong) {
      const answer = await api.ask("POST", path, { token: writer, body: asked });
      assert.deepEqual([answer.status, member(answer, "field")], [422, field], answer.text);
    }
    assert.equal((await api.ask("DELETE", `${path}/${id}`, { token: writer })).status, 204);
    isProblem(await api.ask("DELETE", `${path}/${id}`, { token: writer }), 404, /no app password/);
    await loginIs(login, "535");
    const main = Object(credentials.body).items[0].id;
    isProblem(await api.ask("DELETE", `${path}/${main}`, { token: writer }), 404, /no app password/);
  });

  await t.step("the authentication log tells of all of it, newest first, in pages, with the chain", async () => {
    const log = await api.token("authentications:read");
    const list = async (query: string) => {
      const answer = await api.ask("GET", `/authentications${query}`, { token: log });
      assert.equal(answer.status, 200, answer.text);
      return Object(answer.body);
    };
    const all = await list("?account=taro@example.jp");
    const results = all.items.map(({ result }: { readonly result: string }) => result);
    assert.deepEqual(results.slice(0, 3), ["rejected", "too-weak", "accepted"]);
    assert.ok(all.items.every(({ chain }: { readonly chain: readonly unknown[] }) => chain.length > 0));
    const first = await list("?account=taro@example.jp&count=2");
    const second = await list(`?account=taro@example.jp&count=2&after=${first.next}`);
    assert.deepEqual([...first.items, ...second.items], all.items.slice(0, 4));
    const accepted = await list("?result=accepted&mechanism=cram-md5&remote=127.0.0.1");
    assert.ok(accepted.items.length > 0);
    for (const item of accepted.items) assert.deepEqual([item.result, item.mechanism], ["accepted", "CRAM-MD5"]);
    assert.deepEqual((await list("?since=2999-01-01T00:00:00%2B09:00")).items, []);
    for (const query of ["since=yesterday", "result=maybe", "after=x", "after=-1", "count=99999", "name=x"]) {
      isProblem(await api.ask("GET", `/authentications?${query}`, { token: log }), 400, /The parameter/);
    }
  });

  await t.step("a deleted account is gone, with its part of the authentication log", async () => {
    assert.equal((await api.ask("DELETE", TARO, { token: writer })).status, 204);
    isProblem(await api.ask("GET", TARO, { token: reader }), 404, /no such account/);
    await loginIs({ authcid: "taro@example.jp", password: PASSWORDS[2] }, "535");
    const left = await api.ask("GET", "/authentications?account=taro@example.jp&result=accepted");
    assert.deepEqual(member(left, "items"), []);
  });

  await t.step("each act is in the audit log, with who and from where, and in the log", async () => {
    const token = await api.token("audit:read");
    const acts: { readonly who: string; readonly from: string; readonly what: string; readonly target: string }[] = [];
    for (let query = "?count=5";;) {
      const { items, next } = Object((await api.ask("GET", `/audit${query}`, { token })).body);
      acts.push(...items);
      if (next === null) break;
      query = `?count=5&after=${next}`;
    }
    const ofTaro = acts.toReversed().filter(({ target }) => target === "taro@example.jp");
    assert.deepEqual(ofTaro.map(({ who, from, what }) => [who, from, what]), [
      ["control socket", "local", "account.add"],
      ...[
        "account.password",
        "account.addresses",
        "account.addresses",
        "app-password.add",
        "app-password.revoke",
        "account.delete",
      ]
        .map((what) => ["token accounts:write", "127.0.0.1", what]),
    ]);
    const logged = await api.program.events(
      1,
      (event) => event.kind === "account-changed" && event["what"] === "delete",
    );
    assert.deepEqual([logged[0]?.["account"], logged[0]?.["by"]], ["taro@example.jp", "token accounts:write"]);
  });

  await t.step(
    "no password is in any answer or in the log, but that of an app password in the answer that made it",
    () => {
      const everything = [...api.answers, ...api.program.process.lines];
      for (const password of PASSWORDS) assert.ok(everything.every((line) => !line.includes(password)), password);
      assert.ok(everything.every((line) => !/\$scrypt|\$dokodemo-app|dkd_/.test(line)));
      assert.equal(everything.filter((line) => /\b[a-z2-9]{4}(-[a-z2-9]{4}){4}\b/.test(line)).length, 1);
    },
  );
});
