/**
 * `dokodemo plugin-host`, which no help shows: the process in which a plugin of the backend `custom` runs. It speaks the protocol of
 * helpers on standard input and output, and whoever started it kills it when the plugin does not answer.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import type { Result } from "../lib/result.ts";
import { TextLineStream } from "./text_lines.ts";
import { EXIT } from "./exit.ts";
import { complain, writeErr, writeOut } from "./output.ts";

/** What the plugin may do and use. */
interface HostOptions {
  readonly net: Grant;
  readonly read: Grant;
  readonly env: Grant;
  readonly run: Grant;
  /** Octets that this process may have in memory. */
  readonly memory: number;
}

type Grant = boolean | string[];

const MEMORY_CHECK_MS = 50;

/** Loads the file and answers until standard input ends. The second argument is JSON, made by the backend. */
export async function hostPlugin([file, json]: readonly string[]): Promise<number> {
  const options = file === undefined || json === undefined ? null : readOptions(json);
  if (file === undefined || options === null) {
    complain("plugin-host is for the backend custom, not for people");
    return EXIT.usage;
  }
  // They are meant for the server: a ^C at its terminal, a reload.
  for (const signal of ["SIGHUP", "SIGINT"] as const) Deno.addSignalListener(signal, () => {});
  const failed = Promise.withResolvers<number>();
  const worker = startWorker(pathToFileURL(file), options);
  worker.onmessage = ({ data }: MessageEvent<Result<string, string>>) => {
    if (data.ok) return writeOut(`${data.value}\n`);
    writeErr(`Cannot load ${file}: ${data.problem}\n`);
    failed.resolve(EXIT.data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    writeErr(`${file} has come to an end\n`);
    failed.resolve(EXIT.software);
  };
  const { memory } = options;
  setInterval(() => {
    if (Deno.memoryUsage().rss < memory) return;
    writeErr(`${file} has filled its memory of ${Math.round(memory / 1024 ** 2)} MiB\n`);
    Deno.exit(EXIT.tempFail);
  }, MEMORY_CHECK_MS);
  return await Promise.race([failed.promise, forward(worker)]);
}

function startWorker(url: URL, { net, read, env, run }: HostOptions): Worker {
  // The file is read by the Worker, and what it imports stands beside it.
  const folder = new URL(".", url);
  const readable = read === true ? true : [decodeURIComponent(folder.pathname), ...read === false ? [] : read];
  const permissions: Deno.PermissionOptionsObject = {
    ...{ net, env, run, read: readable },
    ...{ write: false, ffi: false, sys: false, import: false },
  };
  const worker = new Worker(new URL("./plugin_worker.ts", import.meta.url), { type: "module", deno: { permissions } });
  worker.postMessage(url.href);
  return worker;
}

async function forward(worker: Worker): Promise<number> {
  for await (const line of Deno.stdin.readable.pipeThrough(new TextLineStream())) worker.postMessage(line);
  return EXIT.ok;
}

function readOptions(json: string): HostOptions | null {
  try {
    const { net, read, env, run, memory }: Record<string, unknown> = JSON.parse(json);
    if (typeof memory !== "number") return null;
    return { net: grantOf(net), read: grantOf(read), env: grantOf(env), run: grantOf(run), memory };
  } catch {
    return null;
  }
}

function grantOf(given: unknown): Grant {
  if (Array.isArray(given)) return given.filter((each) => typeof each === "string");
  return given === true;
}
