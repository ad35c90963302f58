import assert from "node:assert/strict";
import { requestOverSocket } from "../../src/cli/control_client.ts";
import { serveTcp, serveUnix } from "../../src/http/sockets.ts";
import { answered, onSocket } from "./lib.ts";

const hello = () => Response.json({ hello: "world" });

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-http-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
}

Deno.test("a socket has its mode, leaves nothing else, and goes with its server", async () => {
  await inFolder(async (folder) => {
    for (const mode of [0o660, 0o666]) {
      const server = await serveUnix(`${folder}/it.sock`, { mode, handler: hello });
      assert.ok(server.ok);
      const info = await Deno.lstat(`${folder}/it.sock`);
      assert.equal((info.mode ?? 0) & 0o777, mode);
      assert.deepEqual(await namesIn(folder), ["it.sock"]);
      await server.value[Symbol.asyncDispose]();
      assert.deepEqual(await namesIn(folder), []);
    }
  });
});

Deno.test("a stale socket is replaced", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/it.sock`;
    await Deno.rename(await leaveSocket(folder), path);
    assert.ok((await Deno.lstat(path)).isSocket);
    const server = await serveUnix(path, { mode: 0o660, handler: hello });
    assert.ok(server.ok);
    await using _server = server.value;
    const answer = await answered(requestOverSocket(path, { method: "GET", path: "/" }));
    assert.deepEqual(answer, { status: 200, body: { hello: "world" } });
  });
});

/** A socket whose server is gone: renamed, it is not found when its listener removes it. */
async function leaveSocket(folder: string): Promise<string> {
  const listener = Deno.listen({ transport: "unix", path: `${folder}/gone` });
  await Deno.rename(`${folder}/gone`, `${folder}/left`);
  listener.close();
  return `${folder}/left`;
}

Deno.test("a socket that somebody answers stays", async () => {
  await using served = await onSocket(hello);
  const second = await serveUnix(served.path, { mode: 0o660, handler: () => Response.json({ second: true }) });
  assert.deepEqual(second, {
    ok: false,
    problem: `Cannot listen on ${served.path}: another server answers there; stop it first`,
  });
  assert.deepEqual((await answered(served.ask("GET", "/"))).body, { hello: "world" });
});

Deno.test("a file that is no socket stays, a link to one too", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "precious");
    await Deno.symlink(`${folder}/file`, `${folder}/link`);
    for (const name of ["file", "link"]) {
      const server = await serveUnix(`${folder}/${name}`, { mode: 0o660, handler: hello });
      assert.deepEqual(server, {
        ok: false,
        problem: `Cannot listen on ${folder}/${name}: a file that is no socket is there; move it away`,
      });
    }
    assert.equal(await Deno.readTextFile(`${folder}/link`), "precious");
  });
});

Deno.test("a path too long for a socket is a problem that says so", async () => {
  await inFolder(async (folder) => {
    const long = `${folder}/${"x".repeat(100)}`;
    await Deno.mkdir(long);
    const server = await serveUnix(`${long}/it.sock`, { mode: 0o660, handler: hello });
    assert.ok(!server.ok);
    assert.match(server.problem, /too long for a socket/);
    assert.deepEqual(await namesIn(long), []);
  });
});

Deno.test("a folder that is not there is a problem", async () => {
  const server = await serveUnix("/nonexistent/it.sock", { mode: 0o660, handler: hello });
  assert.ok(!server.ok);
  assert.match(server.problem, /^Cannot listen on \/nonexistent\/it\.sock: /);
});

Deno.test("a request under way ends before its server does", async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const served = await onSocket(async () => {
    begun.resolve();
    await go.promise;
    return Response.json({ done: true });
  });
  const asked = served.ask("GET", "/");
  await begun.promise;
  const stopped = served[Symbol.asyncDispose]();
  go.resolve();
  assert.deepEqual((await answered(asked)).body, { done: true });
  await stopped;
});

Deno.test("TCP: port 0 is chosen, an address in use is a problem that names it", async () => {
  const first = serveTcp({ host: "127.0.0.1", port: 0, handler: hello });
  assert.ok(first.ok);
  await using server = first.value;
  const answer = await fetch(`http://${server.address}/`);
  assert.deepEqual(await answer.json(), { hello: "world" });
  const second = serveTcp({ host: "127.0.0.1", port: Number(server.address.split(":")[1]), handler: hello });
  assert.deepEqual(second, {
    ok: false,
    problem:
      `Cannot listen on ${server.address}: another program listens there; end it, or set another address in [http]`,
  });
});
