import assert from "node:assert/strict";
import { publicApp, type PublicParts } from "../../src/http/app.ts";
import { healthReport } from "../../src/http/health.ts";
import type { PasswordOutcome, PasswordRequest } from "../../src/http/password.ts";
import { PUBLIC_LIMITS } from "../../src/http/sockets.ts";
import { answered, keptLog, onSocket, raw } from "./lib.ts";

const WISH = { user: "shin", oldPassword: "old-secret", newPassword: "new-secret" };

function everybody(outcome: PasswordOutcome | Error = { kind: "changed" }) {
  const { events, log } = keptLog();
  const requests: PasswordRequest[] = [];
  const parts: PublicParts = {
    health: () =>
      Promise.resolve(healthReport([{ name: "backend ldap", status: "warn", reason: "connection refused" }])),
    changePassword: (request) => {
      requests.push(request);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    log,
  };
  return { parts, events, requests };
}

function detailOf(answer: { readonly body: unknown }): string {
  return String(Reflect.get(Object(answer.body), "detail"));
}

Deno.test("each outcome of a change has its status", async () => {
  const cases = [
    [{ kind: "changed" }, 204, ""],
    [{ kind: "rejected" }, 403, "Wrong user or password"],
    [{ kind: "unavailable" }, 503, "The password cannot be checked now: try again in a minute"],
    [
      { kind: "foreign", backend: "staff" },
      409,
      'The password is kept by the backend "staff", which this program only reads: change it there',
    ],
    [{ kind: "refused" }, 422, "The new password cannot be used"],
  ] as const;
  for (const [outcome, status, detail] of cases) {
    const { parts, requests } = everybody(outcome);
    await using it = await onSocket(publicApp(parts).fetch, PUBLIC_LIMITS);
    const answer = await answered(it.ask("POST", "/v1/password", WISH));
    assert.equal(answer.status, status);
    if (detail === "") assert.equal(answer.body, null);
    else assert.equal(detailOf(answer), detail);
    assert.deepEqual(requests, [WISH]);
  }
});

Deno.test("a body that is wrong names its field, quotes nothing and asks nobody", async () => {
  const { parts, requests, events } = everybody();
  const app = publicApp(parts);
  const bodies: readonly (readonly [string, number, string | undefined])[] = [
    ["hunter2", 400, undefined],
    ['"hunter2"', 422, undefined],
    ['{"user":"shin","oldPassword":"hunter2"}', 422, "newPassword"],
    ['{"user":"shin","oldPassword":"","newPassword":"hunter2"}', 422, "oldPassword"],
    ['{"user":["hunter2"],"oldPassword":"x","newPassword":"hunter2"}', 422, "user"],
    ['{"user":"shin","oldPassword":"x","newPassword":"y","hunter2":"z"}', 422, undefined],
    [JSON.stringify({ ...WISH, newPassword: "hunter2".repeat(200) }), 422, "newPassword"],
  ];
  for (const [body, status, field] of bodies) {
    const response = await app.request("/v1/password", { method: "POST", body });
    assert.equal(response.status, status, body);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const text = await response.text();
    assert.doesNotMatch(text, /hunter2/);
    assert.equal(JSON.parse(text).field, field, body);
  }
  assert.deepEqual([requests.length, events.length], [0, 0]);
});

Deno.test("no password is in the log or the answer of a bug, even when the Error quotes it", async () => {
  const { parts, events } = everybody(new TypeError("Cannot use old-secret or new-secret"));
  await using it = await onSocket(publicApp(parts).fetch, PUBLIC_LIMITS);
  const answer = await answered(it.ask("POST", "/v1/password", WISH));
  assert.equal(answer.status, 500);
  assert.equal(events.length, 1);
  assert.match(JSON.stringify(events), /"bug".*TypeError at .*public_test\.ts/);
  assert.doesNotMatch(JSON.stringify([answer, events]), /secret/);
});

Deno.test("a body of more than 4 KiB is 413, by its length or as it comes, and the server goes on", async () => {
  const { parts, requests } = everybody();
  await using it = await onSocket(publicApp(parts).fetch, PUBLIC_LIMITS);
  const long = { ...WISH, filler: "x".repeat(5000) };
  assert.equal((await answered(it.ask("POST", "/v1/password", long))).status, 413);
  const body = new Response(JSON.stringify(long)).body;
  assert.equal((await publicApp(parts).request("/v1/password", { method: "POST", body })).status, 413);
  assert.deepEqual(requests, []);
  assert.equal((await answered(it.ask("GET", "/health/live"))).status, 200);
});

Deno.test("readiness is its status only, and the queue is not here", async () => {
  const { parts } = everybody();
  await using it = await onSocket(publicApp(parts).fetch, PUBLIC_LIMITS);
  assert.deepEqual(await answered(it.ask("GET", "/health/ready")), { status: 200, body: { status: "warn" } });
  assert.equal((await answered(it.ask("GET", "/api/v1/queue"))).status, 404);
  assert.equal((await answered(it.ask("POST", "/api/v1/reload"))).status, 404);
});

Deno.test("opensmtpd_7_8_0 garbage on the local socket", async () => {
  const { parts, events } = everybody();
  const app = publicApp(parts);
  await using open = await onSocket(app.fetch, PUBLIC_LIMITS);
  await using closed = await onSocket(app.fetch);
  const garbage = [
    "",
    "\0\xff\xfe\r\n\r\n",
    "\r\n".repeat(1000),
    "EHLO localhost\r\nQUIT\r\n",
    "GET /%ff%00 HTTP/1.1\r\nHost: \0\r\n\r\n",
    "GET / HTTP/1.1\r\nX: \xe9\xff\r\n\r\n",
    "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
    "CONNECT / HTTP/1.1\r\n\r\n",
    "POST /v1/password HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /v1/password HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "POST /v1/password HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx",
    "POST /v1/password HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    "POST /v1/password HTTP/1.1\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    `GET /${"a".repeat(200_000)} HTTP/1.1\r\n\r\n`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0garbage",
    "GET //\\..\\ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET http://[::bad/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  ];
  for (const { path, ask } of [open, closed]) {
    for (const octets of garbage) {
      assert.doesNotMatch(await raw(path, octets), /^HTTP\/1\.[01] [25]/);
      const half = await Deno.connect({ transport: "unix", path });
      await half.write(new TextEncoder().encode(octets.slice(0, 20)));
      half.close();
    }
    assert.equal((await answered(ask("POST", "/v1/password", WISH))).status, 204);
  }
  assert.deepEqual(events, []);
});

Deno.test("the public socket serves a user outside every group of ours, the control socket does not", {
  ignore: Deno.uid() !== 0,
}, async () => {
  const { parts, requests } = everybody();
  await using open = await onSocket(publicApp(parts).fetch, PUBLIC_LIMITS);
  await using closed = await onSocket(publicApp(parts).fetch);
  const ask = async (socket: string) => {
    const curl = ["curl", "--silent", "--show-error", "--unix-socket", socket, "--write-out", "%{http_code}"];
    const wish = ["--data", JSON.stringify(WISH), "http://localhost/v1/password"];
    const { code, stdout } = await new Deno.Command("setpriv", {
      args: ["--reuid=65534", "--regid=65534", "--clear-groups", ...curl, ...wish],
      stdin: "null",
      stderr: "null",
    }).output();
    return { code, said: new TextDecoder().decode(stdout) };
  };
  assert.deepEqual(await ask(open.path), { code: 0, said: "204" });
  assert.deepEqual(requests, [WISH]);
  // 7 is curl's "failed to connect".
  assert.deepEqual(await ask(closed.path), { code: 7, said: "000" });
  assert.equal(requests.length, 1);
});
