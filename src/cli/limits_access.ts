/**
 * Two ways to limits and holds for one command: through the control socket when a server runs, else on the files under the lock.
 *
 * @module
 */

import { join } from "node:path";
import { z } from "zod";
import { canonicalName } from "../accounts/account_name.ts";
import type { Config } from "../config/config.ts";
import {
  type AccountLimits,
  accountLimitsSchema,
  changesText,
  type HoldView,
  holdViewSchema,
  limitKey,
  type LimitOperations,
  type ValueChanges,
} from "../http/limit_operations.ts";
import type { Log } from "../log/event.ts";
import { parseUserName } from "../sasl/user_name.ts";
import { EXIT_OF_DATABASE } from "./accounts.ts";
import type { ConfigOption } from "./command.ts";
import { findDataDir, requestOverSocket, type SocketAnswer } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { exitOfOpen, lockQueue, QueueTrouble } from "./queue_access.ts";
import { commandActor, openRecordsOf } from "./records.ts";

/** Limits and holds, until it is disposed. Methods reject with a `QueueTrouble`; an account that is unknown is one, too. */
export interface LimitsAccess extends AsyncDisposable {
  accounts(): Promise<readonly string[]>;
  show(account: string): Promise<AccountLimits>;
  setValues(account: string, values: ValueChanges): Promise<AccountLimits>;
  reset(account: string): Promise<AccountLimits>;
  holds(): Promise<readonly HoldView[]>;
  /** How many mails that waited are held; `null`: it was on hold. */
  hold(account: string, reason: string): Promise<number | null>;
  /** How many mails; `null`: it is not on hold. */
  release(account: string): Promise<number | null>;
  discard(account: string): Promise<number | null>;
}

const ACCOUNTS_LISTED = 1000;
const doneSchema = z.object({ mails: z.int() });

/** Reaches the limits of the server of a configuration. Rejects with a `QueueTrouble`. */
export async function reachLimits(options: ConfigOption): Promise<LimitsAccess> {
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) throw new QueueTrouble(dataDir.problem, EXIT.config);
  const socket = `${dataDir.value}/control.sock`;
  const answer = await requestOverSocket(socket, { method: "GET", path: "/health/live" });
  if (answer.ok) return { ...socketLimits(socket), [Symbol.asyncDispose]: () => Promise.resolve() };
  const { kind, message } = answer.problem;
  if (kind !== "no-server") {
    throw new QueueTrouble(message, kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail);
  }
  return await openLimits(options);
}

async function openLimits(options: ConfigOption): Promise<LimitsAccess> {
  const { readConfig } = await import("./configuration.ts");
  const config = await readConfig(options, { files: false });
  if (!config.ok) throw new QueueTrouble("Cannot tell limits without the configuration", config.problem);
  const { dataDir } = config.value;
  await using stack = new AsyncDisposableStack();
  stack.use(await lockQueue(dataDir));
  const [{ openSpool }, { openLimitRecords, LIMITS_FILE }, { LimitKeeper }, { loadProcessKey }] = await Promise.all([
    import("../spool/sqlite_spool.ts"),
    import("../records/limit_records.ts"),
    import("../server/limits/keeper.ts"),
    import("../auth/process_key.ts"),
  ]);
  const key = loadProcessKey(join(dataDir, "key"));
  if (!key.ok) throw new QueueTrouble(key.problem, EXIT.unavailable);
  const spool = await openSpool(dataDir, { messageSizeLimit: 0, log: tell, clock: { now: Date.now }, onDue: () => {} });
  if (!spool.ok) throw new QueueTrouble(spool.problem.message, exitOfOpen(spool.problem));
  stack.use(spool.value);
  const records = openLimitRecords(join(dataDir, LIMITS_FILE));
  if (!records.ok) throw new QueueTrouble(records.problem.message, EXIT_OF_DATABASE[records.problem.kind]);
  const parts = { records: records.value, spool: spool.value, key: key.value, log: tell, now: Date.now };
  const keeper = stack.use(new LimitKeeper(parts, config.value));
  const held = stack.move();
  return { ...fileLimits(keeper, config.value), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function fileLimits(limits: LimitOperations, config: Config): Omit<LimitsAccess, typeof Symbol.asyncDispose> {
  const { who: by } = commandActor();
  const named = (text: string): string => {
    const user = parseUserName(text, config);
    if (user === null) throw new QueueTrouble(`${text} is no account`, EXIT.data);
    return canonicalName(user).name;
  };
  const audit = async (what: string, target: string, detail: string): Promise<void> => {
    const opened = openRecordsOf(config);
    if (!opened.ok) return complain(`Warning: this is not in the audit log: ${opened.problem.message}`);
    await using records = opened.value;
    records.audit.add({ ...commandActor(), what, target, detail }, Date.now());
  };
  const changed = async (verb: "release" | "discard", account: string): Promise<number | null> => {
    const mails = await limits[verb](account, by);
    if (mails !== null) await audit(`hold.${verb}`, account, `${mails} mails`);
    return mails;
  };
  return {
    accounts: () => Promise.resolve(limits.accounts(ACCOUNTS_LISTED)),
    show: (account) => Promise.try(() => limits.show(named(account))),
    async setValues(account, values) {
      const name = named(account);
      limits.setValues(name, values, by);
      await audit("limits.set", name, changesText(values));
      return limits.show(name);
    },
    async reset(account) {
      const name = named(account);
      limits.reset(name, by);
      await audit("limits.reset", name, "");
      return limits.show(name);
    },
    holds: () => Promise.resolve(limits.listHolds()),
    async hold(account, reason) {
      const name = named(account);
      const mails = await limits.hold(name, { reason, by });
      if (mails !== null) await audit("hold.add", name, reason);
      return mails;
    },
    release: (account) => changed("release", named(account)),
    discard: (account) => changed("discard", named(account)),
  };
}

/** The log of a command is its standard error, and only what somebody has to know. */
const tell: Log = (event) => {
  if (event.kind === "alarm" || event.kind === "warning" || event.kind === "bug") complain(event.text);
};

function socketLimits(socket: string): Omit<LimitsAccess, typeof Symbol.asyncDispose> {
  const ask = async (method: "GET" | "POST", path: string, body?: unknown): Promise<SocketAnswer> => {
    const answer = await requestOverSocket(socket, {
      ...{ method, path: `/api/v1${path}` },
      ...body !== undefined && { body },
    });
    if (answer.ok) return answer.value;
    const { kind, message } = answer.problem;
    throw new QueueTrouble(message, kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail);
  };
  const limitsPath = (account: string) => `/limits/${encodeURIComponent(account)}`;
  const change = async (account: string, verb: "release" | "discard"): Promise<number | null> => {
    const answer = await ask("POST", `/holds/${encodeURIComponent(account)}/${verb}`);
    return answer.status === 404 ? null : read(answer, doneSchema).mails;
  };
  return {
    async accounts() {
      return read(await ask("GET", `/limits?count=${ACCOUNTS_LISTED}`), z.object({ items: z.array(z.string()) })).items;
    },
    show: async (account) => read(await ask("GET", limitsPath(account)), accountLimitsSchema),
    async setValues(account, values) {
      const set = [...values].flatMap(([name, most]) => most === undefined ? [] : [[limitKey(name), most] as const]);
      const unset = [...values].flatMap(([name, most]) => most === undefined ? [limitKey(name)] : []);
      return read(
        await ask("POST", limitsPath(account), { set: Object.fromEntries(set), unset }),
        accountLimitsSchema,
      );
    },
    reset: async (account) => read(await ask("POST", `${limitsPath(account)}/reset`), accountLimitsSchema),
    async holds() {
      return read(await ask("GET", "/holds"), z.object({ items: z.array(holdViewSchema) })).items;
    },
    async hold(account, reason) {
      const answer = await ask("POST", "/holds", { account, reason });
      return answer.status === 409 ? null : read(answer, doneSchema).mails;
    },
    release: (account) => change(account, "release"),
    discard: (account) => change(account, "discard"),
  };
}

function read<Schema extends z.ZodType>(answer: SocketAnswer, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(answer.body);
  if (answer.status === 200 && parsed.success) return parsed.data;
  const detail: unknown = Reflect.get(Object(answer.body), "detail");
  const reason = typeof detail === "string" ? detail : `the server answers with ${answer.status}`;
  throw new QueueTrouble(reason, answer.status === 404 || answer.status === 422 ? EXIT.data : EXIT.unavailable);
}
