/**
 * A real slapd with its database in a folder of its own. The machine's own slapd, its configuration and its data are neither read nor
 * changed.
 *
 * @module
 */

import { type Certificate, makeCertificate } from "./certificate.ts";
import { type Folder, freePort, makeFolder, runOrThrow, ServerProcess } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const SLAPD_PROGRAMS: readonly string[] = ["slapd", "slapadd", "ldapmodify", "openssl"];

/** The root of the directory, and who may do everything there. */
export const SUFFIX = "dc=example,dc=org";
export const ROOT_DN = `cn=admin,${SUFFIX}`;
export const ROOT_PASSWORD = "root secret 1";

/** How to set it up. */
export interface SlapdOptions {
  /** Entries below `SUFFIX`, in LDIF. */
  readonly ldif: string;
  /** Lines of the section `database`, as in slapd.conf(5): access, limits, overlays. */
  readonly database?: readonly string[];
  /** Attributes and classes that slapd does not bring along, as in slapd.conf(5). */
  readonly schema?: readonly string[];
  /** The root is not `SUFFIX` but the empty DN, `ldif` has every entry, and no schema checks them. */
  readonly open?: boolean;
}

/** A slapd that can be stopped and started again on the same ports. Disposing ends it and removes its folder. */
export class Slapd implements AsyncDisposable {
  readonly #folder: Folder;
  /** For localhost and 127.0.0.1. */
  readonly certificate: Certificate;
  readonly #ports: { readonly plain: number; readonly tls: number };
  #process: ServerProcess;

  /** `process` is slapd itself, in the foreground. */
  constructor(
    folder: Folder,
    certificate: Certificate,
    { process, ports }: { readonly process: ServerProcess; readonly ports: Slapd["ports"] },
  ) {
    this.#folder = folder;
    this.certificate = certificate;
    this.#process = process;
    this.#ports = ports;
  }

  get ports(): { readonly plain: number; readonly tls: number } {
    return this.#ports;
  }

  /** `ldap://127.0.0.1:PORT`. */
  get url(): string {
    return `ldap://127.0.0.1:${this.#ports.plain}`;
  }

  /** `ldaps://127.0.0.1:PORT`. */
  get tlsUrl(): string {
    return `ldaps://127.0.0.1:${this.#ports.tls}`;
  }

  /** What it did so far, one line an operation: `BIND dn="..."`, `SRCH base="..."`. */
  get log(): readonly string[] {
    return this.#process.lines;
  }

  /** Forgets its log from now on. */
  quiet(): void {
    this.#process.quiet();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#process.signal("SIGCONT");
    await this.#process.stop();
  }

  /** Starts it again. */
  async start(): Promise<void> {
    this.#process = await run(this.#folder.path, this.#ports);
  }

  /** It keeps its connections, takes new ones, and answers nothing. */
  pause(): void {
    this.#process.signal("SIGSTOP");
  }

  resume(): void {
    this.#process.signal("SIGCONT");
  }

  /** Changes entries, as `ROOT_DN`. */
  async modify(ldif: string): Promise<void> {
    const who = ["-x", "-H", this.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD];
    await runOrThrow("ldapmodify", { args: who, input: ldif });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Starts one, and resolves when it accepts connections. */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  const folder = await makeFolder();
  try {
    const { path } = folder;
    const certificate = await makeCertificate(path);
    await Deno.mkdir(`${path}/data`);
    await Deno.writeTextFile(`${path}/slapd.conf`, configuration(path, certificate, options));
    const [args, ldif] = options.open === true ? [["-q", "-s"], options.ldif] : [["-q"], `${ROOT}\n${options.ldif}`];
    await runOrThrow("slapadd", { args: [...args, "-f", `${path}/slapd.conf`], input: ldif });
    const ports = { plain: freePort(), tls: freePort() };
    return new Slapd(folder, certificate, { process: await run(path, ports), ports });
  } catch (cause) {
    await folder[Symbol.asyncDispose]();
    throw cause;
  }
}

const ROOT = `dn: ${SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example
`;

async function run(folder: string, { plain, tls }: Slapd["ports"]): Promise<ServerProcess> {
  const urls = `ldap://127.0.0.1:${plain}/ ldaps://127.0.0.1:${tls}/`;
  // "stats" is the log of operations; with -d it stays in the foreground.
  const process = new ServerProcess("slapd", { args: ["-d", "stats", "-h", urls, "-f", `${folder}/slapd.conf`] });
  await process.line((line) => line.includes("slapd starting"));
  // It says so a moment before it listens.
  for (const port of [plain, tls]) await listening(port);
  return process;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.ConnectionRefused)) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error(`Cannot connect to slapd at port ${port}`);
}

function configuration(folder: string, certificate: Certificate, options: SlapdOptions): string {
  const { database = [], schema = [], open = false } = options;
  return [
    ...["core", "cosine", "inetorgperson", "nis"].map((name) => `include /etc/ldap/schema/${name}.schema`),
    ...schema,
    "modulepath /usr/lib/ldap",
    ...["back_mdb", "ppolicy", "memberof"].map((name) => `moduleload ${name}`),
    `pidfile ${folder}/slapd.pid`,
    `argsfile ${folder}/slapd.args`,
    `TLSCACertificateFile ${certificate.caFile}`,
    `TLSCertificateFile ${certificate.certificateFile}`,
    `TLSCertificateKeyFile ${certificate.keyFile}`,
    "database mdb",
    `suffix "${open ? "" : SUFFIX}"`,
    `rootdn "${ROOT_DN}"`,
    `rootpw "${ROOT_PASSWORD}"`,
    `directory ${folder}/data`,
    "index uid,mail,member eq",
    // The data goes away with the test.
    "dbnosync",
    ...database,
    "",
  ].join("\n");
}
