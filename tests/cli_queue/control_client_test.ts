import assert from "node:assert/strict";
import { requestOverSocket } from "../../src/cli/control_client.ts";
import { onSocket } from "../http/lib.ts";

/** A server that answers each connection with these octets, whatever it is asked. */
async function answering(answer: string | null): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-client-" });
  const path = `${folder}/it.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  const held: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      if (answer === null) held.push(connection);
      else {
        await connection.write(new TextEncoder().encode(answer));
        connection.close();
      }
    }
  })();
  return {
    path,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of held) connection.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const get = { method: "GET", path: "/" } as const;

Deno.test("the request and the answer arrive, non-ASCII and large ones too", async () => {
  const large = "あ".repeat(400_000);
  await using it = await onSocket(async (request) =>
    Response.json({ method: request.method, path: new URL(request.url).pathname, got: await request.json(), large })
  );
  const answer = await requestOverSocket(it.path, { method: "POST", path: "/a", body: { password: "パスワード\n" } });
  assert.deepEqual(answer, {
    ok: true,
    value: { status: 200, body: { method: "POST", path: "/a", got: { password: "パスワード\n" }, large } },
  });
});

Deno.test("an answer without a body is null", async () => {
  await using it = await onSocket(() => new Response(null, { status: 204 }));
  assert.deepEqual(await requestOverSocket(it.path, { method: "DELETE", path: "/" }), {
    ok: true,
    value: { status: 204, body: null },
  });
});

Deno.test("nobody there, or a socket that nobody answers, is no-server", async () => {
  const folder = await Deno.makeTempDir();
  const absent = await requestOverSocket(`${folder}/it.sock`, get);
  assert.ok(!absent.ok);
  assert.equal(absent.problem.kind, "no-server");
  const listener = Deno.listen({ transport: "unix", path: `${folder}/it.sock` });
  await Deno.rename(`${folder}/it.sock`, `${folder}/stale.sock`);
  listener.close();
  const stale = await requestOverSocket(`${folder}/stale.sock`, get);
  assert.ok(!stale.ok);
  assert.equal(stale.problem.kind, "no-server");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a socket that we may not open is no-permission", { ignore: Deno.uid() !== 0 }, async () => {
  await using it = await onSocket(() => Response.json({}));
  await Deno.chmod(it.path, 0o600);
  const answer = JSON.parse(await askApart(it.path, { uid: 65534 }));
  assert.equal(answer.ok, false);
  assert.equal(answer.problem.kind, "no-permission");
});

Deno.test("what is no complete answer of HTTP with JSON is a problem that quotes nothing", async () => {
  const cases = [
    ["", "it is no HTTP"],
    ["220 secret ESMTP\r\n", "it is no HTTP"],
    ['HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"secret":', "it is cut off"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret", "it is no JSON"],
  ] as const;
  for (const [octets, reason] of cases) {
    await using it = await answering(octets);
    assert.deepEqual(await requestOverSocket(it.path, get), {
      ok: false,
      problem: { kind: "io", message: `Cannot read the answer of ${it.path}: ${reason}` },
    });
  }
});

Deno.test("a server that answers before it has read everything is heard", async () => {
  await using it = await answering("HTTP/1.1 413 \r\ncontent-length: 2\r\n\r\n{}");
  const answer = await requestOverSocket(it.path, { method: "POST", path: "/", body: "x".repeat(2_000_000) });
  assert.deepEqual(answer, { ok: true, value: { status: 413, body: {} } });
});

Deno.test("a server that never answers is given up", async () => {
  await using it = await answering(null);
  assert.deepEqual(await requestOverSocket(it.path, { ...get, timeoutMs: 20 }), {
    ok: false,
    problem: { kind: "io", message: `Cannot talk to ${it.path}: no answer within 20 ms` },
  });
});

Deno.test("a proxy in the environment gets nothing", async () => {
  const seen: string[] = [];
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    seen.push(await request.text());
    return new Response(null, { status: 502 });
  });
  await using it = await onSocket(() => Response.json({ here: true }));
  const url = `http://127.0.0.1:${proxy.addr.port}`;
  const environment = {
    HTTP_PROXY: url,
    "http_proxy": url,
    ALL_PROXY: url,
    HTTPS_PROXY: url,
    NO_PROXY: "",
    "no_proxy": "",
  };
  assert.equal(
    await askApart(it.path, { env: environment }),
    '{"ok":true,"value":{"status":200,"body":{"here":true}}}',
  );
  assert.deepEqual(seen, []);
  await proxy.shutdown();
});

/** The client in a process of its own, as another user where one is given. */
async function askApart(
  socket: string,
  { uid, env = {} }: { readonly uid?: number; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const program = `
    import process from "node:process";
    import { requestOverSocket } from ${
    JSON.stringify(new URL("../../src/cli/control_client.ts", import.meta.url).href)
  };
    const [socket, uid] = Deno.args;
    if (uid !== undefined) {
      process.setgid(Number(uid));
      process.setuid(Number(uid));
    }
    console.log(JSON.stringify(await requestOverSocket(socket, { method: "POST", path: "/", body: "secret" })));`;
  const args = ["run", "-A", "--no-check", "--ext=ts", "-", socket, ...uid === undefined ? [] : [String(uid)]];
  const root = new URL("../..", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), { args, cwd: root, env, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout).trim();
}
