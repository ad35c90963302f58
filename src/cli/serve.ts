/**
 * `dokodemo serve`: the server, from its start to its last signal.
 *
 * @module
 */

import type { Command } from "commander";
import { BACKENDS } from "../../backends/registry.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { findUser } from "../config/system_user.ts";
import { isLoopback } from "../lib/network.ts";
import { type LogSink, openLog } from "../log/sink.ts";
import { bindAll } from "../server/bind.ts";
import type { Listener } from "../server/listener.ts";
import { becomeUser, revokeUnused } from "../server/privileges.ts";
import { Server } from "../server/server.ts";
import type { StartProblem } from "../server/standing.ts";
import { lockDataDir, whoLocks } from "../spool/lock.ts";
import { VERSION } from "../version.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { configFile } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { createForeignVerifier } from "./foreign_hash.ts";
import { becomeOwner, makeDataDir } from "./owner.ts";
import { complain } from "./output.ts";

/** The command. */
export const command: CliCommand = {
  build: (): Command =>
    takesConfig(newCommand("serve", "Runs the server until SIGTERM; SIGHUP takes a changed configuration into force."))
      .action(exits(serve)),
};

const EXIT_OF_PROBLEM: Readonly<Record<StartProblem["kind"], number>> = {
  damaged: EXIT.data,
  newer: EXIT.config,
  io: EXIT.cannotCreate,
  config: EXIT.config,
  permission: EXIT.noPermission,
  held: EXIT.tempFail,
};

/** After the second signal. */
const FINAL_MS = 3_000;

async function serve(options: ConfigOption): Promise<number> {
  const began = Date.now();
  const file = configFile(options);
  const loaded = await loadConfig(file, BACKENDS);
  if (!loaded.ok) {
    for (const mistake of loaded.mistakes) complain(mistake);
    return EXIT.config;
  }
  const { config, warnings } = loaded;
  const log = openLog({ format: config.log.format });
  log({ kind: "starting", version: VERSION, config: file, pid: Deno.pid });
  for (const text of warnings) log({ kind: "warning", about: "config", text });
  const allowed = mayRun(config);
  if (allowed !== null) return refuse(log, EXIT.noPermission, allowed);
  if (Deno.uid() === 0 && config.user === null) {
    log({ kind: "warning", about: "root", text: "Runs as root, on loopback only; set user = for more" });
  }
  const bound = bindAll(config.listeners);
  if (!bound.ok) {
    // Where another `serve` has this data_dir the ports are most likely its own, and that is what has to be said.
    const held = await whoLocks(config.dataDir);
    return held === null ? refuse(log, EXIT.unavailable, ...bound.problem) : refuse(log, EXIT.tempFail, held);
  }
  const problem = await dropPrivileges(config);
  if (problem !== null) return refuse(log, problem.exit, problem.message);
  return await serveBound(config, bound.value, { file, log, began });
}

/** Behind the bound addresses, as the service's user. */
async function serveBound(
  config: Config,
  listeners: readonly Listener[],
  { file, log, began }: { readonly file: string; readonly log: LogSink; readonly began: number },
): Promise<number> {
  // sockets, databases and content are for this user alone, whatever the umask was; the two sockets get their own modes.
  Deno.umask(0o077);
  const lock = await lockDataDir(config.dataDir);
  if (!lock.ok) return refuse(log, EXIT_OF_PROBLEM[lock.problem.kind], lock.problem.message);
  await using _lock = lock.value;
  const load = () => loadConfig(file, BACKENDS);
  const parts = { modules: BACKENDS, log, configFile: file, verifyForeign: createForeignVerifier(), load };
  const server = await Server.start(config, listeners, parts);
  if (!server.ok) return refuse(log, EXIT_OF_PROBLEM[server.problem.kind], server.problem.message);
  revokeUnused(config, BACKENDS);
  log({ kind: "ready", ms: Date.now() - began });
  const reason = await untilStopped(server.value, log);
  log({ kind: "stopped", reason });
  log.flush();
  return EXIT.ok;
}

/**
 * Waits for SIGTERM or SIGINT and drains. A second one cuts what is under way and is final: whatever does not end then, a next hop that
 * is silent after the final dot or a folder on a dead file server, is left to the next start.
 */
async function untilStopped(server: Server, log: LogSink): Promise<string> {
  const first = Promise.withResolvers<string>();
  const final = Promise.withResolvers<void>();
  const cut = new AbortController();
  let stopping = false;
  const onStop = (signal: string) => () => {
    if (stopping && !cut.signal.aborted) {
      cut.abort();
      setTimeout(final.resolve, FINAL_MS);
    }
    stopping = true;
    first.resolve(signal);
  };
  const handlers = [["SIGTERM", onStop("SIGTERM")], ["SIGINT", onStop("SIGINT")]] as const;
  const onReload = () => void server.reload();
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  Deno.addSignalListener("SIGHUP", onReload);
  const reason = await first.promise;
  const stopped = server.stop(cut.signal).then(() => true);
  if (!await Promise.race([stopped, final.promise])) {
    log({ kind: "warning", about: "stop", text: "Not everything has come to its end: the next start takes it up" });
  }
  for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
  Deno.removeSignalListener("SIGHUP", onReload);
  return reason;
}

/** Root reads mail of strangers nowhere but on loopback. */
function mayRun(config: Config): string | null {
  if (Deno.uid() !== 0 || config.user !== null) return null;
  const open = [...config.listeners, ...config.http === null ? [] : [config.http]].find(({ host }) =>
    !isLoopback(host)
  );
  if (open === undefined) return null;
  return `Cannot run as root with a listener on ${open.host}: set user =, or start it as its own user (deploy/dokodemo.service does)`;
}

/** Becomes the user of the configuration, or the owner of `data_dir`; for anybody but root it only makes the folder. */
async function dropPrivileges(
  { dataDir, user }: Config,
): Promise<{ readonly exit: number; readonly message: string } | null> {
  if (user === null || Deno.uid() !== 0) {
    const owner = await becomeOwner(dataDir, { user });
    return owner.ok ? null : owner.problem;
  }
  const made = await makeDataDir(dataDir, user);
  if (!made.ok) return made.problem;
  const found = await findUser(user);
  if (!found.ok) return { exit: EXIT.config, message: found.problem };
  const became = becomeUser(found.value);
  return became.ok ? null : { exit: EXIT.noPermission, message: became.problem };
}

function refuse(log: LogSink, exit: number, ...messages: readonly string[]): number {
  for (const message of messages) log({ kind: "alarm", about: "start", text: message });
  log.flush();
  for (const message of messages) complain(message);
  return exit;
}
