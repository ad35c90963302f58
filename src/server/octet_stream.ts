/**
 * What lies under a transport: the bare connection at first, TLS later.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import tls from "node:tls";

const SMALL = 2 * 1024;
const LARGE = 64 * 1024;

/** Why a transport can no longer be used. */
export type EndedBecause = "peer" | "deadline" | "tls" | "closed";

/** Ends every pending and later operation of a transport. */
export class TransportEnded extends Error {
  readonly because: EndedBecause;

  constructor(because: EndedBecause, cause?: unknown) {
    super(`the transport has ended: ${because}`, { cause });
    this.name = "TransportEnded";
    this.because = because;
  }
}

/** What TLS agreed on. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
}

/** A two-way stream of octets. */
export interface OctetStream {
  /** Fills the start of `into`; 0 at the end of input. */
  read(into: Uint8Array): Promise<number>;
  write(octets: Uint8Array): Promise<void>;
  /** Says goodbye where the protocol has a way to; does not wait for the peer. */
  finish(): Promise<void>;
  /** Frees everything, at once, any number of times. */
  destroy(): void;
}

/** The connection as it is. */
export function bareStream(conn: Deno.Conn): OctetStream {
  const writes = new PendingWrites();
  return {
    read: async (into) => (await conn.read(into)) ?? 0,
    write: (octets) => writes.track((resolve, reject) => void writeAll(conn, octets).then(resolve, reject)),
    finish: () => conn.closeWrite(),
    destroy: () => {
      closeQuietly(conn);
      writes.fail(() => new TransportEnded("peer"));
    },
  };
}

/**
 * Begins TLS as the server. No read of the connection may be under way: a hello that it swallows is lost, and the handshake hangs.
 * `first`: octets of the handshake that were read already. Resolves with the end of the handshake, rejects with `TransportEnded` if that fails or takes longer than the limit.
 */
export async function secureStream(
  conn: Deno.Conn,
  { secureContext, limitMs, first }: {
    readonly secureContext: tls.SecureContext;
    readonly limitMs: number;
    readonly first: Uint8Array;
  },
): Promise<{ readonly stream: OctetStream; readonly facts: TlsFacts }> {
  const duplex = new ConnDuplex(conn, first);
  // node:tls wants a net.Socket by its types and takes any Duplex.
  const raw = duplex as unknown as ConstructorParameters<typeof tls.TLSSocket>[0];
  const socket = new tls.TLSSocket(raw, { isServer: true, secureContext });
  const stream = new TlsStream(socket, duplex);
  return { stream, facts: await stream.handshake(limitMs) };
}

/** Writes that wait for the peer to read. Not every version of the runtime ends them with the connection: 2.9.4 leaves them for ever. */
class PendingWrites {
  readonly #failures = new Set<(cause: Error) => void>();

  /** A promise that `fail` rejects while it is pending. */
  track(begin: (resolve: () => void, reject: (cause: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#failures.add(reject);
      begin(() => {
        this.#failures.delete(reject);
        resolve();
      }, (cause) => {
        this.#failures.delete(reject);
        reject(cause);
      });
    });
  }

  /** The error is made only where somebody waits: to make one costs more than the rest of closing a connection. */
  fail(cause: () => Error): void {
    if (this.#failures.size === 0) return;
    const error = cause();
    for (const reject of this.#failures) reject(error);
    this.#failures.clear();
  }
}

async function writeAll(conn: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;) at += await conn.write(octets.subarray(at));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed before: nothing is left to free.
  }
}

/** The connection as node:tls takes it. A read buffer is given away with its octets, so none is copied. */
class ConnDuplex extends Duplex {
  readonly #conn: Deno.Conn;
  #size = SMALL;
  #first: Uint8Array;

  constructor(conn: Deno.Conn, first: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#conn = conn;
    this.#first = first;
  }

  override _read(): void {
    if (this.#first.length > 0) {
      const first = this.#first;
      this.#first = new Uint8Array();
      // node:tls begins a tick after it was made, and ends the process where what it reads before that is no TLS.
      setTimeout(() => this.destroyed || this.push(Buffer.from(first)), 0);
      return;
    }
    const into = new Uint8Array(this.#size);
    this.#conn.read(into).then((count) => {
      if (count === null) return void this.push(null);
      if (count === this.#size) this.#size = Math.min(LARGE, this.#size * 4);
      else if (count < SMALL) this.#size = SMALL;
      this.push(Buffer.from(into.buffer, 0, count));
    }).catch((cause: Error) => this.destroy(cause));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    writeAll(this.#conn, chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.#conn);
    done(error);
  }
}

/** Octets of a TLS socket, read only on demand, so that a slow reader slows its peer. */
class TlsStream implements OctetStream {
  readonly #socket: tls.TLSSocket;
  readonly #duplex: ConnDuplex;
  readonly #writes = new PendingWrites();
  #failure: Error | null = null;
  #ended = false;
  #established = false;
  #wake: (() => void) | null = null;
  #rest: Uint8Array | null = null;

  constructor(socket: tls.TLSSocket, duplex: ConnDuplex) {
    this.#socket = socket;
    this.#duplex = duplex;
    socket.on("readable", () => this.#rouse());
    socket.on("end", () => this.#end(null));
    socket.on("close", () => this.#end(null));
    // Without a listener a client that refuses our certificate ends the process.
    socket.on("error", (error) => this.#end(error));
    duplex.on("error", (error) => this.#end(error));
    // node:tls does not see the end of a Duplex: without these two a handshake cut short keeps its descriptor for ever.
    duplex.on("end", () => this.#peerLeft());
    duplex.on("close", () => this.destroy());
  }

  handshake(limitMs: number): Promise<TlsFacts> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new TransportEnded("deadline")), limitMs);
      this.#wake = () => {
        if (this.#failure === null && !this.#ended) return;
        clearTimeout(timer);
        this.#wake = null;
        this.destroy();
        const failure = this.#failure;
        if (failure instanceof TransportEnded) reject(failure);
        else reject(new TransportEnded(failure === null ? "peer" : "tls", failure ?? undefined));
      };
      this.#socket.once("secure", () => {
        if (this.#ended) return;
        clearTimeout(timer);
        this.#wake = null;
        this.#established = true;
        resolve({ version: this.#socket.getProtocol() ?? "TLS", cipher: this.#socket.getCipher()?.name ?? "" });
      });
    });
  }

  async read(into: Uint8Array): Promise<number> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) {
        const count = Math.min(chunk.length, into.length);
        into.set(chunk.subarray(0, count));
        this.#rest = count < chunk.length ? chunk.subarray(count) : null;
        return count;
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return 0;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#writes.track((resolve, reject) => {
      if (this.#socket.destroyed) return reject(this.#failure ?? new TransportEnded("peer"));
      // A socket destroyed with a write under way may never call back.
      this.#socket.write(octets, (error) => error ? reject(error) : resolve());
    });
  }

  finish(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once("close", resolve);
      this.#socket.end(resolve);
    });
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
    this.#duplex.destroy();
    this.#writes.fail(() => this.#failure ?? new TransportEnded("peer"));
    this.#rouse();
  }

  #peerLeft(): void {
    if (!this.#established) return this.destroy();
    // A turn for what is still being decrypted; it may be read and answered after that.
    setTimeout(() => this.#end(null), 0);
  }

  #end(error: Error | null): void {
    this.#failure ??= error;
    this.#ended = true;
    this.#rouse();
  }

  #rouse(): void {
    const wake = this.#wake;
    if (wake === null || (this.#socket.readableLength === 0 && !this.#ended)) return;
    wake();
  }
}
