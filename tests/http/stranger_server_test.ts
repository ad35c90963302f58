import assert from "node:assert/strict";
import fc from "fast-check";
import { PUBLIC_LIMITS } from "../../src/http/sockets.ts";
import { answered, onSocket, raw } from "./lib.ts";

const FOR_EVER_MS = 3_600_000;
const patient = { ...PUBLIC_LIMITS, requestMs: FOR_EVER_MS, answerMs: FOR_EVER_MS };

/** Says what it was asked. */
async function echo(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return Response.json({ method: request.method, target: pathname + search, body: await request.text() });
}

function idle(path: string): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path });
}

/** Resolves when the other side has closed. */
async function closed(connection: Deno.Conn): Promise<void> {
  const count = await connection.read(new Uint8Array(1)).catch(() => null);
  connection.close();
  assert.equal(count, null);
}

Deno.test("a request arrives as it was sent, whatever its pieces", async () => {
  await using it = await onSocket(echo, patient);
  const request = 'POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{"a":"\r\n\r\n"}';
  for (let cut = 1; cut < request.length; cut++) {
    using connection = await idle(it.path);
    await connection.write(new TextEncoder().encode(request.slice(0, cut)));
    await connection.write(new TextEncoder().encode(request.slice(cut)));
    const answer = await new Response(connection.readable).text();
    assert.match(answer, /^HTTP\/1\.1 200 \r\n/);
    assert.deepEqual(JSON.parse(answer.split("\r\n\r\n")[1] ?? ""), {
      method: "POST",
      target: "/a/b?c=d",
      body: '{"a":"\r\n\r\n"',
    });
  }
});

Deno.test("a request that does not end is ended by us", async () => {
  await using it = await onSocket(echo, { ...patient, requestMs: 20 });
  for (const piece of ["", "POST /", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]) {
    assert.equal(await raw(it.path, piece, { halfClose: false }), "");
  }
});

Deno.test("an answer that does not come ends the connection", async () => {
  await using it = await onSocket(() => new Promise<never>(() => {}), { ...patient, answerMs: 20 });
  const connection = await idle(it.path);
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await closed(connection);
});

Deno.test("when all places are taken the oldest that has not asked has to go, and who asks is served", async () => {
  await using it = await onSocket(echo, { ...patient, connections: 2 });
  const first = await idle(it.path);
  const second = await idle(it.path);
  assert.equal((await answered(it.ask("GET", "/"))).status, 200);
  await closed(first);
  await second.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assert.match(await new Response(second.readable).text(), /^HTTP\/1\.1 200 /);
});

Deno.test("five hundred idle connections keep nobody out", async () => {
  await using it = await onSocket(echo, patient);
  const crowd: Deno.Conn[] = [];
  while (crowd.length < 500) {
    try {
      crowd.push(await idle(it.path));
    } catch (error) {
      // The socket's queue is full until the server has accepted more.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
  }
  assert.equal((await answered(it.ask("GET", "/"))).status, 200);
  for (const connection of crowd) connection.close();
  assert.equal((await answered(it.ask("GET", "/"))).status, 200);
});

Deno.test("when all places are busy the next one is told to come again", async () => {
  const busy = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow = async (request: Request) => {
    busy.resolve();
    await go.promise;
    return await echo(request);
  };
  await using it = await onSocket(slow, { ...patient, connections: 1 });
  const first = it.ask("GET", "/");
  await busy.promise;
  assert.match(await raw(it.path, ""), /^HTTP\/1\.1 503 /);
  go.resolve();
  assert.equal((await answered(first)).status, 200);
});

Deno.test("the end: who has asked is answered, who has not is let go", async () => {
  const busy = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow = async (request: Request) => {
    busy.resolve();
    await go.promise;
    return await echo(request);
  };
  const it = await onSocket(slow, patient);
  const asked = it.ask("GET", "/");
  await busy.promise;
  const waiting = await idle(it.path);
  await waiting.write(new TextEncoder().encode("GET / HT"));
  const ended = it[Symbol.asyncDispose]();
  await closed(waiting);
  go.resolve();
  assert.equal((await answered(asked)).status, 200);
  await ended;
});

Deno.test("property: no octets make anything but an answer of HTTP or an end", async () => {
  await using it = await onSocket(echo, patient);
  const piece = fc.oneof(
    fc.constantFrom(
      "GET ",
      "POST ",
      "/",
      " HTTP/1.1",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: ",
      "3",
      "Host:",
      ":",
      " ",
      "\0",
      "\n",
    ),
    fc.string({ unit: "binary-ascii", maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      assert.match(await raw(it.path, pieces.join("")), /^(?:|HTTP\/1\.1 (?:200|400|413) [^]*)$/);
    }),
    { numRuns: 300 },
  );
  assert.equal((await answered(it.ask("GET", "/"))).status, 200);
});
