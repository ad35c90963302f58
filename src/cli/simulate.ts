/**
 * `dokodemo simulate`: what would become of a session, by the running server or, where none runs, by the configuration.
 *
 * @module
 */

import type { Command } from "commander";
import {
  type Simulation,
  type SimulationRequest,
  simulationRequestSchema,
  simulationSchema,
} from "../http/simulation.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir, requestOverSocket } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { lockQueue, QueueTrouble } from "./queue_access.ts";
import { simulationText } from "./simulation_text.ts";

interface Options extends ConfigOption {
  readonly ip: string;
  readonly listener?: string;
  readonly tls?: boolean;
  readonly user?: string;
  readonly mech?: string;
  readonly from: string;
  readonly headerFrom?: string;
  readonly to: readonly string[];
  readonly json?: boolean;
}

/** Look-ups at backends that are slow. */
const WAIT_MS = 60_000;

/** Exit codes: 0 when all is accepted; 77 when something is refused or discarded; 75 when it is a matter of time; 64, 78. */
export const command: CliCommand = { build };

function build(): Command {
  return takesConfig(
    newCommand("simulate", "Tells what would become of a session. Nothing is sent, logged or counted."),
  )
    .description(
      "tell what a client would be offered and told, and where its mail would go; no password is needed. Exit code 0: all is " +
        "accepted, 77: something is refused or discarded, 75: refused for now, 64: wrong arguments, 78: the configuration",
    )
    .requiredOption("--ip <ADDRESS>", "the client's address")
    .option("--listener <NAME>", "where it connects (default: the first msa with --user, else the first mta)")
    .option("--tls", "it uses TLS")
    .option("--user <USER>", "the name of the login (default: nobody logs in)")
    .option("--mech <MECHANISM>", "the mechanism of the login (default: the first that is offered)")
    .requiredOption("--from <ADDRESS>", "the reverse-path; empty: the null one")
    .option("--header-from <TEXT>", "the From field (default: the reverse-path)")
    .requiredOption("--to <ADDRESS...>", "the recipients")
    .option("--json", "print JSON")
    .action(exits(run));
}

async function run(options: Options): Promise<number> {
  const request = simulationRequestSchema.safeParse({
    ...{ ip: options.ip, tls: options.tls === true, from: options.from === "<>" ? "" : options.from, to: options.to },
    ...{ listener: options.listener, user: options.user, mechanism: options.mech, headerFrom: options.headerFrom },
  });
  if (!request.success) {
    for (const { path, message } of request.error.issues) complain(`--${optionOf(path[0])}: ${message}`);
    return EXIT.usage;
  }
  try {
    const found = await ask(request.data, options);
    if (typeof found === "number") return found;
    print(options.json === true ? JSON.stringify([found], null, 2) : simulationText(found));
    return exitOf(found);
  } catch (error) {
    if (!(error instanceof QueueTrouble)) throw error;
    complain(error.message);
    return error.exit;
  }
}

function optionOf(key: PropertyKey | undefined): string {
  switch (key) {
    case "mechanism":
      return "mech";
    case "headerFrom":
      return "header-from";
    default:
      return String(key);
  }
}

function exitOf({ outcome }: Simulation): number {
  switch (outcome) {
    case "accepted":
      return EXIT.ok;
    case "temporary":
      return EXIT.tempFail;
    case "refused":
    case "discarded":
      return EXIT.noPermission;
  }
}

/** The answer, or an exit code. */
async function ask(request: SimulationRequest, options: ConfigOption): Promise<Simulation | number> {
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) throw new QueueTrouble(dataDir.problem, EXIT.config);
  const answer = await requestOverSocket(`${dataDir.value}/control.sock`, {
    ...{ method: "POST", path: "/api/v1/simulate", body: request },
  });
  if (!answer.ok) {
    const { kind, message } = answer.problem;
    if (kind === "no-server") return await look(request, options);
    throw new QueueTrouble(message, kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail);
  }
  const { status, body } = answer.value;
  const parsed = simulationSchema.safeParse(body);
  if (status === 200 && parsed.success) return parsed.data;
  const detail: unknown = Reflect.get(Object(body), "detail");
  const text = typeof detail === "string" ? detail : `The server answers with ${status}`;
  throw new QueueTrouble(text, status === 422 ? EXIT.usage : EXIT.unavailable);
}

/** Without a server: what one would do that starts now, with what it keeps in `data_dir`. */
async function look(request: SimulationRequest, options: ConfigOption): Promise<Simulation | number> {
  const { readConfig } = await import("./configuration.ts");
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  await using stack = new AsyncDisposableStack();
  stack.use(await lockQueue(config.value.dataDir));
  const [{ Standing }, { buildGeneration }, { simulate }, { BACKENDS }] = await Promise.all([
    import("../server/standing.ts"),
    import("../server/assemble.ts"),
    import("../server/simulate.ts"),
    import("../../backends/registry.ts"),
  ]);
  const standing = await Standing.open(config.value, { log: () => {} });
  if (!standing.ok) throw new QueueTrouble(standing.problem.message, EXIT.unavailable);
  stack.use(standing.value);
  const generation = await buildGeneration(config.value, standing.value, BACKENDS);
  if (!generation.ok) throw new QueueTrouble(generation.problem.message, EXIT.config);
  stack.defer(() => generation.value.retire());
  const simulated = await simulate(generation.value, request, AbortSignal.timeout(WAIT_MS));
  if (simulated.ok) return simulated.value;
  throw new QueueTrouble(simulated.problem, EXIT.usage);
}
