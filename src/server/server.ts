/**
 * The running server: what is bound, the generation in force, start, reload and stop.
 *
 * @module
 */

import type { VerifyForeign } from "../accounts/account_store.ts";
import type { Config, HttpConfig } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { systemClock } from "../delivery/clock.ts";
import { type Delivery, openDelivery } from "../delivery/open_delivery.ts";
import { type Scheduler, startScheduler } from "../delivery/scheduler.ts";
import { type HealthReport, probeHealth, shared } from "../http/health.ts";
import type { Metrics } from "../http/metrics/metrics.ts";
import type { HttpServer } from "../http/sockets.ts";
import { createWebhooks, type Webhooks } from "../http/webhooks/webhooks.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { type Tee, teeLog } from "../log/tee.ts";
import { buildGeneration } from "./assemble.ts";
import { createAutoBans } from "./auto_bans.ts";
import { rebind } from "./bind.ts";
import { Connections } from "./connections.ts";
import type { Generation } from "./generation.ts";
import type { Listener } from "./listener.ts";
import { makeMaildrop } from "./maildrop/folder.ts";
import { Maildrop } from "./maildrop/maildrop.ts";
import { measured, metricSources } from "./metric_sources.ts";
import type { BackendModules } from "./open_backend.ts";
import { simulate } from "./simulate.ts";
import { createSidecar, type Sidecar } from "./sidecar.ts";
import { openHttp, openSockets, type SocketParts } from "./sockets.ts";
import { createStartQueue, type StartQueue } from "./start_queue.ts";
import { Standing, type StartProblem } from "./standing.ts";

const HEALTH_DEADLINE_MS = 5_000;
const HEALTH_KEPT_MS = 1_000;

/** What a server is started with. */
export interface ServerParts {
  readonly modules: BackendModules;
  readonly log: Log;
  /** For log lines. */
  readonly configFile: string;
  /** Checks password hashes that were imported. Absent: their logins are outages. */
  readonly verifyForeign?: VerifyForeign;
  /** Reads the configuration again. */
  load(): Promise<LoadedConfig>;
}

/** The same; the metrics count what is logged. */
interface MeasuredParts extends ServerParts {
  readonly tee: Tee;
  readonly metrics: Metrics;
}

/** One configuration and what delivers by it. */
interface Alive {
  readonly generation: Generation;
  readonly delivery: Delivery;
}

/** A server between start and stop. */
export class Server {
  readonly #parts: MeasuredParts;
  readonly #standing: Standing;
  readonly #connections: Connections;
  readonly #scheduler: Scheduler;
  readonly #health: () => Promise<HealthReport>;
  readonly #sidecar: Sidecar;
  readonly #startQueue: StartQueue;
  readonly #webhooks: Webhooks;
  readonly #started = Date.now();
  readonly #sessionPrefix = Math.floor(Date.now() / 1000).toString(36);
  readonly #retiring = new Set<Promise<void>>();
  #alive: Alive;
  #listeners: readonly Listener[];
  #http: HttpServer | null = null;
  #sockets: AsyncDisposable | null = null;
  #maildrop: Maildrop | null = null;
  #sessions = 0;
  #reloading: Promise<unknown> = Promise.resolve();
  #stopping = false;

  private constructor(parts: MeasuredParts, standing: Standing, alive: Alive, listeners: readonly Listener[]) {
    this.#parts = parts;
    this.#standing = standing;
    this.#alive = alive;
    this.#listeners = listeners;
    this.#connections = new Connections(alive.generation.config.limits, Date.now);
    const { settings } = alive.delivery;
    this.#scheduler = startScheduler({ spool: standing.spool, log: parts.log, clock: systemClock, settings });
    standing.onDue(() => this.#scheduler.kick());
    const forgive = () => this.#scheduler.forgive();
    this.#startQueue = createStartQueue({ spool: standing.spool, before: forgive, now: Date.now });
    this.#health = shared(() => this.#probe(), { keepMs: HEALTH_KEPT_MS, now: Date.now });
    parts.metrics.measure(metricSources({
      health: this.#health,
      spool: standing.spool,
      connections: this.#connections,
      scheduler: this.#scheduler,
      limits: standing.limits,
      current: () => this.#alive.generation,
      bans: () => ({ inForce: standing.records.bans.list(Date.now()).length, turnedAway: standing.turnedAway }),
    }));
    this.#sidecar = this.#createSidecar();
    parts.tee.add(this.#sidecar.note);
    parts.tee.add((event) => standing.enrolments.note(event));
    this.#webhooks = createWebhooks({
      outbox: standing.records.outbox,
      log: parts.log,
      clock: systemClock,
      settings: () => this.#alive.generation.config,
      census: () => standing.spool.census(),
      certificateEnds: () => this.#alive.generation.parts.certificate?.expires ?? null,
    });
    parts.tee.add(this.#webhooks.note);
    parts.tee.add(createAutoBans({
      ...{ log: parts.log, now: Date.now, records: standing.records },
      isKnown: (network, since) => standing.guessing.isKnown(network, since),
      config: () => this.#alive.generation.config,
    }));
  }

  /** Opens queue, accounts and sockets, and serves what is bound. The caller holds the lock of `data_dir`; the listeners are the server's from now on. */
  static async start(
    config: Config,
    listeners: readonly Listener[],
    given: ServerParts,
  ): Promise<Result<Server, StartProblem>> {
    const tee = teeLog(given.log);
    const parts = { ...measured({ ...given, log: tee.log }), tee };
    const standing = await Standing.open(config, { ...parts, onCommit: parts.metrics.committed });
    if (!standing.ok) return standing;
    const alive = await bringToLife(config, standing.value, parts);
    if (!alive.ok) {
      await standing.value[Symbol.asyncDispose]();
      return alive;
    }
    const server = new Server(parts, standing.value, alive.value, listeners);
    const sockets = await openSockets(config, server.#socketParts());
    const http = sockets.ok && config.http !== null ? server.#openHttp(config.http, alive.value.generation) : null;
    if (sockets.ok) server.#sockets = sockets.value;
    if (!sockets.ok || http?.ok === false) {
      await server.stop(AbortSignal.abort());
      return fail({ kind: "io", message: !sockets.ok ? sockets.problem : http?.ok === false ? http.problem : "" });
    }
    server.#serve(listeners);
    if (http !== null) server.#serveHttp(http.value);
    await server.#openMaildrop(config.dataDir);
    return succeed(server);
  }

  /** Takes the file as it is now into force: a mistake leaves the old configuration running. One reload after the other. */
  reload(): Promise<Result<void, readonly string[]>> {
    const done = this.#reloading.then(() => this.#stopping ? fail(["the server is stopping"]) : this.#reload());
    this.#reloading = done;
    return done;
  }

  /** Drains: no new connection, no content cut short, then nothing is left open. Aborting `cut` ends the wait. */
  async stop(cut: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    this.#stopping = true;
    for (const listener of this.#listeners) listener.close();
    await this.#reloading;
    // A reload that was under way may have opened others.
    for (const listener of this.#listeners) listener.close();
    if (this.#connections.count > 0) log({ kind: "draining", connections: this.#connections.count });
    // One limit for both: clients and next hops.
    const over = AbortSignal.any([cut, AbortSignal.timeout(this.#alive.generation.config.limits.drainMs)]);
    await this.#maildrop?.[Symbol.asyncDispose]();
    await this.#connections.drain(over);
    await this.#scheduler.stop(over);
    await this.#sockets?.[Symbol.asyncDispose]();
    await this.#http?.[Symbol.asyncDispose]();
    await Promise.all(this.#retiring);
    await this.#retire(this.#alive, Promise.resolve());
    this.#connections[Symbol.dispose]();
    this.#parts.metrics[Symbol.dispose]();
    this.#sidecar[Symbol.dispose]();
    await this.#webhooks[Symbol.asyncDispose]();
    await this.#standing[Symbol.asyncDispose]();
  }

  async #reload(): Promise<Result<void, readonly string[]>> {
    const { log, configFile } = this.#parts;
    const before = this.#alive.generation.config;
    const refuse = (mistakes: readonly string[]): Result<void, readonly string[]> => {
      this.#standing.configure(before);
      log({ kind: "reload-refused", config: configFile, mistakes });
      return fail(mistakes);
    };
    const loaded = await this.#parts.load();
    if (!loaded.ok) return refuse(loaded.mistakes);
    const { config } = loaded;
    const warnings = [...loaded.warnings];
    if (config.dataDir !== before.dataDir) return refuse(["data_dir: a change of it needs a restart"]);
    if (config.user !== before.user) return refuse(["user: a change of it needs a restart"]);
    // A backend looks at the settings of its store when it opens.
    this.#standing.configure(config);
    const alive = await bringToLife(config, this.#standing, this.#parts);
    if (!alive.ok) return refuse([alive.problem.message]);
    const bound = rebind(config.listeners, this.#listeners);
    if (!bound.ok) {
      await this.#retire(alive.value, Promise.resolve());
      return refuse(bound.problem);
    }
    const http = await this.#reopenHttp(this.#alive.generation, alive.value.generation);
    if (!http.ok) {
      for (const listener of bound.value.opened) listener.close();
      await this.#retire(alive.value, Promise.resolve());
      return refuse([http.problem]);
    }
    this.#connections.configure(config.limits);
    const old = this.#alive;
    this.#alive = alive.value;
    this.#listeners = bound.value.listeners;
    bound.value.commit();
    this.#serve(bound.value.opened);
    const delivered = this.#scheduler.configure(alive.value.delivery.settings);
    this.#track(this.#retire(old, delivered).then(() => log({ kind: "retired", config: configFile })));
    if (config.log.format !== before.log.format) warnings.push("log.format: a change of it needs a restart");
    for (const text of warnings) log({ kind: "warning", about: "config", text });
    this.#webhooks.configure();
    log({ kind: "reloaded", config: configFile });
    return succeed(undefined);
  }

  /** Once no connection and no delivery needs it any more. */
  async #retire({ generation, delivery }: Alive, delivered: Promise<void>): Promise<void> {
    await delivered;
    await delivery[Symbol.asyncDispose]();
    await generation.retire();
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((cause) => {
      const text = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
      this.#parts.log({ kind: "bug", where: "reload", id: null, text });
    }).finally(() => this.#retiring.delete(tracked));
    this.#retiring.add(tracked);
  }

  #serve(listeners: readonly Listener[]): void {
    for (const listener of listeners) {
      const { name, role } = listener.config;
      void listener.run({
        connections: this.#connections,
        log: this.#parts.log,
        now: Date.now,
        current: () => this.#alive.generation,
        startQueue: this.#startQueue,
        isBanned: (remote) => this.#standing.isBanned(remote),
        nextSession: () => `${this.#sessionPrefix}-${(++this.#sessions).toString(36)}`,
      });
      this.#parts.log({ kind: "listening", listener: name, address: listener.address, role });
    }
  }

  #serveHttp(http: HttpServer): void {
    this.#http = http;
    this.#parts.log({ kind: "listening", listener: "http", address: http.address, role: "http" });
  }

  async #openMaildrop(dataDir: string): Promise<void> {
    const { log } = this.#parts;
    const folder = await makeMaildrop(dataDir);
    if (!folder.ok) return log({ kind: "warning", about: "maildrop", text: folder.problem });
    const { spool } = this.#standing;
    this.#maildrop = new Maildrop({ folder: folder.value, spool, log, current: () => this.#alive.generation });
  }

  #openHttp(config: HttpConfig, { parts: { certificate } }: Generation): Result<HttpServer, string> {
    return openHttp(config, { parts: this.#socketParts(), certificate });
  }

  async #reopenHttp(before: Generation, after: Generation): Promise<Result<void, string>> {
    const [old, next] = [before.config.http, after.config.http];
    const sameAddress = old?.host === next?.host && old?.port === next?.port;
    if (sameAddress && old?.tls !== next?.tls) {
      return fail("http.tls: a change of it needs a restart, or another address");
    }
    const sameCertificate = before.parts.certificate?.pem.cert === after.parts.certificate?.pem.cert;
    if (sameAddress && (next?.tls !== true || sameCertificate)) return succeed(undefined);
    const opened = next === null ? null : this.#openHttp(next, after);
    if (opened?.ok === false) return opened;
    const closing = this.#http?.[Symbol.asyncDispose]();
    this.#http = null;
    if (opened !== null) this.#serveHttp(opened.value);
    await closing;
    return succeed(undefined);
  }

  #probe(): Promise<HealthReport> {
    const { config, parts: { backends } } = this.#alive.generation;
    const required = new Set(config.backends.filter(({ control }) => control === "required").map(({ name }) => name));
    return probeHealth({
      listeners: () => this.#states(),
      spool: this.#standing.spool,
      backends: () =>
        backends.map((each) => ({
          name: each.name,
          required: required.has(each.name),
          probe: (signal) => each.probe(signal),
        })),
      certificateEnds: () => this.#alive.generation.parts.certificate?.expires ?? null,
      now: Date.now,
      deadlineMs: HEALTH_DEADLINE_MS,
    });
  }

  #createSidecar(): Sidecar {
    return createSidecar({
      standing: this.#standing,
      log: this.#parts.log,
      health: this.#health,
      current: () => this.#alive.generation.parts,
      onRetry: () => this.#scheduler.forgive(),
      reload: () => this.reload(),
      simulate: (request, { signal }) => simulate(this.#alive.generation, request, signal),
      nextSession: () => `${this.#sessionPrefix}-p${(++this.#sessions).toString(36)}`,
      status: () => ({
        started: this.#started,
        connections: this.#connections.count,
        listeners: this.#states(),
      }),
    });
  }

  #states(): readonly { readonly name: string; readonly address: string; readonly up: boolean }[] {
    return this.#listeners.map((one) => ({ name: one.config.name, address: one.address, up: one.accepting }));
  }

  #socketParts(): SocketParts {
    return { ...this.#sidecar.parts, metrics: this.#parts.metrics };
  }
}

async function bringToLife(
  config: Config,
  standing: Standing,
  { modules, log }: ServerParts,
): Promise<Result<Alive, StartProblem>> {
  const generation = await buildGeneration(config, standing, modules);
  if (!generation.ok) return generation;
  const { localRecipients: recipients, signer } = generation.value.parts;
  const delivery = await openDelivery(config, { recipients, signer, log });
  if (delivery.ok) return succeed({ generation: generation.value, delivery: delivery.value });
  await generation.value.retire();
  return fail({ kind: "config", message: delivery.problem });
}
