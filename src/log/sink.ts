/**
 * Where events go: standard output, one line each, written together once a turn of the event loop.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import type { Log, LogEvent } from "./event.ts";
import { jsonLine, textLine } from "./format.ts";

/** A log that can be emptied; `log(event)` as everywhere. */
export interface LogSink extends Log {
  /** Writes what still waits. For the end of the program; it happens by itself at `Deno.exit`. */
  flush(): void;
}

/** How to log. */
export interface LogOptions {
  /** `auto`: text for a terminal, else JSON. */
  readonly format: "auto" | "text" | "json";
  /** Whether it goes to a terminal. Default: standard output is asked. */
  readonly terminal?: boolean;
  /** Takes octets, tells how many. Default: standard output. */
  readonly write?: (octets: Uint8Array) => number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** While a non-blocking output is full this much waits; lines after it are dropped and counted. */
const WAITING_LIMIT = 4 * 1024 * 1024;
const FULL_WAIT_MS = 50;

/** Opens the log. It never throws: when its reader has gone it goes on in silence. */
export function openLog(options: LogOptions): LogSink {
  const terminal = options.terminal ?? Deno.stdout.isTerminal();
  const text = options.format === "text" || (options.format === "auto" && terminal);
  const color = terminal && !Deno.noColor;
  const now = options.now ?? Date.now;
  const writer = new LineWriter(options.write ?? ((octets) => Deno.stdout.writeSync(octets)));

  const format = (event: LogEvent): string => {
    const time = new Date(now()).toISOString();
    return text ? textLine(event, time, { color }) : jsonLine(event, time);
  };
  const log = (event: LogEvent): void => {
    const lost = writer.takeLost();
    if (lost > 0) {
      writer.add(format({ kind: "alarm", about: "log", text: `${lost} lines were lost, the log is read too slowly` }));
    }
    writer.add(format(event));
  };
  globalThis.addEventListener("unload", () => writer.flush());
  return Object.assign(log, { flush: () => writer.flush() });
}

/** Gathers lines and writes them in the next turn of the event loop. */
class LineWriter {
  readonly #write: (octets: Uint8Array) => number;
  #lines: string[] = [];
  #waiting = 0;
  /** What an output that became full has not taken yet. */
  #rest = new Uint8Array();
  #lost = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  constructor(write: (octets: Uint8Array) => number) {
    this.#write = write;
  }

  add(line: string): void {
    if (this.#closed) return;
    if (this.#waiting + line.length > WAITING_LIMIT) {
      this.#lost++;
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length;
    this.#timer ??= setTimeout(() => this.flush(), 0);
  }

  /** How many lines were dropped, once there is room again. */
  takeLost(): number {
    if (this.#waiting > WAITING_LIMIT / 2) return 0;
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    try {
      while (this.#rest.length > 0 || this.#lines.length > 0) {
        if (this.#rest.length === 0) {
          this.#rest = utf8(`${this.#lines.join("\n")}\n`);
          this.#lines = [];
          this.#waiting = 0;
        }
        this.#rest = this.#rest.subarray(this.#write(this.#rest));
      }
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) this.#timer = setTimeout(() => this.flush(), FULL_WAIT_MS);
      else this.#close();
    }
  }

  #close(): void {
    this.#closed = true;
    this.#lines = [];
    this.#rest = new Uint8Array();
  }
}
