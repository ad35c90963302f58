/**
 * A client's connection as SMTP needs it: lines, content, replies, and a change to TLS under way. Replies wait until the client has to be
 * waited for, so that those to a pipelined group go out together. Time is not this file's matter: whoever holds a transport ends it when
 * a deadline has passed.
 *
 * @module
 */

import type tls from "node:tls";
import { type BadLine, splitLine } from "../smtp/line_splitter.ts";
import { BareLfDecoder } from "../smtp/bare_lf_decoder.ts";
import { type ContentProblem, DotDecoder } from "../smtp/dot_decoder.ts";
import {
  bareStream,
  type EndedBecause,
  type OctetStream,
  secureStream,
  type TlsFacts,
  TransportEnded,
} from "./octet_stream.ts";

const SMALL = 2 * 1024;
const LARGE = 64 * 1024;
const ENCODER = new TextEncoder();

/** One line without its CRLF, valid until the next call; or why it is none; `null` at the end of input. */
export type Line = Uint8Array | { readonly bad: BadLine } | null;

/** A connection from its accept to its end. All rejections are `TransportEnded`. */
export class Transport {
  #stream: OctetStream;
  readonly #conn: Deno.Conn;
  #buffer = new Uint8Array(SMALL);
  #start = 0;
  #end = 0;
  #output = "";
  #ended: EndedBecause | null = null;
  #octetsRead = 0;
  #onBareLf: ((lines: number) => void) | null = null;
  #contentToo = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#stream = bareStream(conn);
  }

  /** How many octets the client has sent; a slow one is told by it. */
  get octetsRead(): number {
    return this.#octetsRead;
  }

  /** Why it ended, or `null`. */
  get ended(): EndedBecause | null {
    return this.#ended;
  }

  /** Whether replies wait to be sent. */
  get hasOutput(): boolean {
    return this.#output !== "";
  }

  /** From now on lines, with `content` those of content too, may end in LF alone, and `onBareLf` is told of each; `null`: they may not. */
  tolerateBareLf(onBareLf: ((lines: number) => void) | null, { content }: { readonly content: boolean }): void {
    this.#onBareLf = onBareLf;
    this.#contentToo = content;
  }

  /** Reads a line. One that is too long, or has a bare CR or LF, is dropped up to its LF. */
  async readLine(limitOctets: number): Promise<Line> {
    let tooLong = false;
    if (this.#start === this.#end) this.#shrink();
    for (let from = this.#start;;) {
      const mayEndInLf = this.#onBareLf !== null;
      const range = { start: this.#start, from, end: this.#end, mayEndInLf };
      const found = splitLine(this.#buffer, range, limitOctets);
      if (found.kind === "more") {
        if (tooLong || this.#end - this.#start > limitOctets + 1) {
          tooLong = true;
          this.#start = this.#end;
        }
        const held = this.#end - this.#start;
        if (await this.#fill() === 0) return null;
        from = this.#start + held;
        continue;
      }
      const line = this.#buffer.subarray(this.#start, found.kind === "line" ? found.end : found.next);
      this.#start = found.next;
      if (tooLong) return { bad: "too-long" };
      if (found.kind === "bad") return { bad: found.why };
      if (found.bareLf === true) this.#onBareLf?.(1);
      return line;
    }
  }

  /**
   * Reads the content after DATA to its end, whatever it holds, and gives it to `emit` decoded, piece by piece. A piece is valid only
   * inside the call. The result is the first thing found wrong.
   */
  async readContent(emit: (piece: Uint8Array) => void | Promise<void>): Promise<ContentProblem | null> {
    const lenient = this.#onBareLf !== null && this.#contentToo ? new BareLfDecoder() : null;
    const decoder = lenient ?? new DotDecoder();
    const pieces: Uint8Array[] = [];
    try {
      for (;;) {
        if (this.#start === this.#end) await this.#need();
        const count = decoder.decode(this.#buffer.subarray(this.#start, this.#end), (piece) => pieces.push(piece));
        this.#start += count;
        // Most pieces are only copied: to await nothing would cost a turn of the event loop for each line with a dot.
        for (const piece of pieces) {
          const taken = emit(piece);
          if (taken !== undefined) await taken;
        }
        pieces.length = 0;
        if (decoder.ended) return decoder.problem;
        if (this.#buffer.length < LARGE) this.#resize(Math.min(LARGE, this.#buffer.length * 4));
      }
    } finally {
      if (lenient !== null && lenient.repaired > 0) this.#onBareLf?.(lenient.repaired);
      this.#shrink();
    }
  }

  /** Reads exactly so many octets and gives them to `emit`, piece by piece, each valid only inside the call. */
  async readOctets(count: number, emit: (piece: Uint8Array) => void | Promise<void>): Promise<void> {
    if (count > SMALL) this.#resize(LARGE);
    for (let left = count; left > 0;) {
      if (this.#start === this.#end) await this.#need();
      const piece = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + left));
      this.#start += piece.length;
      left -= piece.length;
      await emit(piece);
    }
    this.#shrink();
  }

  /**
   * Reads what stands before everything else. `look` sees all octets that are there, from the first on, and answers `null` while it wants
   * more, else its finding and how many of them it has taken; the others stay, also for `upgrade` with `keepInput`. `null` at the end of input.
   */
  async readFirst<Found extends { readonly octets: number }>(
    look: (octets: Uint8Array) => Found | null,
  ): Promise<Found | null> {
    for (;;) {
      const found = look(this.#buffer.subarray(this.#start, this.#end));
      if (found !== null) {
        this.#start += found.octets;
        return found;
      }
      if (await this.#fill() === 0) return null;
    }
  }

  /** Queues ASCII text. It goes out before the next read that has to wait, by `flush`, `upgrade` or `close`. */
  write(text: string): void {
    this.#output += text;
  }

  /** Sends what is queued. */
  async flush(): Promise<void> {
    if (this.#output === "") return;
    this.#check();
    const octets = ENCODER.encode(this.#output);
    this.#output = "";
    try {
      await this.#stream.write(octets);
    } catch (cause) {
      throw this.#die("peer", cause);
    }
  }

  /**
   * Changes to TLS: after the reply to STARTTLS, or at once for implicit TLS. No read may be under way.
   * What the client sent before the handshake is thrown away (RFC 3207 section 4.2, CVE-2011-0411), unless it is the handshake's beginning,
   * read with what stood before it: `keepInput`.
   */
  async upgrade(
    secureContext: tls.SecureContext,
    { limitMs, keepInput }: { readonly limitMs: number; readonly keepInput: boolean },
  ): Promise<TlsFacts> {
    await this.flush();
    this.#check();
    const first = keepInput ? this.#buffer.slice(this.#start, this.#end) : new Uint8Array();
    this.#start = this.#end = 0;
    try {
      const { stream, facts } = await secureStream(this.#conn, { secureContext, limitMs, first });
      this.#stream = stream;
      return facts;
    } catch (cause) {
      throw this.#die(cause instanceof TransportEnded ? cause.because : "tls", cause);
    }
  }

  /** Sends what is queued, then `close_notify` or FIN, and then everything is freed; `abort` ends the wait for a peer that does not read. */
  async close(): Promise<void> {
    if (this.#ended !== null) return;
    try {
      await this.flush();
      this.#ended ??= "closed";
      await this.#stream.finish();
    } catch {
      // The peer is gone, or does not read: what follows frees it all the same.
    }
    this.#ended ??= "closed";
    this.#stream.destroy();
  }

  /** Ends the connection without a word. */
  abort(because: EndedBecause): void {
    this.#die(because);
  }

  async #need(): Promise<void> {
    if (await this.#fill() === 0) throw this.#die("peer");
  }

  /** Reads once behind what is there. */
  async #fill(): Promise<number> {
    if (this.#output !== "") await this.flush();
    this.#check();
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#end === this.#buffer.length) this.#resize(this.#start === 0 ? this.#end * 2 : this.#buffer.length);
    try {
      const count = await this.#stream.read(this.#buffer.subarray(this.#end));
      if (this.#ended !== null) throw new TransportEnded(this.#ended);
      this.#end += count;
      this.#octetsRead += count;
      return count;
    } catch (cause) {
      throw this.#die("peer", cause);
    }
  }

  /** Moves what is there to the start of a buffer of this size. */
  #resize(size: number): void {
    const into = size === this.#buffer.length ? this.#buffer : new Uint8Array(size);
    if (into === this.#buffer) into.copyWithin(0, this.#start, this.#end);
    else into.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = into;
    this.#end -= this.#start;
    this.#start = 0;
  }

  #shrink(): void {
    if (this.#buffer.length > SMALL && this.#end - this.#start < SMALL) this.#resize(SMALL);
  }

  #check(): void {
    if (this.#ended !== null) throw new TransportEnded(this.#ended);
  }

  #die(because: EndedBecause, cause?: unknown): TransportEnded {
    this.#ended ??= because;
    this.#stream.destroy();
    return new TransportEnded(this.#ended, cause);
  }
}
