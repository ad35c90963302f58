/**
 * Runs commands of this program as processes, as a user would.
 *
 * @module
 */

import { TextLineStream } from "./text_lines.ts";

/** A server process of the demo. */
export interface DemoServer extends AsyncDisposable {
  /** `host:port` by the listener's name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Deno.CommandStatus>;
}

/** Runs a command to its end; a failure rejects with what it said. */
export async function runCommand(args: readonly string[], input: string): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...ownArguments(), ...args],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const [said, status] = await Promise.all([new Response(child.stderr).text(), child.status]);
  if (!status.success) throw new Error(`dokodemo ${args.join(" ")} ended with ${status.code}: ${said.trim()}`);
}

/** Starts `serve` and waits for its "ready". Its log, but for that, goes to a file. */
export async function startServer(config: string, logFile: string): Promise<DemoServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...ownArguments(), "serve", "--config", config],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const log = await Deno.open(logFile, { create: true, append: true, mode: 0o600 });
  const ready = Promise.withResolvers<void>();
  const addresses = new Map<string, string>();
  const lines = child.stdout.pipeThrough(new TextLineStream());
  const copied = (async () => {
    for await (const line of lines) {
      await log.write(new TextEncoder().encode(`${line}\n`));
      noteEvent(line, addresses, ready.resolve);
    }
    log.close();
    ready.reject(new Error(`serve has ended before it was ready, see ${logFile}`));
  })();
  await ready.promise;
  return {
    addresses,
    ended: child.status,
    [Symbol.asyncDispose]: async () => {
      endProcess(child);
      await child.status;
      await copied;
    },
  };
}

function noteEvent(line: string, addresses: Map<string, string>, ready: () => void): void {
  const event: unknown = JSON.parse(line);
  if (typeof event !== "object" || event === null || !("kind" in event)) return;
  if (event.kind === "ready") ready();
  if (event.kind !== "listening" || !("listener" in event) || !("address" in event)) return;
  if (typeof event.listener === "string" && typeof event.address === "string") {
    addresses.set(event.listener, event.address);
  }
}

function endProcess(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended already.
  }
}

/** The compiled program is itself; from the tree it is Deno with `main.ts`. */
function ownArguments(): readonly string[] {
  if (Deno.build.standalone) return [];
  return ["run", "-A", "--quiet", new URL("../main.ts", import.meta.url).pathname];
}
