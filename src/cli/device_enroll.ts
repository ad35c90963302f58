/**
 * `dokodemo device enroll`: opens a window in the running server, and tells what it sees until the device is bound or the time is over.
 *
 * @module
 */

import { z } from "zod";
import { printable } from "../lib/text.ts";
import type { ConfigOption } from "./command.ts";
import { findDataDir, requestOverSocket, type SocketAnswer } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

/** Its options. */
export interface EnrollOptions extends ConfigOption {
  readonly network?: string;
  readonly json?: boolean;
}

const POLL_MS = 500;

const binding = z.object({ address: z.string(), channel: z.string() }).nullable();
const seenSchema = z.object({
  at: z.string(),
  remote: z.string(),
  mechanism: z.string(),
  tls: z.string().nullable(),
  helo: z.string().nullable(),
  userName: z.string().nullable(),
  result: z.string(),
  reason: z.string(),
  correction: z.string(),
});
const enrolmentSchema = z.object({
  device: z.string(),
  ends: z.string(),
  seen: z.array(seenSchema),
  bound: binding,
});

type Seen = z.output<typeof seenSchema>;
type Enrolment = z.output<typeof enrolmentSchema>;

const CORRECTIONS: ReadonlyMap<string, (device: string) => string> = new Map([
  ["user-name", (device: string) => `set its user name to ${device}`],
  ["password", () => "its password is wrong: type it again, or make a new one (dokodemo device passwd)"],
  ["channel", () => "the password is right, but this channel is not its own: dokodemo device set --channel"],
  ["protocol", () => "it breaks the exchange off: try another mechanism or channel"],
  ["try-again", () => "it cannot be judged now: let it try again"],
]);

/** Exit code 0 when the device is bound, 75 when nothing came in time, 69 without a server. */
export async function enroll(name: string, options: EnrollOptions): Promise<number> {
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) return told(dataDir.problem, EXIT.unavailable);
  const socket = `${dataDir.value}/control.sock`;
  const path = `/api/v1/devices/${encodeURIComponent(name)}/enrolment`;
  const body = { network: options.network ?? null };
  const opened = await requestOverSocket(socket, { method: "POST", path, body });
  if (!opened.ok) {
    const none = opened.problem.kind === "no-server";
    const message = none ? "No server runs: a window is open in a running server alone" : opened.problem.message;
    return told(message, opened.problem.kind === "no-permission" ? EXIT.noPermission : EXIT.unavailable);
  }
  const window = read(opened.value);
  if (window === null) return refusedBy(opened.value, name);
  if (options.json !== true) {
    const where = options.network === undefined ? "everywhere" : printable(options.network, 60);
    print(
      `Until ${window.ends} logins from ${where} are shown. Let ${window.device} send something now (Ctrl-C ends this)`,
    );
  }
  return await watch({ socket, path, device: window.device, json: options.json === true });
}

interface Watched {
  readonly socket: string;
  readonly path: string;
  readonly device: string;
  readonly json: boolean;
}

async function watch({ socket, path, device, json }: Watched): Promise<number> {
  const stopped = Promise.withResolvers<"stopped">();
  const stop = () => stopped.resolve("stopped");
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  let shown = "";
  try {
    for (;;) {
      const answer = await requestOverSocket(socket, { method: "GET", path });
      if (!answer.ok) return told(answer.problem.message, EXIT.unavailable);
      const window = read(answer.value);
      if (window === null) return told("The time is over: no login with its password came", EXIT.tempFail);
      shown = tellSeen(window, { shown, json });
      if (window.bound !== null) return tellBound(window, json);
      const { promise, resolve } = Promise.withResolvers<"again">();
      const timer = setTimeout(() => resolve("again"), POLL_MS);
      const next = await Promise.race([promise, stopped.promise]);
      clearTimeout(timer);
      if (next === "stopped") {
        await requestOverSocket(socket, { method: "DELETE", path });
        return told(`The window of ${printable(device, 300)} is closed, nothing was changed`, EXIT.tempFail);
      }
    }
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

/** Tells those that come behind the one that was told last, and gives that of now. */
function tellSeen(
  { device, seen }: Enrolment,
  { shown, json }: { readonly shown: string; readonly json: boolean },
): string {
  const keys = seen.map((one) => JSON.stringify(one));
  for (const one of seen.slice(keys.lastIndexOf(shown) + 1)) {
    if (json) print(JSON.stringify(one));
    else for (const line of describe(one, device)) print(line);
  }
  return keys.at(-1) ?? shown;
}

function describe({ at, remote, mechanism, tls, helo, userName, result, reason, correction }: Seen, device: string) {
  const by = `${mechanism} ${tls === null ? "without TLS" : `with ${tls}`}`;
  const names = `user name ${quoted(userName)}, HELO ${quoted(helo)}`;
  const words = CORRECTIONS.get(correction)?.(printable(device, 300));
  return [
    `${at.slice(11, 19)} ${printable(remote, 60)}: ${by}, ${names}: ${result} (${printable(reason)})`,
    ...words === undefined ? [] : [`         ${words}`],
  ];
}

function tellBound({ device, bound }: Enrolment, json: boolean): number {
  if (bound === null) return EXIT.tempFail;
  if (json) print(JSON.stringify({ device, ...bound }));
  else print(`${printable(device, 300)} is bound to ${bound.address}, channel ${bound.channel}`);
  return EXIT.ok;
}

function quoted(text: string | null): string {
  return text === null ? "none" : `"${printable(text, 80)}"`;
}

function read({ status, body }: SocketAnswer): Enrolment | null {
  const parsed = enrolmentSchema.safeParse(body);
  return (status === 200 || status === 201) && parsed.success ? parsed.data : null;
}

function refusedBy({ status, body }: SocketAnswer, name: string): number {
  const detail: unknown = Reflect.get(Object(body), "detail");
  const reason = typeof detail === "string" ? detail : `the server answers with ${status}`;
  complain(`Cannot open a window for ${printable(name, 80)}: ${printable(reason)}`);
  return status === 404 ? EXIT.data : status === 422 ? EXIT.usage : EXIT.unavailable;
}

function told(message: string, exit: number): number {
  complain(message);
  return exit;
}
