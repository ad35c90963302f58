/**
 * Two ways to the queue for one command: through the control socket when a server runs, else on the files under the lock.
 *
 * @module
 */

import { z } from "zod";
import { queueItemSchema, type QueuePage, queuePageSchema } from "../http/queue_item.ts";
import { type QueueOperations, queueOperations } from "../http/queue_operations.ts";
import { routeNames, type RoutingConfig } from "../http/queue_route.ts";
import type { Log } from "../log/event.ts";
import type { OpenProblem } from "../spool/protocol.ts";
import type { ConfigOption } from "./command.ts";
import { requestOverSocket, type SocketAnswer, type SocketProblem } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { becomeOwner } from "./owner.ts";

const changesSchema = z.object({ mails: z.array(z.string()), next: z.string().nullable() });

/** The queue, until it is disposed. Its methods reject with a `QueueTrouble`. */
export interface QueueAccess extends QueueOperations, AsyncDisposable {}

/** Why the queue cannot be worked on: a sentence, and the exit code. */
export class QueueTrouble extends Error {
  override readonly name = "QueueTrouble";
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.exit = exit;
  }
}

/** Reaches the queue of a `data_dir`. Rejects with a `QueueTrouble`. The configuration is read only where it is needed. */
export async function reachQueue(dataDir: string, options: ConfigOption = {}): Promise<QueueAccess> {
  const socket = `${dataDir}/control.sock`;
  const answer = await requestOverSocket(socket, { method: "GET", path: "/health/live" });
  if (answer.ok) return { ...socketQueue(socket), [Symbol.asyncDispose]: () => Promise.resolve() };
  if (answer.problem.kind !== "no-server") throw troubleOf(answer.problem);
  return await openQueue(dataDir, options);
}

/** Becomes the owner of a `data_dir`, which has to be there: its files must stay those of the service. */
export async function ownDataDir(dataDir: string): Promise<void> {
  if (!await Deno.stat(dataDir).then((info) => info.isDirectory, () => false)) {
    throw new QueueTrouble(`There is no data_dir ${dataDir}`, EXIT.unavailable);
  }
  const owner = await becomeOwner(dataDir, { user: null });
  if (!owner.ok) throw new QueueTrouble(owner.problem.message, owner.problem.exit);
}

/** Takes the lock of a `data_dir` that no server uses. */
export async function lockQueue(dataDir: string): Promise<AsyncDisposable> {
  await ownDataDir(dataDir);
  const { lockDataDir } = await import("../spool/lock.ts");
  const lock = await lockDataDir(dataDir);
  if (lock.ok) return lock.value;
  const { kind, message } = lock.problem;
  throw new QueueTrouble(message, kind === "held" ? EXIT.tempFail : EXIT.unavailable);
}

/** The exit code for a spool that cannot be opened. */
export function exitOfOpen({ kind }: OpenProblem): number {
  switch (kind) {
    case "damaged":
      return EXIT.data;
    case "newer":
      return EXIT.config;
    case "io":
      return EXIT.unavailable;
  }
}

async function openQueue(dataDir: string, options: ConfigOption): Promise<QueueAccess> {
  await using stack = new AsyncDisposableStack();
  stack.use(await lockQueue(dataDir));
  const [{ openSpool }, { SpoolError }] = await Promise.all([
    import("../spool/sqlite_spool.ts"),
    import("../spool/spool_error.ts"),
  ]);
  const spool = await openSpool(dataDir, {
    messageSizeLimit: 0,
    log: tell,
    clock: { now: () => Date.now() },
    onDue: () => {},
  });
  if (!spool.ok) throw new QueueTrouble(spool.problem.message, exitOfOpen(spool.problem));
  stack.use(spool.value);

  const queue = queueOperations(spool.value, { by: "command", log: tell, routing: () => readRouting(options) });
  const trouble = (error: unknown): never => {
    throw error instanceof SpoolError ? new QueueTrouble(error.message, EXIT.unavailable) : error;
  };
  const held = stack.move();
  return {
    list: (filter, page) => queue.list(filter, page).catch(trouble),
    show: (id) => queue.show(id).catch(trouble),
    change: (verb, id) => queue.change(verb, id).catch(trouble),
    changeMany: async (verb, selection, page) => {
      const { route } = selection;
      const names = route === undefined ? [] : routeNames(await readRouting(options));
      if (route === undefined || names.includes(route)) {
        return await queue.changeMany(verb, selection, page).catch(trouble);
      }
      throw new QueueTrouble(`There is no such route; there are ${names.join(", ")}`, EXIT.data);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function readRouting(options: ConfigOption): Promise<RoutingConfig> {
  const { readConfig } = await import("./configuration.ts");
  const config = await readConfig(options, { files: false });
  if (config.ok) return config.value;
  throw new QueueTrouble("Cannot tell routes without the configuration", config.problem);
}

/** The log of a command is its standard error, and only what somebody has to know. */
const tell: Log = (event) => {
  if (event.kind === "alarm" || event.kind === "warning" || event.kind === "bug") complain(event.text);
};

function socketQueue(socket: string): QueueOperations {
  const ask = async (method: "GET" | "POST" | "DELETE", path: string): Promise<SocketAnswer> => {
    const answer = await requestOverSocket(socket, { method, path: `/api/v1/queue${path}` });
    if (!answer.ok) throw troubleOf(answer.problem);
    return answer.value;
  };
  return {
    async list({ account, domain }, { after, count }): Promise<QueuePage> {
      const query = new URLSearchParams({ count: String(count) });
      if (after !== null) query.set("after", after);
      if (account !== undefined) query.set("account", account);
      if (domain !== undefined) query.set("domain", domain);
      return read(await ask("GET", `?${query}`), queuePageSchema);
    },
    async show(id) {
      const answer = await ask("GET", `/${id}`);
      return answer.status === 404 ? null : read(answer, queueItemSchema);
    },
    async change(verb, id) {
      const answer = verb === "delete" ? await ask("DELETE", `/${id}`) : await ask("POST", `/${id}/${verb}`);
      switch (answer.status) {
        case 204:
          return "changed";
        case 404:
          return "unknown";
        case 409:
          return "unchanged";
        default:
          throw unexpected(answer);
      }
    },
    async changeMany(verb, selection, { after, count }) {
      const query = new URLSearchParams({ ...selection, count: String(count), all: "true" });
      if (after !== null) query.set("after", after);
      const answer = await ask("POST", `/${verb}?${query}`);
      if (answer.status === 400) {
        throw new QueueTrouble(detailOf(answer) ?? "The server takes no such mails", EXIT.data);
      }
      return read(answer, changesSchema);
    },
  };
}

function read<Schema extends z.ZodType>(answer: SocketAnswer, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (answer.status !== 200 || !parsed.success) throw unexpected(answer);
  return parsed.data;
}

function unexpected(answer: SocketAnswer): QueueTrouble {
  const reason = detailOf(answer) ?? "no reason";
  return new QueueTrouble(`The server answers with ${answer.status}: ${reason}`, EXIT.unavailable);
}

function detailOf({ body }: SocketAnswer): string | null {
  const detail: unknown = Reflect.get(Object(body), "detail");
  return typeof detail === "string" ? detail : null;
}

function troubleOf({ kind, message }: SocketProblem): QueueTrouble {
  return new QueueTrouble(message, kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail);
}
