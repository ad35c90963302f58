/**
 * `dokodemo health`
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir, requestOverSocket } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

const WAIT_MS = 10_000;

/** Asks the running server whether it can do its job: 0 when it can, 69 when it cannot or does not answer. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("health", "Asks the running server whether it can do its job: exit 0 when it can, else 69."))
      .option("--url <URL>", "ask there instead of the sockets in data_dir, such as http://127.0.0.1:8025")
      .option("--json", "print one array of objects with name, status and reason; only the control socket gives them")
      .action(exits(run)),
};

interface HealthOptions extends ConfigOption {
  readonly url?: string;
  readonly json?: boolean;
}

async function run(options: HealthOptions): Promise<number> {
  const answer = options.url === undefined ? await askSockets(options.config) : await askUrl(options.url);
  if (!answer.ok) {
    complain(answer.problem);
    return EXIT.unavailable;
  }
  const { status, body } = answer.value;
  if (options.json === true) print(JSON.stringify(checksOf(body), null, 2));
  else for (const line of describe(body)) print(line);
  if (status === 200) return EXIT.ok;
  if (status !== 503) complain(`The server answers with ${status}: is it another program?`);
  return EXIT.unavailable;
}

/** The control socket tells the reasons; the public one answers whoever may not open that. */
async function askSockets(config: string | undefined) {
  const dataDir = await findDataDir(config);
  if (!dataDir.ok) return dataDir;
  const request = { method: "GET", path: "/health/ready", timeoutMs: WAIT_MS } as const;
  const control = await requestOverSocket(`${dataDir.value}/control.sock`, request);
  if (control.ok) return control;
  const open = await requestOverSocket(`${dataDir.value}/public.sock`, request);
  if (open.ok) return open;
  const none = control.problem.kind === "no-server" && open.problem.kind === "no-server";
  return fail(none ? `No server runs on ${dataDir.value}` : `${control.problem.message}; ${open.problem.message}`);
}

async function askUrl(url: string): Promise<Result<{ readonly status: number; readonly body: unknown }, string>> {
  const base = URL.parse(url);
  if (base === null || !/^https?:$/.test(base.protocol)) return fail(`Cannot ask ${printable(url)}: it is no http URL`);
  try {
    const response = await fetch(new URL("/health/ready", base), { signal: AbortSignal.timeout(WAIT_MS) });
    const text = await response.text();
    return succeed({
      status: response.status,
      body: response.status === 200 || response.status === 503 ? JSON.parse(text) : null,
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return fail(`Cannot ask ${base.origin}: ${cause instanceof Error ? printable(cause.message) : "unknown reason"}`);
  }
}

/** The status, then a line for each part that is not well. */
function describe(report: unknown): readonly string[] {
  return [
    textOf(report, "status"),
    ...checksOf(report)
      .filter(({ status }) => status !== "ok")
      .map(({ name, status, reason }) => `${name}: ${status}: ${reason ?? ""}`),
  ].filter((line) => line !== "");
}

/** The parts. The answer is of another process: nothing in it is taken for granted. */
function checksOf(
  report: unknown,
): readonly { readonly name: string; readonly status: string; readonly reason: string | null }[] {
  const checks: unknown = Reflect.get(Object(report), "checks");
  return (Array.isArray(checks) ? checks : []).map((check: unknown) => ({
    name: textOf(check, "name"),
    status: textOf(check, "status"),
    reason: textOf(check, "reason") || null,
  }));
}

function textOf(value: unknown, key: string): string {
  const text: unknown = Reflect.get(Object(value), key);
  return typeof text === "string" ? printable(text, 500) : "";
}
