/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/**
 * The Worker in which a plugin lives: it has the permissions that the configuration grants, and answers lines with lines.
 *
 * @module
 */

import { askPlugin, findPlugin, type Plugin, whereThrown } from "../../backends/lib/plugin.ts";
import { succeed } from "../lib/result.ts";

const asked = new Map<unknown, AbortController>();
let loading: Promise<Plugin | null> | null = null;

sendConsoleToStandardError();
// What nobody in the plugin has caught is told without its message, as everything that is thrown after a question: it may quote it.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tellUncaught(event.reason);
});
self.addEventListener("error", (event) => {
  event.preventDefault();
  tellUncaught(event.error);
});

// The first message is the address of the file; each of the others is a line.
self.onmessage = async ({ data }: MessageEvent<unknown>) => {
  if (typeof data !== "string") return;
  if (loading === null) {
    loading = load(data);
    return;
  }
  const plugin = await loading;
  if (plugin !== null) await answer(plugin, JSON.parse(data));
};

async function load(url: string): Promise<Plugin | null> {
  const found = await import(url).then(findPlugin, (error) => {
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : "it throws what is no error";
    return { ok: false, problem: problem.replaceAll(/\s+/g, " ") } as const;
  });
  self.postMessage(found.ok ? succeed(JSON.stringify({ dokodemo: 1, cancel: true })) : found);
  return found.ok ? found.value : null;
}

async function answer(plugin: Plugin, { id, ...fields }: { readonly id: unknown; readonly kind: unknown }) {
  if (fields.kind === "cancel") {
    const controller = asked.get(id);
    if (controller === undefined) return;
    asked.delete(id);
    controller.abort();
    return write({ id, kind: "unavailable", cause: "given up" });
  }
  const controller = new AbortController();
  asked.set(id, controller);
  const told = await askPlugin(plugin, fields, controller.signal);
  if (asked.delete(id)) write({ ...told, id });
}

function write(fields: Readonly<Record<string, unknown>>): void {
  self.postMessage(succeed(JSON.stringify(fields)));
}

/** Standard output is for answers. */
function sendConsoleToStandardError(): void {
  const { console } = self;
  for (const method of ["log", "info", "debug"] as const) console[method] = console.error;
}

function tellUncaught(error: unknown): void {
  self.console.error(`nobody has caught ${whereThrown(error)}`);
}
