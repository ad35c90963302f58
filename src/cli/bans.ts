/**
 * `dokodemo bans`: networks that are closed to connections and sign-ins. Through the control socket where a server runs, so that it takes
 * effect at once; else on the records file.
 *
 * @module
 */

import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { type BanOperations, banOperations, banRefusalText } from "../http/operations/bans.ts";
import { parseNetwork } from "../lib/network_table.ts";
import { hasControl, printable } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir, requestOverSocket, type SocketAnswer } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { commandActor, timeText, withRecords } from "./records.ts";
import { formatTable } from "./table.ts";

interface AddOptions extends ConfigOption {
  /** Milliseconds; Infinity: until it is lifted. */
  readonly for: number;
  readonly reason: string;
  readonly force?: boolean;
}

/** As the API writes it. */
const itemSchema = z.object({
  id: z.string(),
  network: z.string(),
  reason: z.string(),
  who: z.string(),
  since: z.string(),
  until: z.string().nullable(),
});
const listSchema = z.object({ items: z.array(itemSchema) });

type Item = z.output<typeof itemSchema>;

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const DEFAULT_MS = 3_600_000;
const LONGEST_MS = 10 * 366 * 86_400_000;
const REASON_LENGTH = 200;

/** Lists, adds and removes bans. Exit codes: 0; 64 for wrong arguments; 65 for what is no network, must not be banned or is not banned. */
export const command: CliCommand = { build };

function build(): Command {
  const bans = newCommand("bans", "Closes networks to connections and sign-ins, and opens them again.");
  takesConfig(bans.command("list").description("list the bans in force"))
    .option("--json", "print JSON").action(exits(list));
  takesConfig(bans.command("add <NETWORK>").description("ban an address or a network, such as 192.0.2.0/24"))
    .option("--for <TIME>", 'how long, such as "30min", "1h" or "7d", or "ever"', parseFor, DEFAULT_MS)
    .option("--reason <TEXT>", "why, for others who see it", parseReason, "")
    .option("--force", "also where loopback, an exempt network or a trusted proxy is in it")
    .action(exits(add));
  takesConfig(bans.command("remove <NETWORK>").description("lift a ban; it takes effect at once"))
    .action(exits(remove));
  return bans;
}

function parseFor(text: string): number {
  if (text === "ever") return Infinity;
  const [, count = "", unit = ""] = /^(\d{1,9}) ?([a-z]+)$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS.get(unit) ?? 0);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError('expected a duration such as "30min", "1h" or "7d", or "ever"');
}

function parseReason(text: string): string {
  if (text.length <= REASON_LENGTH && !hasControl(text)) return text.trim();
  throw new InvalidArgumentError(`expected at most ${REASON_LENGTH} characters`);
}

function list({ json, ...options }: ConfigOption & { readonly json?: boolean }): Promise<number> {
  const show = (items: readonly Item[]): number => {
    print(json === true ? JSON.stringify(items, null, 2) : describe(items));
    return EXIT.ok;
  };
  return withBans(options, {
    served: async (ask) => show(listSchema.parse((await ask("GET", "")).body).items),
    files: (operations) => show(operations.list().map(itemOf)),
  });
}

function add(network: string, { for: lasts, reason, force = false, ...options }: AddOptions): Promise<number> {
  const lastsMs = lasts === Infinity ? null : lasts;
  const told = ({ network, until }: Item): number => {
    print(`${network} is banned ${until === null ? "until it is lifted" : `until ${timeText(Date.parse(until))}`}`);
    return EXIT.ok;
  };
  const refusedAdd = (why: string): number => refused(`Cannot ban ${printable(network, 60)}: ${why}`);
  return withBans(options, {
    served: async (ask) => {
      const seconds = lastsMs === null ? null : Math.ceil(lastsMs / 1000);
      const answer = await ask("POST", "", { network, reason, seconds, force });
      return answer.status === 201 ? told(itemSchema.parse(answer.body)) : refusedAdd(detailOf(answer));
    },
    files: (operations) => {
      const added = operations.add({ network, reason, lastsMs, force });
      return added.ok ? told(itemOf(added.value)) : refusedAdd(banRefusalText(added.problem));
    },
  });
}

function remove(network: string, options: ConfigOption): Promise<number> {
  const text = parseNetwork(network)?.text;
  const missing = (): number => refused(`${printable(network, 60)} is not banned (bans list shows what is)`);
  const told = (): number => {
    print(`${text} is no longer banned`);
    return EXIT.ok;
  };
  return withBans(options, {
    served: async (ask) => {
      const { items } = listSchema.parse((await ask("GET", "")).body);
      const id = items.find((item) => item.network === text)?.id;
      return id !== undefined && (await ask("DELETE", `/${id}`)).status === 204 ? told() : missing();
    },
    files: (operations) => {
      const id = operations.list().find((ban) => ban.network === text)?.id;
      return id !== undefined && operations.remove(id) !== null ? told() : missing();
    },
  });
}

interface Ways {
  readonly served: (
    ask: (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) => Promise<SocketAnswer>,
  ) => Promise<number>;
  readonly files: (operations: BanOperations) => number;
}

async function withBans(options: ConfigOption, { served, files }: Ways): Promise<number> {
  const dataDir = await findDataDir(options.config);
  const socket = dataDir.ok ? `${dataDir.value}/control.sock` : null;
  const alive = socket === null ? null : await requestOverSocket(socket, { method: "GET", path: "/health/live" });
  if (socket !== null && alive?.ok === true) {
    return await served(async (method, path, body) => {
      const answer = await requestOverSocket(socket, { method, path: `/api/v1/bans${path}`, body });
      if (answer.ok) return answer.value;
      throw new Error(answer.problem.message);
    });
  }
  if (alive?.ok === false && alive.problem.kind !== "no-server") {
    complain(alive.problem.message);
    return alive.problem.kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail;
  }
  return await withRecords(options, ({ config, records }) => {
    // The log of a command is its output.
    const parts = { records, config: () => config, log: () => {}, now: Date.now };
    return files(banOperations(parts, commandActor()));
  });
}

function refused(text: string): number {
  complain(text);
  return EXIT.data;
}

function detailOf({ status, body }: SocketAnswer): string {
  const detail: unknown = Reflect.get(Object(body), "detail");
  // The field of the request is an argument here.
  return typeof detail === "string" ? detail.replace(/^The field "[a-z]+": /, "") : `The server answers with ${status}`;
}

function itemOf(
  { since, until, ...ban }: ReturnType<BanOperations["list"]>[number],
): Item {
  return {
    ...ban,
    since: new Date(since).toISOString(),
    until: until === null ? null : new Date(until).toISOString(),
  };
}

function describe(items: readonly Item[]): string {
  return formatTable(items, [
    { head: "NETWORK", cell: ({ network }) => network },
    { head: "SINCE", cell: ({ since }) => timeText(Date.parse(since)) },
    { head: "UNTIL", cell: ({ until }) => until === null ? "ever" : timeText(Date.parse(until)) },
    { head: "BY", cell: ({ who }) => printable(who, 60) },
    { head: "REASON", cell: ({ reason }) => printable(reason) },
  ]);
}
