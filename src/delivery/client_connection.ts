/**
 * A connection to another server: octets with deadlines, over TCP and then TLS. What goes wrong is a value.
 *
 * @module
 */

import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { isLoopback } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";

/** Why a connection is of no use: `text` is fit for a bounce, `detail` for the administrator. */
export interface ConnectionProblem {
  readonly kind: "closed" | "timeout" | "aborted" | "tls";
  readonly text: string;
  readonly detail: string | null;
}

/** Where to connect to. */
export interface Address {
  /** A name, or an address. */
  readonly host: string;
  readonly port: number;
  /** Of a socket in the file system: then host and port are but its name. */
  readonly path?: string;
  /** What to call it; default: host and port. */
  readonly name?: string;
  /** The address of ours to connect from; default: the system chooses. */
  readonly source?: string;
  /** Default half a minute. */
  readonly deadlineMs?: number;
}

/** How to go into TLS. */
export interface TlsOptions {
  /** The name or address that the certificate has to be for. */
  readonly host: string;
  /** PEM of the authorities to trust; `null`: the system's. */
  readonly ca: string | null;
  /** Whether a certificate that cannot be checked is refused. */
  readonly check: boolean;
}

const CONNECT_MS = 30_000;
const HANDSHAKE_MS = 60_000;
const CLOSE_MS = 2_000;
/** Replies are short; whoever sends more than this ahead is not read any further. */
const READ_AHEAD_OCTETS = 256 * 1024;

/** One connection. Its methods are called one after the other. */
export class ClientConnection {
  #socket: Socket;
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #problem: ConnectionProblem | null = null;
  #changed = Promise.withResolvers<void>();
  #detach: () => void;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#detach = this.#attach(socket);
  }

  /** Connects to the first address of the host that answers. */
  static async connect(
    { host, port, path, name = `${host}:${port}`, source, deadlineMs = CONNECT_MS }: Address,
    signal: AbortSignal,
  ): Promise<Result<ClientConnection, ConnectionProblem>> {
    // Commands are short, and each waits for its reply.
    const socket = path !== undefined
      ? connectTcp({ path })
      : connectTcp({ host, port, noDelay: true, ...source !== undefined && { localAddress: source } });
    const connected = Promise.withResolvers<ConnectionProblem | null>();
    const text = `Cannot connect to ${name}`;
    const stop = () => connected.resolve({ kind: "aborted", text: "The server is stopping", detail: null });
    const timer = setTimeout(() => connected.resolve({ kind: "timeout", text, detail: "timed out" }), deadlineMs);
    socket.once("connect", () => connected.resolve(null));
    socket.on("error", (error) => connected.resolve({ kind: "closed", text, detail: error.message }));
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const problem = await connected.promise;
    signal.removeEventListener("abort", stop);
    clearTimeout(timer);
    if (problem === null) return succeed(new ClientConnection(socket));
    socket.destroy();
    return fail(problem);
  }

  /** Whether the other side is this machine. */
  get loopback(): boolean {
    return isLoopback(this.#socket.remoteAddress ?? "");
  }

  /** Whether octets, or the end, can be had from `read` without waiting. */
  get readable(): boolean {
    return this.#chunks.length > 0 || this.#problem !== null;
  }

  /** The next octets. */
  async read(deadlineMs: number, signal: AbortSignal | null): Promise<Result<Uint8Array, ConnectionProblem>> {
    const waited = await this.#until(() => this.readable, deadlineMs, signal);
    if (waited !== null) return fail(waited);
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return fail(this.#problem ?? CLOSED);
    this.#queued -= chunk.length;
    if (this.#queued < READ_AHEAD_OCTETS) this.#socket.resume();
    return succeed(chunk);
  }

  /** Hands octets to the system; waits while it takes no more. The octets are not to be changed afterwards. */
  async write(
    octets: Uint8Array,
    deadlineMs: number,
    signal: AbortSignal | null,
  ): Promise<Result<void, ConnectionProblem>> {
    if (this.#problem !== null) return fail(this.#problem);
    if (octets.length === 0 || this.#socket.write(octets)) return succeed(undefined);
    const drained = () => !this.#socket.writableNeedDrain || this.#problem !== null;
    const problem = await this.#until(drained, deadlineMs, signal) ?? this.#problem;
    return problem === null ? succeed(undefined) : fail(problem);
  }

  /** The handshake as a client; `checked`: the certificate is good and belongs to the host. What was received before is dropped. */
  async startTls(
    { host, ca, check }: TlsOptions,
    signal: AbortSignal | null,
  ): Promise<Result<{ readonly checked: boolean }, ConnectionProblem>> {
    const plain = this.#socket;
    // Paused before the TLS socket takes over: else a read that is under way swallows the first octets of the handshake.
    this.#detach();
    plain.pause();
    plain.on("error", () => {});
    this.#chunks = [];
    this.#queued = 0;
    const secure = connectTls({
      socket: plain,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === null ? {} : { ca: [ca] }),
      rejectUnauthorized: check,
    });
    let established = false;
    secure.once("secureConnect", () => {
      established = true;
      this.#notify();
    });
    this.#socket = secure;
    this.#detach = this.#attach(secure);
    const waited = await this.#until(() => established || this.#problem !== null, HANDSHAKE_MS, signal);
    const problem = waited ?? this.#problem;
    if (problem === null) return succeed({ checked: secure.authorized });
    this.destroy();
    if (problem.kind === "aborted") return fail(problem);
    return fail({ kind: "tls", text: `TLS with ${host} failed`, detail: problem.detail ?? problem.text });
  }

  /** Ends the connection in order, for a short time; then it is cut. */
  async close(): Promise<void> {
    this.#socket.end();
    await this.#until(() => this.#problem !== null, CLOSE_MS, null);
    this.destroy();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#detach();
    this.#problem ??= CLOSED;
    // A fault that comes after this concerns nobody, but without a listener it would end the process.
    this.#socket.on("error", () => {});
    this.#socket.destroy();
  }

  #attach(socket: Socket): () => void {
    const onData = (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#queued += chunk.length;
      if (this.#queued >= READ_AHEAD_OCTETS) socket.pause();
      this.#notify();
    };
    const onEnd = () => this.#fail(CLOSED);
    const onError = (error: Error) => this.#fail({ ...CLOSED, detail: error.message });
    const onDrain = () => this.#notify();
    socket.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onError).on("drain", onDrain);
    return () => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onError).off("drain", onDrain);
    };
  }

  #fail(problem: ConnectionProblem): void {
    this.#problem ??= problem;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until something is so; the problem is that it did not come in time. */
  async #until(
    done: () => boolean,
    deadlineMs: number,
    signal: AbortSignal | null,
  ): Promise<ConnectionProblem | null> {
    let stopped: ConnectionProblem | null = null;
    const stop = (problem: ConnectionProblem) => () => {
      stopped ??= problem;
      this.#notify();
    };
    const onAbort = stop({ kind: "aborted", text: "The server is stopping", detail: null });
    const onTimeout = stop({ kind: "timeout", text: "The other server did not answer in time", detail: null });
    if (!done() && signal?.aborted) onAbort();
    const timer = setTimeout(onTimeout, deadlineMs);
    signal?.addEventListener("abort", onAbort);
    try {
      while (!done() && stopped === null) await this.#changed.promise;
      return done() ? null : stopped;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

const CLOSED: ConnectionProblem = { kind: "closed", text: "The connection was lost", detail: null };
