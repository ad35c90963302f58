/**
 * HAProxy in front of the program under test.
 *
 * @module
 */

import { join } from "node:path";
import { freePort, ServerProcess } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const HAPROXY_PROGRAMS: readonly string[] = ["haproxy"];

/** One port of HAProxy and where it leads. */
export interface Passage {
  readonly name: string;
  /** Options of `bind`, such as `ssl crt FILE`. */
  readonly bind?: string;
  /** A port of 127.0.0.1. */
  readonly to: number;
  /** Options of `server`, such as `send-proxy`. */
  readonly server: string;
  /** More lines of the backend, such as `option smtpchk`. */
  readonly more?: readonly string[];
}

/** A running HAProxy. */
export interface RunningHaproxy extends AsyncDisposable {
  port(name: string): number;
  /** How the last health check of each passage that has one ended, such as `L4OK` or `L7OK`. */
  readonly checks: ReadonlyMap<string, string>;
  stop(): Promise<unknown>;
}

/** Starts one with these passages; resolves when each health check that they ask for has ended. */
export async function startHaproxy(folder: string, passages: readonly Passage[]): Promise<RunningHaproxy> {
  const ports = new Map(passages.map(({ name }) => [name, freePort()]));
  const [file, socket] = [join(folder, "haproxy.cfg"), join(folder, "haproxy.sock")];
  const sections = passages.map((passage) => section(passage, ports.get(passage.name) ?? 0));
  await Deno.writeTextFile(file, `${top(socket)}${sections.join("")}`);
  const process = new ServerProcess("haproxy", { args: ["-db", "-f", file] });
  let ended = false;
  void process.ended.then(() => ended = true);
  const wanted = passages.filter(({ server }) => ` ${server} `.includes(" check ")).length;
  let checks = await readChecks(socket);
  while (checks === null || checks.size < wanted) {
    if (ended) throw new Error(`HAProxy has ended:\n${process.output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    checks = await readChecks(socket);
  }
  return {
    port(name) {
      const port = ports.get(name);
      if (port === undefined) throw new RangeError(`Cannot find passage ${name}`);
      return port;
    },
    checks,
    stop: () => process.stop(),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** What HAProxy's socket tells; `null` before it is there. */
async function readChecks(path: string): Promise<ReadonlyMap<string, string> | null> {
  try {
    using socket = await Deno.connect({ transport: "unix", path });
    await socket.write(new TextEncoder().encode("show stat\n"));
    const [head = "", ...rows] = (await new Response(socket.readable).text()).split("\n");
    const [name, server, status] = ["# pxname", "svname", "check_status"].map((one) => head.split(",").indexOf(one));
    const checks = rows.map((row) => row.split(",")).filter((row) => row[server ?? -1] === "mail");
    return new Map(
      checks.map((row) => [row[name ?? -1] ?? "", row[status ?? -1] ?? ""] as const)
        .filter(([, status]) => status !== "" && status !== "INI" && !status.startsWith("*")),
    );
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.ConnectionRefused) return null;
    throw cause;
  }
}

function top(socket: string): string {
  return `global
  stats socket ${socket}
  maxconn 200
defaults
  mode tcp
  timeout connect 10s
  timeout client 5m
  timeout server 5m
  timeout check 10s
`;
}

function section({ name, bind = "", to, server, more = [] }: Passage, port: number): string {
  return `listen ${name}
  bind 127.0.0.1:${port} ${bind}
${more.map((line) => `  ${line}\n`).join("")}  server mail 127.0.0.1:${to} ${server}
`;
}
