/**
 * Two ways to the queue for one command: through the control socket when a server runs, else on the files under the lock.
 *
 * @module
 */

import type { z } from "zod";
import { queueItemSchema, type QueuePage, queuePageSchema } from "../http/queue_item.ts";
import { type QueueOperations, queueOperations } from "../http/queue_operations.ts";
import type { Log } from "../log/event.ts";
import type { OpenProblem } from "../spool/protocol.ts";
import { requestOverSocket, type SocketAnswer, type SocketProblem } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { becomeOwner } from "./owner.ts";

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

/** Reaches the queue of a `data_dir`. Rejects with a `QueueTrouble`. */
export async function reachQueue(dataDir: string): Promise<QueueAccess> {
  const socket = `${dataDir}/control.sock`;
  const answer = await requestOverSocket(socket, { method: "GET", path: "/health/live" });
  if (answer.ok) return { ...socketQueue(socket), [Symbol.asyncDispose]: () => Promise.resolve() };
  if (answer.problem.kind !== "no-server") throw troubleOf(answer.problem);
  return await openQueue(dataDir);
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

async function openQueue(dataDir: string): Promise<QueueAccess> {
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

  const queue = queueOperations(spool.value, { by: "command", log: tell });
  const trouble = (error: unknown): never => {
    throw error instanceof SpoolError ? new QueueTrouble(error.message, EXIT.unavailable) : error;
  };
  const held = stack.move();
  return {
    list: (filter, page) => queue.list(filter, page).catch(trouble),
    show: (id) => queue.show(id).catch(trouble),
    change: (verb, id) => queue.change(verb, id).catch(trouble),
    retryAll: () => queue.retryAll().catch(trouble),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
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
    async retryAll() {
      const answer = await ask("POST", "/retry");
      const changed: unknown = Reflect.get(Object(answer.body), "changed");
      if (answer.status !== 200 || typeof changed !== "number") throw unexpected(answer);
      return changed;
    },
  };
}

function read<Schema extends z.ZodType>(answer: SocketAnswer, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (answer.status !== 200 || !parsed.success) throw unexpected(answer);
  return parsed.data;
}

function unexpected({ status, body }: SocketAnswer): QueueTrouble {
  const detail: unknown = Reflect.get(Object(body), "detail");
  return new QueueTrouble(
    `The server answers with ${status}: ${typeof detail === "string" ? detail : "no reason"}`,
    EXIT.unavailable,
  );
}

function troubleOf({ kind, message }: SocketProblem): QueueTrouble {
  return new QueueTrouble(message, kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail);
}
