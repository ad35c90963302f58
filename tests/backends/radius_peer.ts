/**
 * RADIUS replies as a server makes them, and a server that answers as a test tells it.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import type { RadiusAttribute, RadiusRequest } from "../../backends/radius_packet.ts";
import { concat } from "../../src/lib/octets.ts";

/** What a reply is made of. */
export interface ReplyOptions {
  readonly code: number;
  readonly request: Pick<RadiusRequest, "identifier" | "authenticator">;
  readonly secret: Uint8Array;
  readonly attributes?: readonly RadiusAttribute[];
  /** With Message-Authenticator, in front. */
  readonly signed: boolean;
}

/** A reply with the right Response Authenticator. */
export function radiusReply({ code, request, secret, attributes = [], signed }: ReplyOptions): Uint8Array<ArrayBuffer> {
  const all = [...signed ? [{ type: 80, value: new Uint8Array(16) }] : [], ...attributes];
  const body = concat(...all.map(({ type, value }) => concat(new Uint8Array([type, value.length + 2]), value)));
  const length = 20 + body.length;
  const header = new Uint8Array([code, request.identifier, length >> 8, length & 0xff]);
  const packet = concat(header, request.authenticator, body);
  if (signed) packet.set(createHmac("md5", secret).update(packet).digest(), 22);
  packet.set(createHash("md5").update(packet).update(secret).digest(), 4);
  return packet;
}

/** A datagram that came, and where from. */
export interface Received {
  readonly octets: Uint8Array;
  readonly request: Pick<RadiusRequest, "identifier" | "authenticator">;
  readonly from: Deno.NetAddr;
  /** Sends this back, from the server's port. */
  reply(octets: Uint8Array): Promise<void>;
}

/** A server on 127.0.0.1. */
export interface ScriptedRadius extends AsyncDisposable {
  readonly port: number;
  /** All that has come so far. */
  readonly received: readonly Received[];
}

/** Starts one; `answer` is called with every datagram, one after the other. */
export function scriptedRadius(answer: (received: Received, at: number) => Promise<void> | void): ScriptedRadius {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const received: Received[] = [];
  const send = async (reply: Uint8Array, to: Deno.Addr) => {
    try {
      await socket.send(reply, to);
    } catch (error) {
      // A test may end while an answer in pieces is on its way.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  };
  const serve = async () => {
    for await (const [octets, from] of socket) {
      if (from.transport !== "udp") continue;
      const request = { identifier: octets[1]!, authenticator: octets.slice(4, 20) };
      const one = { octets, request, from, reply: (reply: Uint8Array) => send(reply, from) };
      received.push(one);
      await answer(one, received.length - 1);
    }
  };
  const served = serve();
  return {
    port: socket.addr.transport === "udp" ? socket.addr.port : 0,
    received,
    async [Symbol.asyncDispose]() {
      socket.close();
      await served;
    },
  };
}
