/**
 * Our program as a user has it: a configuration in a folder, commands and a server as processes. The program is the source tree,
 * or the binary that `$DOKODEMO_BIN` names, which then gets an empty environment.
 *
 * @module
 */

import { type Certificate, makeCertificate } from "./certificate.ts";
import { type Finished, makeFolder, run, ServerProcess } from "./lib.ts";

/** The host name of a site: in its greeting and its certificate. */
export const HOSTNAME = "mail.foobar.co.jp";

/** What differs from site to site; lines are TOML. */
export interface SiteOptions {
  /** Accounts by name, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** Keys above the first table. */
  readonly top?: readonly string[];
  /** The [[listener]] tables. Default: MTA, MSA and MSAS, each on a port that the system chooses. */
  readonly listeners?: readonly string[];
  /** Keys of [sasl]. */
  readonly sasl?: readonly string[];
  /** Keys of [delivery.smarthost]; without them mail goes to local accounts only. */
  readonly smarthost?: readonly string[];
  /** Further tables. */
  readonly tables?: readonly string[];
}

/** A configured place for the program. Disposing removes its folder; stop its servers first. */
export interface Site extends AsyncDisposable {
  readonly folder: string;
  readonly configFile: string;
  readonly certificate: Certificate;
  /** Runs a command of the program to its end; `--config` is given where it takes one. */
  command(args: readonly string[], input?: string): Promise<Finished>;
  /** Starts `serve` and resolves when it says ready. */
  start(): Promise<Dokodemo>;
  /** The mails of an account of ours, each as it is in the Maildir, sorted. */
  mails(user: string): Promise<readonly string[]>;
}

/** A line of the log. */
export type LoggedEvent = Readonly<Record<string, unknown>> & { readonly kind: string };

/** Makes a site: certificate, configuration of the how-to's names, accounts by `user add`. */
export async function makeSite(options: SiteOptions = {}): Promise<Site> {
  const temporary = await makeFolder();
  const folder = temporary.path;
  const configFile = `${folder}/dokodemo.toml`;
  const certificate = await makeCertificate(folder, { names: [HOSTNAME, "localhost"] });
  await Deno.writeTextFile(configFile, configuration(options, certificate));
  const command = (args: readonly string[], input = "") => runDokodemo([...args, "--config", configFile], input);
  for (const [name, password] of Object.entries(options.users ?? {})) {
    const added = await command(["user", "add", name, "--password-stdin"], `${password}\n`);
    if (added.code !== 0) throw new Error(`Cannot add ${name}: ${added.output}`);
  }
  return {
    folder,
    configFile,
    certificate,
    command,
    start: () => Dokodemo.start(configFile),
    mails: (user) => readMails(`${folder}/mail/${user}/Maildir/new`),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

/** Runs the program to its end. */
export async function runDokodemo(args: readonly string[], input = ""): Promise<Finished> {
  const { program, firstArgs, clearEnv } = ownProgram();
  return await run(program, { args: [...firstArgs, ...args], input, clearEnv });
}

/** A running `serve`. Disposing stops it by SIGTERM, if it still runs. */
export class Dokodemo implements AsyncDisposable {
  readonly process: ServerProcess;
  readonly #ports: ReadonlyMap<string, number>;

  constructor(process: ServerProcess, ports: ReadonlyMap<string, number>) {
    this.process = process;
    this.#ports = ports;
  }

  /** Starts `serve` with this configuration and resolves when it says ready; throws with its output when it ends before. */
  static async start(configFile: string): Promise<Dokodemo> {
    const { program, firstArgs, clearEnv } = ownProgram();
    const process = new ServerProcess(program, { args: [...firstArgs, "serve", "--config", configFile], clearEnv });
    await process.line((line) => eventOf(line)?.kind === "ready");
    return new Dokodemo(process, new Map(process.lines.flatMap(listening)));
  }

  get pid(): number {
    return this.process.pid;
  }

  /** The port of a listener on 127.0.0.1. */
  port(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new RangeError(`Cannot find listener ${listener}`);
    return port;
  }

  /** The log so far. */
  get log(): readonly LoggedEvent[] {
    return this.process.lines.map(eventOf).filter((event) => event !== null);
  }

  /** The first `count` events, past or to come, that match. */
  async events(count: number, matches: (event: LoggedEvent) => boolean): Promise<readonly LoggedEvent[]> {
    const found = await this.process.matching(count, (line) => {
      const event = eventOf(line);
      return event !== null && matches(event);
    });
    return found.map(eventOf).filter((event) => event !== null);
  }

  /** SIGTERM, then the exit code. */
  async stop(): Promise<number> {
    return (await this.process.stop("SIGTERM")).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

function ownProgram(): { readonly program: string; readonly firstArgs: readonly string[]; readonly clearEnv: boolean } {
  const binary = Deno.env.get("DOKODEMO_BIN");
  if (binary !== undefined && binary !== "") return { program: binary, firstArgs: [], clearEnv: true };
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  return { program: Deno.execPath(), firstArgs: ["run", "-A", "--no-check", "--quiet", main], clearEnv: false };
}

function configuration(options: SiteOptions, certificate: Certificate): string {
  return [
    `hostname = "${HOSTNAME}"`,
    'default_realm = "baz.co.jp"',
    'local_domains = ["foobar.co.jp", "baz.co.jp"]',
    'postmaster = "shin@baz.co.jp"',
    'data_dir = "data"',
    ...(options.top ?? []),
    "[tls]",
    `certificate_file = "${certificate.certificateFile}"`,
    `key_file = "${certificate.keyFile}"`,
    ...(options.listeners ?? DEFAULT_LISTENERS),
    "[sasl]",
    ...(options.sasl ?? []),
    "[delivery.local]",
    'maildir = "mail/{user}/Maildir"',
    ...(options.smarthost === undefined ? [] : ["[delivery.smarthost]", ...options.smarthost]),
    ...(options.tables ?? []),
    "[log]",
    'format = "json"',
    "",
  ].join("\n");
}

const DEFAULT_LISTENERS: readonly string[] = [
  ...["[[listener]]", 'name = "MTA"', 'address = "127.0.0.1:0"', 'role = "mta"'],
  ...["[[listener]]", 'name = "MSA"', 'address = "127.0.0.1:0"', 'role = "msa"'],
  ...["[[listener]]", 'name = "MSAS"', 'address = "127.0.0.1:0"', 'role = "msa"', 'tls = "implicit"'],
];

function eventOf(line: string): LoggedEvent | null {
  if (!line.startsWith("{")) return null;
  const event: unknown = JSON.parse(line);
  if (typeof event !== "object" || event === null || !("kind" in event) || typeof event.kind !== "string") return null;
  return { ...event, kind: event.kind };
}

function listening(line: string): readonly (readonly [string, number])[] {
  const event = eventOf(line);
  if (event?.kind !== "listening") return [];
  const { listener, address } = event;
  if (typeof listener !== "string" || typeof address !== "string") return [];
  return [[listener, Number(address.slice(address.lastIndexOf(":") + 1))]];
}

async function readMails(folder: string): Promise<readonly string[]> {
  const mails: string[] = [];
  for await (const { name } of Deno.readDir(folder)) mails.push(await Deno.readTextFile(`${folder}/${name}`));
  return mails.sort();
}
