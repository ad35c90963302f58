import assert from "node:assert/strict";
import { httpApp } from "../../src/http/app.ts";
import { SCOPES } from "../../src/records/records.ts";
import { runProgram } from "../lib/program.ts";
import { CONTROL, isProblem, member, operationsOf, scopesBut, startApi } from "./api_client.ts";
import { sidecarParts } from "./lib.ts";

const filled = (path: string) => path.replace("{account}", "shin%40baz.co.jp").replace("{id}", "nothing");

Deno.test("the gate of the API", async (t) => {
  await using api = await startApi({ people: [] });
  const operations = operationsOf(api.document);

  await t.step(
    "without a valid token everything is 401: operations, unknown paths, wrong methods, bad bodies",
    async () => {
      const paths = [
        "",
        "/",
        "/nothing",
        "/accounts/",
        "/openapi.jsonx",
        "/queue/a/b/c/d",
        "/%2F",
        "//accounts",
      ];
      for (const token of [null, "wrong", `dkd_${"A".repeat(43)}`]) {
        // The last wrong tokens would be too many for one minute.
        const some = token === null ? operations : operations.slice(0, 4);
        for (const { method, path } of some) {
          const answer = await api.ask(method, filled(path), { token });
          isProblem(answer, 401, token === null ? /needs a token/ : /unknown, expired or revoked/);
          const challenge = answer.headers.get("www-authenticate");
          assert.equal(challenge, token === null ? "Bearer" : 'Bearer error="invalid_token"');
        }
      }
      for (const path of paths) isProblem(await api.ask("GET", path, { token: null }), 401, /needs a token/);
      for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACEROUTE"]) {
        isProblem(await api.ask(method, "/accounts", { token: null }), 401, /needs a token/);
      }
      isProblem(await api.ask("POST", "/accounts", { token: null, raw: "{" }), 401, /needs a token/);
      isProblem(
        await api.ask("GET", "/accounts", { token: null, headers: { authorization: "Basic YTpi" } }),
        401,
        /unknown/,
      );
      const logged = await api.program.events(1, ({ kind }) => kind === "token-refused");
      assert.equal(logged[0]?.["remote"], "127.0.0.1");
      assert.doesNotMatch(JSON.stringify(logged), /wrong|dkd_/);
    },
  );

  await t.step("the document is for everybody", async () => {
    const response = await fetch(`http://127.0.0.1:${api.program.port("http")}/api/v1/openapi.json`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), api.document);
  });

  await t.step("a token of every other scope is 403, and the answer names the one that is missing", async () => {
    for (const { method, path, scope } of operations) {
      const token = await api.token(...scopesBut(scope));
      const answer = await api.ask(method, filled(path), { token, ...method !== "GET" && { body: {} } });
      isProblem(answer, 403, scope === CONTROL ? /control socket alone/ : new RegExp(`not the scope ${scope},`));
      const challenge = answer.headers.get("www-authenticate");
      assert.equal(challenge, scope === CONTROL ? null : `Bearer error="insufficient_scope", scope="${scope}"`);
    }
  });

  await t.step(
    "with the right scope a path is looked at: 404 where nothing is, 405 with Allow where another method is",
    async () => {
      const token = await api.token(...SCOPES);
      isProblem(await api.ask("GET", "/nothing", { token }), 404, /nothing at this path/);
      isProblem(await api.ask("GET", "/accounts/", { token }), 404, /nothing at this path/);
      const wrong = await api.ask("PUT", "/accounts", { token, body: {} });
      isProblem(wrong, 405, /GET, HEAD, POST/);
      assert.equal(wrong.headers.get("allow"), "GET, HEAD, POST");
      const one = await api.ask("POST", "/accounts/shin@baz.co.jp", { body: {} });
      assert.equal(one.headers.get("allow"), "GET, HEAD, PATCH, DELETE");
      assert.equal((await api.ask("HEAD", "/accounts", { token })).status, 200);
      assert.equal((await api.ask("GET", "/accounts", { token })).status, 200);
    },
  );

  await t.step("a token of the command works, until it is revoked", async () => {
    const config = ["--config", api.site.config];
    const made = await runProgram(["token", "new", "--label", "by command", "--scope", "accounts:read", ...config]);
    assert.equal(made.code, 0, made.output);
    const token = /dkd_[\w-]{43}/.exec(made.output)?.[0] ?? "";
    assert.equal((await api.ask("GET", "/accounts", { token })).status, 200);
    const listed = member(await api.ask("GET", "/tokens"), "items");
    assert.ok(Array.isArray(listed));
    const id = listed.find(({ label }) => label === "by command")?.id;
    assert.equal((await api.ask("DELETE", `/tokens/${id}`)).status, 204);
    isProblem(await api.ask("DELETE", `/tokens/${id}`), 404, /no token/);
    isProblem(await api.ask("GET", "/accounts", { token }), 401, /revoked/);
  });

  await t.step("tokens are made over the control socket, and a bad field is named", async () => {
    const make = (body: unknown) => api.ask("POST", "/tokens", { body });
    isProblem(await make({ label: "x", scopes: ["everything"], expires: null }), 422, /"scopes.0"/);
    isProblem(await make({ label: "x", scopes: [], expires: null }), 422, /"scopes"/);
    isProblem(await make({ label: "x", scopes: ["queue:read"], expires: "2020-01-01T00:00:00Z" }), 422, /"expires"/);
    isProblem(await make({ label: "x", scopes: ["queue:read"], expires: "tomorrow" }), 422, /"expires"/);
    isProblem(await make({ label: " ", scopes: ["queue:read"], expires: null }), 422, /"label"/);
    const expires = new Date(Date.now() + 3600_000).toISOString();
    const made = await make({ label: "an hour", scopes: ["queue:read"], expires });
    assert.equal(made.status, 201);
    assert.equal(member(made, "token", "expires"), expires);
    const token = String(member(made, "secret"));
    assert.equal((await api.ask("GET", "/queue", { token })).status, 200);
  });

  await t.step("bodies: JSON alone, 64 KiB, every mistake named, nothing quoted", async () => {
    const token = await api.token("accounts:write");
    const secret = "quoted-hunter2-secret";
    const post = (request: { readonly raw?: string; readonly body?: unknown; readonly type?: string }) => {
      const { type = "application/json", ...rest } = request;
      return api.ask("POST", "/accounts", { token, ...rest, headers: { "content-type": type } });
    };
    isProblem(await post({ raw: "{}", type: "text/plain" }), 415, /application\/json/);
    isProblem(await post({ raw: "a=b", type: "application/x-www-form-urlencoded" }), 415, /application\/json/);
    isProblem(await post({ raw: "{}", type: "application/jsonish" }), 415, /application\/json/);
    isProblem(await post({ raw: `{"password":"${secret}` }), 400, /no JSON/);
    isProblem(await post({ raw: "" }), 400, /no JSON/);
    isProblem(await post({ raw: `{"a":"${"x".repeat(65_536)}"}` }), 413, /65536 octets/);
    const two = await post({ body: { account: 5, password: "" } });
    isProblem(two, 422, /The field "account"/);
    assert.deepEqual(member(two, "mistakes"), [
      "account: expected an account such as taro@example.jp",
      "password: expected a text of 1 to 1024 characters",
    ]);
    isProblem(await post({ body: { account: "a@b.jp", password: secret, more: secret } }), 422, /exactly the fields/);
    isProblem(await post({ body: [secret] }), 422, /./);
    isProblem(await post({ body: null }), 422, /./);
    isProblem(await post({ body: { account: `${secret} with spaces`, password: secret } }), 422, /The name/);
    isProblem(await post({ body: { account: "a@b.jp", password: `${secret}\u0007` } }), 422, /The password/);
    assert.equal(
      (await post({ raw: '{"account":"a@b.jp","password":"p"}', type: "application/json; charset=utf-8" })).status,
      201,
    );
    assert.equal(
      (await post({ raw: '{"account":"b@b.jp","password":"p"}', type: "Application/JSON ;x=y" })).status,
      201,
    );
    assert.ok(api.answers.every((answer) => !answer.includes(secret)));
  });

  await t.step("too many wrong tokens of one host are 429, and right ones go on", async () => {
    const token = await api.token("queue:read");
    let last = await api.ask("GET", "/queue", { token: "wrong" });
    for (let tries = 0; last.status === 401 && tries < 40; tries++) {
      last = await api.ask("GET", "/queue", { token: "wrong" });
    }
    isProblem(last, 429, /wait a minute/);
    assert.equal(last.headers.get("retry-after"), "60");
    assert.equal((await api.ask("GET", "/queue", { token })).status, 200);
    assert.equal((await api.ask("GET", "/queue", { token: null })).status, 401);
  });
});

Deno.test("a token that comes from outside without HTTPS is refused before it is looked at", async () => {
  const parts = sidecarParts({});
  const { secret } = parts.records.tokens.add({ label: "backup", scopes: ["queue:read"], expires: null }, Date.now());
  const app = httpApp(parts);
  const ask = async (authorization: string | null, peer: string) => {
    const headers = { host: "mail.example.jp", ...authorization !== null && { authorization } };
    const answer = await app.fetch(new Request("http://mail.example.jp/api/v1/queue", { headers }), { peer });
    return { status: answer.status, detail: String(Reflect.get(Object(await answer.json()), "detail")) };
  };
  for (const token of [secret, "wrong"]) {
    const { status, detail } = await ask(`Bearer ${token}`, "198.51.100.7");
    assert.equal(status, 403);
    assert.match(detail, /in the clear: revoke it/);
  }
  assert.equal(parts.records.tokens.list().find(({ label }) => label === "backup")?.lastUsed, null);
  assert.equal((await ask(null, "198.51.100.7")).status, 401);
  assert.equal((await ask(`Bearer ${secret}`, "127.0.0.1")).status, 200);
});
