/**
 * Where content goes while it arrives: up to 256 KiB stay in memory for the row, more goes to a file of its own.
 *
 * @module
 */

import { concat } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { CONTENT_FOLDER } from "./database.ts";
import type { StoredContent } from "./protocol.ts";

const IN_ROW_OCTETS = 256 * 1024;
const NOTHING = new Uint8Array(0);

/** Takes the content of one mail. Files are written with the asynchronous calls of Deno: threads of the runtime do the work. */
export class ContentWriter {
  readonly #folder: string;
  readonly #path: string;
  #chunks: Uint8Array[] = [];
  #bufferedOctets = 0;
  #file: Deno.FsFile | null = null;
  #problem: "no-space" | "unavailable" | null = null;
  #flushed: Promise<void> = Promise.resolve();
  #sizeOctets = 0;
  #has8bit = false;

  constructor(dir: string, id: string) {
    this.#folder = `${dir}/${CONTENT_FOLDER}`;
    this.#path = `${this.#folder}/${id}`;
  }

  get sizeOctets(): number {
    return this.#sizeOctets;
  }

  get has8bit(): boolean {
    return this.#has8bit;
  }

  /** Takes octets over. Resolves when there is room for more; a problem of the disk shows at `finish`. */
  async write(octets: Uint8Array): Promise<void> {
    this.#sizeOctets += octets.length;
    this.#has8bit ||= hasHighBit(octets);
    if (this.#problem !== null) return;
    this.#chunks.push(octets);
    this.#bufferedOctets += octets.length;
    if (this.#bufferedOctets > IN_ROW_OCTETS) await this.#flush();
  }

  /**
   * Ends the content, whose first octets become `top`. When it is in a file, that and its name in the folder are durable. After a problem
   * nothing is left of it.
   */
  async finish(top: Uint8Array = NOTHING): Promise<Result<StoredContent, "no-space" | "unavailable">> {
    if (top.length > this.#sizeOctets) throw new RangeError("Cannot finish content: it is shorter than its top");
    await this.#flushed;
    if (this.#file === null && this.#problem === null) {
      const octets = concat(...this.#chunks);
      octets.set(top);
      return succeed({ kind: "row", octets });
    }
    await this.#flush();
    try {
      await this.#overwrite(top);
      await this.#file?.sync();
      this.#file?.close();
      this.#file = null;
      using folder = await Deno.open(this.#folder);
      await folder.sync();
    } catch (error) {
      this.#problem ??= problemOf(error);
    }
    if (this.#problem === null) return succeed({ kind: "file" });
    await this.discard();
    return fail(this.#problem);
  }

  /** Takes everything back, a finished file as well. */
  async discard(): Promise<void> {
    await this.#flushed;
    this.#chunks = [];
    this.#file?.close();
    this.#file = null;
    if (this.#sizeOctets <= IN_ROW_OCTETS) return;
    try {
      await Deno.remove(this.#path);
    } catch {
      // It was never made, or is an orphan, which the next start sweeps.
    }
  }

  /** In order, also when the caller does not wait. */
  #flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#writeBuffered());
    return this.#flushed;
  }

  async #writeBuffered(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bufferedOctets = 0;
    if (this.#problem !== null) return;
    try {
      this.#file ??= await Deno.open(this.#path, { createNew: true, write: true, mode: 0o600 });
      const octets = concat(...chunks);
      for (let at = 0; at < octets.length;) at += await this.#file.write(octets.subarray(at));
    } catch (error) {
      this.#problem ??= problemOf(error);
    }
  }

  async #overwrite(top: Uint8Array): Promise<void> {
    if (top.length === 0 || this.#file === null) return;
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (let at = 0; at < top.length;) at += await this.#file.write(top.subarray(at));
  }
}

function hasHighBit(octets: Uint8Array): boolean {
  // A plain loop: this sees every octet that arrives, and `some` with a function is several times slower.
  for (let at = 0; at < octets.length; at++) {
    if ((octets[at] ?? 0) > 0x7f) return true;
  }
  return false;
}

function problemOf(error: unknown): "no-space" | "unavailable" {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ENOSPC" || code === "EDQUOT" ? "no-space" : "unavailable";
}
