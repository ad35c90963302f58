import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import {
  ATTRIBUTE,
  chapPassword,
  encodeRequest,
  fitsAttribute,
  hidePassword,
  type RadiusAttribute,
  readReply,
} from "../../backends/radius_packet.ts";
import { concat, hex, utf8 } from "../../src/lib/octets.ts";
import { radiusReply } from "./radius_peer.ts";

const octets = (text: string) => Uint8Array.fromHex(text.replace(/\s/g, ""));

const SECRET = utf8("xyzzy5461");
const NEMO = {
  request: { identifier: 0, authenticator: octets("0f403f9473978057bd83d5cb98f4227a") },
  accept: octets("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103"),
};
const FLOPSY = {
  request: { identifier: 1, authenticator: octets("2aee86f08d0d55969ca5978e0d3367a2") },
  accept: octets(
    "02010038 15efbc7dab26cfa3dc34d9c03c8601a4 060600000002 070600000001 0806fffffffe 0a0600000002 0d0600000001 0c06000005dc",
  ),
};

Deno.test("RFC 2865 section 7.1: a password by PAP", () => {
  const hidden = hidePassword(utf8("arctangent"), { secret: SECRET, authenticator: NEMO.request.authenticator });
  equal(hex(hidden), "0dbe708d93d413ce3196e43f782a0aee");
  deepEqual(readReply(NEMO.accept, { request: NEMO.request, secret: SECRET, signed: false }), {
    ok: true,
    value: { kind: "accept" },
  });
});

Deno.test("RFC 2865 section 7.2: a password by CHAP", () => {
  const { authenticator } = FLOPSY.request;
  const value = chapPassword(utf8("arctangent"), { identifier: 0x16, challenge: authenticator });
  equal(hex(value), "16e97557c316185895f293ff6344077275");
  ok(readReply(FLOPSY.accept, { request: FLOPSY.request, secret: SECRET, signed: false }).ok);
});

Deno.test("RFC 5997 section 6.1: Status-Server with its Message-Authenticator, and the reply", () => {
  const request = {
    ...{ kind: "status" as const, identifier: 0xda, attributes: [] },
    authenticator: octets("8a54f4686fb394c52866e302185d0623"),
  };
  equal(
    hex(encodeRequest(request, SECRET)),
    "0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3",
  );
  const reply = octets("02da0014 ef0d552a4bf2d693ec2b6fe8b5411d66");
  ok(readReply(reply, { request, secret: SECRET, signed: false }).ok);
  deepEqual(readReply(reply, { request, secret: SECRET, signed: true }), { ok: false, problem: "unsigned" });
});

Deno.test("a request: Message-Authenticator first, its HMAC over the whole with zeros in its place (RFC 3579 section 3.2)", () => {
  const authenticator = new Uint8Array(16).map((_, at) => at);
  const attributes = [{ type: ATTRIBUTE.userName, value: utf8("shin") }, { type: 32, value: utf8("mail") }];
  const packet = encodeRequest({ kind: "access", identifier: 7, authenticator, attributes }, SECRET);
  deepEqual([...packet.subarray(0, 4)], [1, 7, 0, packet.length]);
  deepEqual(packet.subarray(4, 20), authenticator);
  deepEqual([...packet.subarray(20, 22)], [80, 18]);
  deepEqual(packet.subarray(38), concat(utf8("\x01\x06shin"), utf8("\x20\x06mail")));
  const unsigned = packet.slice();
  unsigned.fill(0, 22, 38);
  equal(hex(packet.subarray(22, 38)), createHmac("md5", SECRET).update(unsigned).digest("hex"));
});

Deno.test("User-Password: chained blocks of 16, at most 128 octets (RFC 2865 section 5.2)", () => {
  const authenticator = new Uint8Array(16).fill(9);
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 128 }), (password) => {
    const hidden = hidePassword(password, { secret: SECRET, authenticator });
    equal(hidden.length, Math.ceil(password.length / 16) * 16);
    const shown = [...unhide(hidden, authenticator)];
    deepEqual(shown.slice(0, password.length), [...password]);
    ok(shown.slice(password.length).every((octet) => octet === 0));
  }));
  throws(() => hidePassword(new Uint8Array(129), { secret: SECRET, authenticator }), RangeError);
});

Deno.test("an attribute has 1 to 253 octets", () => {
  ok(fitsAttribute("é".repeat(126)) && fitsAttribute("x".repeat(253)));
  ok(!fitsAttribute("") && !fitsAttribute("é".repeat(127)) && !fitsAttribute("x".repeat(254)));
  const request = (value: Uint8Array) => {
    const attributes = [{ type: 1, value }];
    return { kind: "access" as const, identifier: 0, authenticator: new Uint8Array(16), attributes };
  };
  for (const length of [0, 254]) throws(() => encodeRequest(request(new Uint8Array(length)), SECRET), RangeError);
});

const REQUEST = { identifier: 42, authenticator: new Uint8Array(16).map((_, at) => 200 - at) };
const ATTRIBUTES: readonly RadiusAttribute[] = [{ type: 18, value: utf8("welcome") }, {
  type: 6,
  value: octets("00000001"),
}];

function accept(options: { readonly signed?: boolean; readonly code?: number } = {}): Uint8Array<ArrayBuffer> {
  const { signed = true, code = 2 } = options;
  return radiusReply({ code, request: REQUEST, secret: SECRET, attributes: ATTRIBUTES, signed });
}

Deno.test("replies are read, with padding behind them, and only those of three kinds", () => {
  for (const [code, kind] of [[2, "accept"], [3, "reject"], [11, "challenge"]] as const) {
    for (const signed of [true, false]) {
      const padded = concat(accept({ code, signed }), new Uint8Array(5));
      deepEqual(readReply(padded, { request: REQUEST, secret: SECRET, signed: false }), { ok: true, value: { kind } });
    }
  }
  for (const code of [0, 1, 4, 5, 12, 13, 40, 255]) {
    const read = readReply(accept({ code }), { request: REQUEST, secret: SECRET, signed: true });
    deepEqual(read, { ok: false, problem: "stray" }, String(code));
  }
});

Deno.test("a reply without Message-Authenticator is none where one is required", () => {
  const read = readReply(accept({ signed: false }), { request: REQUEST, secret: SECRET, signed: true });
  deepEqual(read, { ok: false, problem: "unsigned" });
});

Deno.test("a reply in which any octet is altered, by any value, is never taken", () => {
  for (const signed of [true, false]) {
    const reply = accept({ signed });
    for (let at = 0; at < reply.length; at++) {
      for (let by = 1; by < 256; by++) {
        const forged = reply.slice();
        forged[at] = reply[at]! ^ by;
        ok(!readReply(forged, { request: REQUEST, secret: SECRET, signed }).ok, `octet ${at} by ${by}`);
      }
    }
  }
});

Deno.test("a reject cannot be turned into an accept, nor one request's reply into another's", () => {
  const reject = accept({ code: 3 });
  reject[0] = 2;
  ok(!readReply(reject, { request: REQUEST, secret: SECRET, signed: true }).ok);
  const other = { ...REQUEST, authenticator: new Uint8Array(16) };
  deepEqual(readReply(accept(), { request: other, secret: SECRET, signed: true }), { ok: false, problem: "forged" });
  const next = { ...REQUEST, identifier: 43 };
  deepEqual(readReply(accept(), { request: next, secret: SECRET, signed: true }), { ok: false, problem: "stray" });
  const stranger = { request: REQUEST, secret: utf8("xyzzy5462"), signed: true };
  deepEqual(readReply(accept(), stranger), { ok: false, problem: "forged" });
});

Deno.test("a Response Authenticator that is right does not help a wrong, a short or a second Message-Authenticator", () => {
  const signature = (value: Uint8Array) => ({ type: ATTRIBUTE.messageAuthenticator, value });
  const right = accept().subarray(22, 38);
  for (
    const attributes of [
      [signature(new Uint8Array(16))],
      [signature(new Uint8Array(15))],
      [signature(right)],
      [signature(right), signature(right)],
    ]
  ) {
    const reply = radiusReply({ code: 2, request: REQUEST, secret: SECRET, attributes, signed: false });
    for (const signed of [true, false]) {
      deepEqual(readReply(reply, { request: REQUEST, secret: SECRET, signed }), { ok: false, problem: "forged" });
    }
  }
});

Deno.test("octets of any kind are no reply, and nothing is thrown", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
    ok(!readReply(noise, { request: REQUEST, secret: SECRET, signed: false }).ok);
  }));
  const reply = accept();
  fc.assert(fc.property(fc.nat(reply.length - 1), fc.uint8Array({ maxLength: 40 }), (length, tail) => {
    const cut = concat(reply.subarray(0, length), tail);
    // The same octets again are no forgery.
    fc.pre(hex(cut.subarray(0, reply.length)) !== hex(reply));
    ok(!readReply(cut, { request: REQUEST, secret: SECRET, signed: false }).ok);
  }));
});

/** As a server does it. */
function unhide(hidden: Uint8Array, authenticator: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < hidden.length; at += 16) {
    const before = at === 0 ? authenticator : hidden.subarray(at - 16, at);
    const pad = createHash("md5").update(SECRET).update(before).digest();
    blocks.push(hidden.subarray(at, at + 16).map((octet, offset) => octet ^ pad[offset]!));
  }
  return concat(...blocks);
}
