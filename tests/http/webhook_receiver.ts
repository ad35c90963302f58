/**
 * Somebody who takes webhooks: checks the signature by itself and keeps what came.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

/** What came. */
export interface Received {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A receiver on loopback. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** The first `count` of those that came or come. */
  wait(count: number): Promise<readonly Received[]>;
  /** What it answers from now on. Default 204. */
  answer(response: () => Response | Promise<Response>): void;
}

/** Starts it; `key` are the octets with which signatures are made. Each request must be signed and of the form that was promised. */
export function startReceiver(key: Uint8Array, { port = 0 }: { readonly port?: number } = {}): Receiver {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let answer: () => Response | Promise<Response> = () => new Response(null, { status: 204 });
  const failures: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    try {
      received.push(await checked(request, key));
    } catch (error) {
      failures.push(error);
      return new Response("bad signature", { status: 401 });
    } finally {
      for (const look of [...waiting]) look();
    }
    return await answer();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/hook`,
    received,
    async wait(count) {
      while (received.length < count) {
        if (failures.length > 0) throw failures[0];
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
      return received.slice(0, count);
    },
    answer: (response) => {
      answer = response;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      assert.deepEqual(failures, []);
    },
  };
}

/** As the standard says: id, timestamp and body, joined by dots. */
async function checked(request: Request, key: Uint8Array): Promise<Received> {
  const body = await request.text();
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    request.headers.get(name) ?? ""
  );
  assert.equal(request.method, "POST");
  assert.equal(request.headers.get("content-type"), "application/json");
  assert.match(id!, /^msg_[0-9a-f]{32}$/);
  const right = `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  assert.ok(signatures!.split(" ").includes(right), `${signatures} is not ${right}`);
  const parsed = JSON.parse(body);
  assert.deepEqual(Object.keys(parsed), ["type", "timestamp", "data"]);
  assert.equal(new Date(parsed.timestamp).toISOString(), parsed.timestamp);
  return { id: id!, timestamp: Number(timestamp), type: parsed.type, body: parsed, data: parsed.data };
}
