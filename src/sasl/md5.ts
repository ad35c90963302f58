/**
 * MD5 (RFC 1321) whose state can be saved and resumed, and HMAC-MD5 (RFC 2104) from saved states. `node:crypto` has no way to
 * take up a saved state, and CRAM-MD5 verifiers are nothing else.
 *
 * @module
 */

/**
 * The MD5 states after the inner and the outer pad of HMAC: words A, B, C, D, little-endian, 16 octets each. Dovecot's
 * `{CRAM-MD5}` scheme is the hexadecimal form of the same 32 octets, `outer` first.
 */
export interface HmacMd5Contexts {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

const BLOCK_OCTETS = 64;
const INITIAL_STATE = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
const SINES = Int32Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32));
const SHIFTS = Uint8Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21);
/** Scratch space of `compress`: nothing in here outlives a call. */
const WORDS = new Int32Array(16);

/** The MD5 digest of a message, 16 octets. */
export function md5(message: Uint8Array): Uint8Array<ArrayBuffer> {
  return finish(INITIAL_STATE.slice(), message, 0);
}

/** The states that HMAC-MD5 with this key begins with. A key over 64 octets is hashed first (RFC 2104 section 2). */
export function hmacMd5Contexts(key: Uint8Array): HmacMd5Contexts {
  const short = key.length > BLOCK_OCTETS ? md5(key) : key;
  return { inner: padState(short, 0x36), outer: padState(short, 0x5c) };
}

/** HMAC-MD5 of a message with the key whose contexts these are, 16 octets. Contexts of a wrong length give a `RangeError`. */
export function hmacMd5FromContexts(contexts: HmacMd5Contexts, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const digest = finish(readState(contexts.inner), message, BLOCK_OCTETS);
  return finish(readState(contexts.outer), digest, BLOCK_OCTETS);
}

function padState(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(BLOCK_OCTETS).fill(pad);
  for (const [at, octet] of key.entries()) block[at] = octet ^ pad;
  const state = INITIAL_STATE.slice();
  compress(state, block, 0);
  return writeState(state);
}

/** Hashes the rest of a message, of which `before` octets (whole blocks) are in the state already. */
function finish(state: Int32Array, message: Uint8Array, before: number): Uint8Array<ArrayBuffer> {
  const whole = message.length - message.length % BLOCK_OCTETS;
  for (let at = 0; at < whole; at += BLOCK_OCTETS) compress(state, message, at);
  const rest = message.length - whole;
  // The mark 0x80 and the length in bits (8 octets) follow the rest.
  const tail = new Uint8Array(rest + 9 <= BLOCK_OCTETS ? BLOCK_OCTETS : 2 * BLOCK_OCTETS);
  tail.set(message.subarray(whole));
  tail[rest] = 0x80;
  const bits = (before + message.length) * 8;
  const view = new DataView(tail.buffer);
  view.setUint32(tail.length - 8, bits % 2 ** 32, true);
  view.setUint32(tail.length - 4, Math.floor(bits / 2 ** 32), true);
  for (let at = 0; at < tail.length; at += BLOCK_OCTETS) compress(state, tail, at);
  return writeState(state);
}

function compress(state: Int32Array, octets: Uint8Array, start: number): void {
  const view = new DataView(octets.buffer, octets.byteOffset + start, BLOCK_OCTETS);
  for (let at = 0; at < 16; at++) WORDS[at] = view.getInt32(at * 4, true);
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    const mixed = round === 0
      ? (b & c) | (~b & d)
      : round === 1
      ? (b & d) | (c & ~d)
      : round === 2
      ? b ^ c ^ d
      : c ^ (b | ~d);
    const word = (round === 0 ? step : round === 1 ? 5 * step + 1 : round === 2 ? 3 * step + 5 : 7 * step) & 15;
    const sum = (a + mixed + (SINES[step] ?? 0) + (WORDS[word] ?? 0)) | 0;
    const shift = SHIFTS[round * 4 + (step & 3)] ?? 0;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}

function readState(octets: Uint8Array): Int32Array {
  if (octets.length !== 16) {
    throw new RangeError(`Cannot resume MD5: a context of ${octets.length} octets, expected 16`);
  }
  const view = new DataView(octets.buffer, octets.byteOffset, 16);
  const state = new Int32Array(4);
  for (let at = 0; at < 4; at++) state[at] = view.getInt32(at * 4, true);
  return state;
}

function writeState(state: Int32Array): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(16);
  const view = new DataView(octets.buffer);
  for (let at = 0; at < 4; at++) view.setInt32(at * 4, state[at] ?? 0, true);
  return octets;
}
