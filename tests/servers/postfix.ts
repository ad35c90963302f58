/**
 * A real Postfix in a folder of its own: a smarthost for tests, the peer for the bench. The machine's own Postfix, its
 * configuration and its queue are neither read nor changed.
 *
 * @module
 */

import type { Certificate } from "./certificate.ts";
import { type Folder, freePort, makeFolder, runOrThrow, ServerProcess } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const POSTFIX_PROGRAMS: readonly string[] = ["postfix", "postcat", "saslpasswd2"];

/** Who may log in: an entry of Cyrus SASL's sasldb2. */
export interface PostfixUser {
  readonly user: string;
  readonly realm: string;
  readonly password: string;
}

/** One port that it listens on. Only the authenticated may send. */
export interface PostfixService {
  readonly name: string;
  /** SASL mechanisms as in EHLO; empty: anyone may send, no AUTH is offered. */
  readonly mechanisms: readonly string[];
  readonly tls: "none" | "starttls" | "implicit";
  /** The socket of Dovecot that judges logins, instead of Cyrus SASL; its own configuration says which mechanisms there are. */
  readonly dovecot?: string;
  /** Where it listens; default: on a free port of 127.0.0.1. */
  readonly address?: { readonly host: string; readonly port: number };
  /** `hold`: accepted mail stays in the queue; else it goes where `next` says. */
  readonly hold?: boolean;
}

/** How to set it up. */
export interface PostfixOptions {
  readonly services: readonly PostfixService[];
  readonly users?: readonly PostfixUser[];
  /** The socket of a saslauthd that checks passwords instead of sasldb2. */
  readonly saslauthd?: string;
  /** For services with TLS. */
  readonly certificate?: Certificate;
  /** Where accepted mail goes: the Maildir that `mails` reads (default), or a next hop on this port of 127.0.0.1. */
  readonly next?: "maildir" | { readonly port: number };
  /** The realm of user names without one. Default `example.net`. */
  readonly realm?: string;
  /** More lines for main.cf; they win over those written here. */
  readonly settings?: readonly string[];
}

/** A running Postfix. Disposing stops it and removes its folder. */
export class Postfix implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #process: ServerProcess;

  /** `process` is the shell script that waits for Postfix's master. */
  constructor(folder: Folder, ports: ReadonlyMap<string, number>, process: ServerProcess) {
    this.#folder = folder;
    this.#ports = ports;
    this.#process = process;
  }

  /** Its master process; the others are its children. */
  async pid(): Promise<number> {
    return Number.parseInt(await Deno.readTextFile(`${this.#folder.path}/queue/pid/master.pid`));
  }

  /** Its log so far. */
  get log(): readonly string[] {
    return this.#process.lines;
  }

  /** Forgets its log from now on; `mails` cannot wait any more. For the bench. */
  quiet(): void {
    this.#process.quiet();
  }

  /** The port of a service. */
  port(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new RangeError(`Cannot find service ${name}`);
    return port;
  }

  /** Waits for a line of the log. */
  async logLine(matches: (line: string) => boolean): Promise<string> {
    return await this.#process.line(matches);
  }

  /** The mails in the Maildir once there are `count`, oldest first, as Postfix wrote them: LF line ends, its own fields on top. */
  async mails(count: number): Promise<readonly Uint8Array[]> {
    await this.#process.matching(count, (line) => line.includes("status=sent (delivered to maildir)"));
    const mails = await readFolder(`${this.#folder.path}/mail/all/new`);
    return mails.sort((a, b) => a.modified - b.modified).map((mail) => mail.octets);
  }

  /** The content of each held mail, in no order. */
  async heldMails(): Promise<readonly string[]> {
    const mails: string[] = [];
    for await (const entry of Deno.readDir(`${this.#folder.path}/queue/hold`)) {
      mails.push(
        await runOrThrow("postcat", { args: ["-c", `${this.#folder.path}/etc`, "-bh", "-q", entry.name] }),
      );
    }
    return mails;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.kill(await this.pid(), "SIGTERM");
    await this.#process.ended;
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Starts Postfix and resolves when each service accepts connections. Needs root, as Postfix does. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const folder = await makeFolder({ open: true });
  const ports = new Map(options.services.map(({ name, address }) => [name, address?.port ?? freePort()]));
  await writeInstance(folder.path, { options, ports });
  const process = new ServerProcess("postfix", { args: ["-c", `${folder.path}/etc`, "start-fg"] });
  try {
    await process.line((line) => line.includes("daemon started"));
    return new Postfix(folder, ports, process);
  } catch (cause) {
    await folder[Symbol.asyncDispose]();
    throw cause;
  }
}

async function writeInstance(
  folder: string,
  { options, ports }: { readonly options: PostfixOptions; readonly ports: ReadonlyMap<string, number> },
): Promise<void> {
  for (const name of ["etc", "etc/sasl", "queue", "data", "mail"]) await Deno.mkdir(`${folder}/${name}`);
  await runOrThrow("chown", { args: ["postfix", `${folder}/data`] });
  await runOrThrow("chown", { args: [`${MAIL_ID}:${MAIL_ID}`, `${folder}/mail`] });
  await writeUsers(folder, options.users ?? []);
  for (const service of options.services) {
    const text = saslConfiguration(folder, { service, saslauthd: options.saslauthd });
    await Deno.writeTextFile(`${folder}/etc/sasl/${service.name}.conf`, text);
  }
  await Deno.writeTextFile(`${folder}/etc/main.cf`, mainConfiguration(folder, options));
  await Deno.writeTextFile(`${folder}/etc/master.cf`, masterConfiguration(options.services, ports));
}

/** The owner of the Maildir: nobody; Postfix's virtual(8) refuses root. */
const MAIL_ID = "65534";

async function writeUsers(folder: string, users: readonly PostfixUser[]): Promise<void> {
  const file = `${folder}/etc/sasl/sasldb2`;
  for (const { user, realm, password } of users) {
    await runOrThrow("saslpasswd2", { args: ["-p", "-c", "-f", file, "-u", realm, user], input: password });
  }
  if (users.length > 0) {
    await runOrThrow("chgrp", { args: ["postfix", file] });
    await Deno.chmod(file, 0o640);
  }
}

// Debian's Postfix looks for NAME.conf in sasl/ under its own configuration folder, whatever cyrus_sasl_config_path says.
function saslConfiguration(
  folder: string,
  { service, saslauthd }: { readonly service: PostfixService; readonly saslauthd: string | undefined },
): string {
  return lines(
    ...(saslauthd === undefined
      ? ["pwcheck_method: auxprop", "auxprop_plugin: sasldb", `sasldb_path: ${folder}/etc/sasl/sasldb2`]
      : ["pwcheck_method: saslauthd", `saslauthd_path: ${saslauthd}`]),
    `mech_list: ${service.mechanisms.join(" ")}`,
  );
}

function mainConfiguration(folder: string, options: PostfixOptions): string {
  const next = options.next ?? "maildir";
  return lines(
    "compatibility_level = 3.6",
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    "maillog_file = /dev/stdout",
    "myhostname = smarthost.example.net",
    "mydestination =",
    "mynetworks = 127.0.0.0/8",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "smtp_dns_support_level = disabled",
    "smtp_host_lookup = native",
    "smtpd_peername_lookup = no",
    "alias_maps =",
    "alias_database =",
    "local_recipient_maps =",
    "message_size_limit = 52428800",
    "virtual_mailbox_limit = 0",
    // Held mail is never taken up, so that flow control would only slow the client down.
    "in_flow_delay = 0",
    `smtpd_sasl_local_domain = ${options.realm ?? "example.net"}`,
    "smtpd_sasl_security_options = noanonymous",
    "smtpd_relay_restrictions = permit_sasl_authenticated, reject",
    ...(next === "maildir" ? maildirSettings(folder) : [`relayhost = [127.0.0.1]:${next.port}`]),
    ...(options.certificate === undefined ? [] : [
      `smtpd_tls_cert_file = ${options.certificate.certificateFile}`,
      `smtpd_tls_key_file = ${options.certificate.keyFile}`,
    ]),
    ...(options.settings ?? []),
  );
}

/** Every address is a virtual mailbox, and all are the same one. */
function maildirSettings(folder: string): readonly string[] {
  return [
    "virtual_mailbox_domains = static:all",
    "virtual_mailbox_maps = static:all/",
    `virtual_mailbox_base = ${folder}/mail`,
    `virtual_uid_maps = static:${MAIL_ID}`,
    `virtual_gid_maps = static:${MAIL_ID}`,
  ];
}

/** The daemons that accept, queue and deliver; nothing is in a chroot. */
const DAEMONS: readonly string[] = [
  "pickup    unix n - n 60 1 pickup",
  "cleanup   unix n - n - 0 cleanup",
  "qmgr      unix n - n 300 1 qmgr",
  "tlsmgr    unix - - n 1000? 1 tlsmgr",
  "rewrite   unix - - n - - trivial-rewrite",
  "bounce    unix - - n - 0 bounce",
  "defer     unix - - n - 0 bounce",
  "trace     unix - - n - 0 bounce",
  "flush     unix n - n 1000? 0 flush",
  "proxymap  unix - - n - - proxymap",
  "smtp      unix - - n - - smtp",
  "relay     unix - - n - - smtp",
  "showq     unix n - n - - showq",
  "error     unix - - n - - error",
  "retry     unix - - n - - error",
  "virtual   unix - n n - - virtual",
  "anvil     unix - - n - 1 anvil",
  "scache    unix - - n - 1 scache",
  "postlog   unix-dgram n - n - 1 postlogd",
];

/** As many as the bench opens sessions, and some more: with the default of 100 the last ones would wait for a process. */
const SMTPD_PROCESSES = 600;

function masterConfiguration(services: readonly PostfixService[], ports: ReadonlyMap<string, number>): string {
  const listening = services.map((service) =>
    [
      `${service.address?.host ?? "127.0.0.1"}:${ports.get(service.name)} inet n - n - ${SMTPD_PROCESSES} smtpd`,
      `-o syslog_name=postfix/${service.name}`,
      `-o smtpd_sasl_type=${service.dovecot === undefined ? "cyrus" : "dovecot"}`,
      `-o smtpd_sasl_path=${service.dovecot ?? service.name}`,
      `-o smtpd_sasl_auth_enable=${service.mechanisms.length > 0 ? "yes" : "no"}`,
      ...(service.mechanisms.length > 0 ? [] : ["-o smtpd_relay_restrictions=permit_mynetworks,reject"]),
      `-o smtpd_tls_security_level=${service.tls === "none" ? "none" : "encrypt"}`,
      `-o smtpd_tls_wrappermode=${service.tls === "implicit" ? "yes" : "no"}`,
      ...(service.hold === true ? ["-o smtpd_data_restrictions=check_client_access,static:HOLD"] : []),
    ].join("\n  ")
  );
  return lines(...listening, ...DAEMONS);
}

async function readFolder(path: string): Promise<{ readonly modified: number; readonly octets: Uint8Array }[]> {
  const files: { readonly modified: number; readonly octets: Uint8Array }[] = [];
  for await (const entry of Deno.readDir(path)) {
    const file = `${path}/${entry.name}`;
    const { mtime } = await Deno.stat(file);
    files.push({ modified: mtime?.getTime() ?? 0, octets: await Deno.readFile(file) });
  }
  return files;
}

function lines(...text: string[]): string {
  return text.map((line) => `${line}\n`).join("");
}
