import assert from "node:assert/strict";
import { controlApp, httpApp, publicApp } from "../../src/http/app.ts";
import { healthReport } from "../../src/http/health.ts";
import { PUBLIC_LIMITS, serveTcp, serveUnix } from "../../src/http/sockets.ts";
import { keptLog, sidecarParts } from "../http/lib.ts";
import { dataDir, run } from "./lib.ts";

const { log } = keptLog();
const well = healthReport([{ name: "spool", status: "ok", reason: null }]);
const ill = healthReport([
  { name: "spool", status: "ok", reason: null },
  { name: "certificate", status: "warn", reason: "It ends in 3 days" },
  { name: "backend ldap", status: "down", reason: "connection refused" },
]);

async function serveControl(path: string, report: typeof well): Promise<AsyncDisposable> {
  const app = controlApp(sidecarParts({ health: () => Promise.resolve(report), log }));
  const served = await serveUnix(`${path}/control.sock`, { mode: 0o660, handler: app.fetch });
  if (!served.ok) throw new Error(served.problem);
  return served.value;
}

async function servePublic(path: string, report: typeof well): Promise<AsyncDisposable> {
  const app = publicApp({
    health: () => Promise.resolve(report),
    changePassword: () => Promise.resolve({ kind: "rejected" }),
    log,
  });
  const served = await serveUnix(`${path}/public.sock`, { mode: 0o666, handler: app.fetch, limits: PUBLIC_LIMITS });
  if (!served.ok) throw new Error(served.problem);
  return served.value;
}

Deno.test("health is 0 when the server can do its job, by either socket", async () => {
  await using folder = await dataDir();
  {
    await using _server = await serveControl(folder.path, well);
    assert.deepEqual(await run(folder.path, "health"), { code: 0, out: "ok\n", err: "" });
  }
  await using _server = await servePublic(folder.path, well);
  assert.deepEqual(await run(folder.path, "health"), { code: 0, out: "ok\n", err: "" });
});

Deno.test("health is 69 when it cannot; the control socket says why", async () => {
  await using folder = await dataDir();
  {
    await using _server = await serveControl(folder.path, ill);
    assert.deepEqual(await run(folder.path, "health"), {
      code: 69,
      out: "down\ncertificate: warn: It ends in 3 days\nbackend ldap: down: connection refused\n",
      err: "",
    });
  }
  await using _server = await servePublic(folder.path, ill);
  assert.deepEqual(await run(folder.path, "health"), { code: 69, out: "down\n", err: "" });
});

Deno.test("health --json is one array, empty where the reasons are not for us", async () => {
  await using folder = await dataDir();
  {
    await using _server = await serveControl(folder.path, ill);
    const { code, out } = await run(folder.path, "health", "--json");
    assert.equal(code, 69);
    assert.deepEqual(JSON.parse(out), ill.checks);
  }
  await using _server = await servePublic(folder.path, well);
  assert.deepEqual(await run(folder.path, "health", "--json"), { code: 0, out: "[]\n", err: "" });
});

Deno.test("health is 69 when no server runs", async () => {
  await using folder = await dataDir();
  assert.deepEqual(await run(folder.path, "health"), {
    code: 69,
    out: "",
    err: `dokodemo: No server runs on ${folder.path}\n`,
  });
});

Deno.test("health --url asks [http]", async () => {
  await using folder = await dataDir();
  const served = serveTcp({
    host: "127.0.0.1",
    port: 0,
    handler: httpApp(sidecarParts({ health: () => Promise.resolve(well), log })).fetch,
  });
  assert.ok(served.ok);
  const url = `http://${served.value.address}`;
  assert.deepEqual(await run(folder.path, "health", "--url", url), { code: 0, out: "ok\n", err: "" });
  await served.value[Symbol.asyncDispose]();
  const gone = await run(folder.path, "health", "--url", url);
  assert.equal(gone.code, 69);
  assert.match(gone.err, new RegExp(`^dokodemo: Cannot ask ${url}: `));
  assert.equal((await run(folder.path, "health", "--url", "ftp://x")).code, 69);
});
