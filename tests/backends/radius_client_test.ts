import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import { createRadiusClient, type RadiusClient, type RadiusClientOptions } from "../../backends/radius_client.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { never } from "./contract_lib.ts";
import { radiusReply, type Received, type ScriptedRadius, scriptedRadius } from "./radius_peer.ts";

const SECRET = utf8("shared-horse");
const QUESTION = {
  kind: "access",
  attributes: (authenticator: Uint8Array) => [{ type: 1, value: utf8("shin") }, {
    type: 2,
    value: authenticator.slice(),
  }],
  signed: true,
} as const;

const ACCEPT = 2;
const REJECT = 3;

function clientOf(
  servers: readonly ScriptedRadius[],
  options: Partial<RadiusClientOptions> & { readonly now?: () => number } = {},
): RadiusClient {
  const { now, ...more } = options;
  const places = servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  return createRadiusClient({
    ...{ servers: places, secret: SECRET, retryMs: 20, timeoutMs: 60_000, holdDownMs: 60_000 },
    ...more,
  }, now);
}

function reply({ request }: Received, code: number, signed = true): Uint8Array<ArrayBuffer> {
  return radiusReply({ code, request, secret: SECRET, attributes: [{ type: 18, value: utf8("welcome") }], signed });
}

const silent = () => scriptedRadius(() => {});
const sure = () => scriptedRadius((one) => one.reply(reply(one, ACCEPT)));

Deno.test("a lying server: a yes in which each octet in turn is altered is not heard, the no that follows is", async () => {
  const liar = async (one: Received) => {
    const yes = reply(one, ACCEPT);
    for (let at = 0; at < yes.length; at++) {
      const forged = yes.slice();
      // The low bits: an octet that is no UTF-8 then stays one, and whoever compares decoded texts sees no difference.
      forged[at] = yes[at]! ^ (1 + at % 7);
      await one.reply(forged);
    }
    await one.reply(reply(one, ACCEPT, false));
    await one.reply(yes.subarray(0, yes.length - 1));
    await one.reply(new Uint8Array());
    await one.reply(reply(one, REJECT));
  };
  for (let round = 0; round < 20; round++) {
    await using server = scriptedRadius(liar);
    using client = clientOf([server]);
    deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "reject" } });
  }
});

Deno.test("a server that only lies is an outage, and the log says what was wrong", async () => {
  await using forger = scriptedRadius(async (one) => {
    const yes = reply(one, ACCEPT);
    yes[yes.length - 1]! ^= 1;
    await one.reply(yes);
  });
  await using unsigned = scriptedRadius((one) => one.reply(reply(one, ACCEPT, false)));
  for (
    const [server, words] of [[forger, /do not fit the secret/], [unsigned, /have no Message-Authenticator/]] as const
  ) {
    using client = clientOf([server], { timeoutMs: 200 });
    const answer = await client.ask(QUESTION, never());
    ok(!answer.ok);
    match(answer.problem, words);
    match(answer.problem, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
  }
});

Deno.test("the reply to an earlier question is none to the next, whichever its identifier", async () => {
  let kept: Uint8Array | null = null;
  await using server = scriptedRadius(async (one) => {
    if (kept === null) return one.reply(kept = reply(one, ACCEPT));
    const again = kept.slice();
    again[1] = one.request.identifier;
    await one.reply(kept);
    await one.reply(again);
    await one.reply(reply(one, REJECT));
  });
  using client = clientOf([server]);
  deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "accept" } });
  deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "reject" } });
});

Deno.test("a reply that is right, but comes from another port, is not heard", async () => {
  const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  using _stranger = { [Symbol.dispose]: () => stranger.close() };
  await using server = scriptedRadius(async (one) => {
    await stranger.send(reply(one, ACCEPT), one.from);
    await one.reply(reply(one, REJECT));
  });
  using client = clientOf([server]);
  deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "reject" } });
});

Deno.test("a repetition is the same octets from the same port; another question is neither", async () => {
  await using server = scriptedRadius((one, at) => at % 3 === 2 ? one.reply(reply(one, ACCEPT)) : undefined);
  using client = clientOf([server]);
  for (let question = 0; question < 2; question++) ok((await client.ask(QUESTION, never())).ok);
  const [first, second, third, next] = server.received;
  for (const repetition of [second, third]) {
    deepEqual(repetition?.octets, first?.octets);
    deepEqual(repetition?.from, first?.from);
  }
  notDeepEqual(next?.request.authenticator, first?.request.authenticator);
});

Deno.test("a silent server: the next is asked, with another authenticator, and the silent one later only after it", async () => {
  let now = 0;
  await using first = silent();
  await using second = sure();
  using client = clientOf([first, second], { holdDownMs: 1000, now: () => now });
  deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "accept" } });
  equal(first.received.length, 2);
  notDeepEqual(first.received[0]?.request.authenticator, second.received[0]?.request.authenticator);
  now = 999;
  ok((await client.ask(QUESTION, never())).ok);
  deepEqual([first.received.length, second.received.length], [2, 2], "a server was asked that is held down");
  now = 1000;
  ok((await client.ask(QUESTION, never())).ok);
  deepEqual([first.received.length, second.received.length], [4, 3]);
});

Deno.test("all silent: each is asked in its order, and the time is over when it is over", async () => {
  await using first = silent();
  await using second = silent();
  using client = clientOf([first, second], { timeoutMs: 300 });
  const answer = await client.ask(QUESTION, never());
  deepEqual(answer, {
    ok: false,
    problem: `no answer from 127.0.0.1:${first.port}; no answer from 127.0.0.1:${second.port}`,
  });
  equal(first.received.length, 2);
  ok(second.received.length >= 2);
});

Deno.test("a late reply of the first server counts while the second is asked, and ends its hold", async () => {
  const late = Promise.withResolvers<Received>();
  await using first = scriptedRadius((one, at) => at === 0 ? late.resolve(one) : undefined);
  await using second = scriptedRadius(async (own, at) => {
    const one = at === 0 ? await late.promise : own;
    await one.reply(reply(one, ACCEPT));
  });
  using client = clientOf([first, second], { now: () => 0 });
  deepEqual(await client.ask(QUESTION, never()), { ok: true, value: { kind: "accept" } });
  const asked = first.received.length;
  ok((await client.ask(QUESTION, never())).ok);
  ok(first.received.length > asked, "the server is held down that has answered");
});

Deno.test("a server that cannot be resolved is passed over", async () => {
  await using server = sure();
  const servers = [{ host: "no-such-host.invalid", port: 1812 }, { host: "127.0.0.1", port: server.port }];
  using client = clientOf([], { servers });
  ok((await client.ask(QUESTION, never())).ok);
  using lost = clientOf([], { servers: servers.slice(0, 1) });
  deepEqual(await lost.ask(QUESTION, never()), { ok: false, problem: "cannot resolve no-such-host.invalid" });
});

Deno.test("a signal and the end of the client end every question; neither is held against the server", async () => {
  await using server = silent();
  const client = clientOf([server], { timeoutMs: 60_000 });
  const abort = new AbortController();
  const asking = [client.ask(QUESTION, abort.signal), client.ask(QUESTION, abort.signal)];
  abort.abort();
  for (const answer of await Promise.all(asking)) equal(answer.ok, false);
  const under = client.ask(QUESTION, never());
  client[Symbol.dispose]();
  client[Symbol.dispose]();
  equal((await under).ok, false);
  equal((await client.ask(QUESTION, never())).ok, false);
});

Deno.test("over IPv6", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "::1", port: 0 });
  using _socket = { [Symbol.dispose]: () => socket.close() };
  ok(socket.addr.transport === "udp");
  using client = clientOf([], { servers: [{ host: "::1", port: socket.addr.port }] });
  const asking = client.ask(QUESTION, never());
  const [octets, from] = await socket.receive();
  const request = { identifier: octets[1]!, authenticator: octets.slice(4, 20) };
  await socket.send(radiusReply({ code: ACCEPT, request, secret: SECRET, signed: true }), from);
  deepEqual(await asking, { ok: true, value: { kind: "accept" } });
});
