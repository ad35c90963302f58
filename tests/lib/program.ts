/**
 * Our own program as a process: from the source tree, or the compiled binary that `DOKODEMO_BIN` names, which then gets an empty
 * environment, as from a service manager.
 *
 * @module
 */

import { join } from "node:path";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import type { Certificate } from "../servers/certificate.ts";
import { accountsOnce } from "./accounts_once.ts";
import { type Finished, run, ServerProcess } from "../servers/lib.ts";
import { PEOPLE, type Person, SITE } from "./people.ts";

/** A folder with a configuration, a certificate and accounts. */
export interface Site {
  readonly folder: string;
  readonly config: string;
  /** PEM of the authority that signed the certificate. */
  readonly authority: string;
  /** The same in files: for SITE.hostname, localhost and 127.0.0.1. */
  readonly certificate: Certificate;
  /** Where Maildir folders are: `{user}` below it. */
  readonly mail: string;
  readonly dataDir: string;
}

/** What differs from the standard set-up. */
export interface SiteOptions {
  /** Lines above the first section. */
  readonly top?: string;
  /** Lines behind the last section. */
  readonly more?: string;
  /** Lines of [delivery.smarthost]; without it mail for elsewhere goes to a port where nobody is. */
  readonly smarthost?: string;
  /** Lines of [sasl]. */
  readonly sasl?: string;
  /** [[listener]] tables instead of mta, msa and msas. */
  readonly listeners?: string;
  /** Who gets an account; default: all of `PEOPLE`. */
  readonly people?: readonly Person[];
}

/** How to start the program. */
export interface StartOptions {
  /** A command and its arguments that starts the program, such as strace. */
  readonly under?: readonly string[];
  /** The root of another source tree; `DOKODEMO_BIN` does not matter then. */
  readonly tree?: string;
}

/** A line of the log. */
export type LoggedEvent = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A server that is ready. */
export interface RunningProgram extends AsyncDisposable {
  readonly process: ServerProcess;
  /** Port by the listener's name. */
  readonly ports: ReadonlyMap<string, number>;
  /** The port of a listener; throws when there is none of this name. */
  port(listener: string): number;
  /** The log so far. */
  readonly log: readonly LoggedEvent[];
  /** The first `count` events, past or to come, that match. */
  events(count: number, matches: (event: LoggedEvent) => boolean): Promise<readonly LoggedEvent[]>;
}

/** Runs a command of ours to its end. */
export function runProgram(args: readonly string[], options: { readonly input?: string } = {}): Promise<Finished> {
  const { program, before, clearEnv } = ourProgram();
  return run(program, { ...options, args: [...before, ...args], clearEnv });
}

/** Someone with this account, for a site of its own. */
export function personOf(account: string, password: string): Person {
  const at = account.lastIndexOf("@");
  return { local: account.slice(0, at), realm: account.slice(at + 1), password, disabled: false };
}

/** Writes the standard set-up of `tests/transcripts/README.md` into a folder. */
export async function makeSite(folder: string, options: SiteOptions = {}): Promise<Site> {
  const made = await makeCertificate([SITE.hostname, "localhost", "127.0.0.1"], Date.now());
  const certificate = {
    caFile: join(folder, "authority.pem"),
    certificateFile: join(folder, "certificate.pem"),
    keyFile: join(folder, "key.pem"),
  };
  await Deno.writeTextFile(certificate.caFile, made.authority);
  await Deno.writeTextFile(certificate.certificateFile, made.certificate);
  await Deno.writeTextFile(certificate.keyFile, made.key, { mode: 0o600 });
  const config = join(folder, "dokodemo.toml");
  await Deno.writeTextFile(config, siteConfig(folder, options));
  const dataDir = join(folder, "data");
  const people = options.people ?? PEOPLE;
  const { top = "", sasl = "", more = "" } = options;
  const backends = more.includes("[backend") ? more : "";
  // Without accounts data_dir is made by whoever starts the server.
  if (people.length > 0) {
    await accountsOnce(dataDir, {
      facts: [people, top, sasl, backends.includes(folder) ? crypto.randomUUID() : backends],
      make: () => addPeople(people, config),
    });
  }
  return { folder, config, authority: made.authority, certificate, mail: join(folder, "mail"), dataDir };
}

async function addPeople(people: readonly Person[], config: string): Promise<void> {
  for (const { local, realm, password, disabled } of people) {
    const name = `${local}@${realm}`;
    const added = await runProgram(["user", "add", name, "--password-stdin", "--config", config], { input: password });
    if (added.code !== 0) throw new Error(`Cannot add ${name}: ${added.output}`);
    if (disabled) await runProgram(["user", "disable", name, "--config", config]);
  }
}

/** Starts `serve` and waits for its "ready". */
export async function startProgram(
  site: Pick<Site, "config">,
  { under = [], tree }: StartOptions = {},
): Promise<RunningProgram> {
  const { program, before, clearEnv } = ourProgram(tree);
  const [first = program, ...args] = [...under, program, ...before, "serve", "--config", site.config];
  const process = new ServerProcess(first, { args, clearEnv });
  await process.line((line) => line.includes('"kind":"ready"'));
  const log = () => process.lines.flatMap((line) => eventOf(line) ?? []);
  const ports = new Map(
    log().filter(({ kind }) => kind === "listening").map(({ listener, address }) => {
      return [String(listener), Number(String(address).split(":").at(-1))] as const;
    }),
  );
  return {
    process,
    ports,
    port(listener) {
      const port = ports.get(listener);
      if (port === undefined) throw new RangeError(`Cannot find listener ${listener}`);
      return port;
    },
    get log() {
      return log();
    },
    async events(count, matches) {
      const lines = await process.matching(count, (line) => {
        const event = eventOf(line);
        return event !== null && matches(event);
      });
      return lines.flatMap((line) => eventOf(line) ?? []);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

function ourProgram(
  tree?: string,
): { readonly program: string; readonly before: readonly string[]; readonly clearEnv: boolean } {
  const binary = Deno.env.get("DOKODEMO_BIN") ?? "";
  if (binary !== "" && tree === undefined) return { program: binary, before: [], clearEnv: true };
  const main = tree === undefined ? new URL("../../src/main.ts", import.meta.url).pathname : join(tree, "src/main.ts");
  return { program: Deno.execPath(), before: ["run", "-A", "--quiet", "--no-check", main], clearEnv: false };
}

function eventOf(line: string): LoggedEvent | null {
  return line.startsWith('{"') ? JSON.parse(line) : null;
}

function siteConfig(folder: string, options: SiteOptions): string {
  const { top = "", more = "", smarthost, sasl = "", listeners = LISTENERS } = options;
  return `hostname = "${SITE.hostname}"
default_realm = "${SITE.defaultRealm}"
local_domains = ${JSON.stringify(SITE.localDomains)}
postmaster = "${SITE.postmaster}"
data_dir = "data"
${top}
[tls]
certificate_file = "certificate.pem"
key_file = "key.pem"
${listeners}
[sasl]
${sasl}
[delivery.local]
maildir = ${JSON.stringify(join(folder, "mail", "{user}"))}
[delivery.smarthost]
${smarthost ?? 'address = "127.0.0.1:9"\ntls = "never"'}
[guessing]
enabled = false
[log]
format = "json"
${more}
`;
}

const LISTENERS = `[[listener]]
name = "mta"
address = "127.0.0.1:0"
role = "mta"
[[listener]]
name = "msa"
address = "127.0.0.1:0"
role = "msa"
[[listener]]
name = "msas"
address = "127.0.0.1:0"
role = "msa"
tls = "implicit"`;
