/**
 * The table of commands. Each is loaded when it is called, so that none pays for what another imports.
 *
 * @module
 */

import type { CliCommand } from "./command.ts";

/** One line of `dokodemo --help`, and where the command is. */
export interface CommandEntry {
  readonly group: "Server" | "Accounts" | "Queue" | "Administration" | "This program";
  readonly summary: string;
  load(): Promise<{ readonly command: CliCommand }>;
  /** Of a command whose arguments are its own matter: reads them and gives the exit code. `run` runs another command. */
  readonly raw?: () => Promise<
    (args: readonly string[], run: (args: readonly string[]) => Promise<number>) => Promise<number>
  >;
}

/** All commands, in the order in which the help shows them. */
export const COMMANDS: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  ["serve", {
    group: "Server",
    summary: "run the server",
    load: () => import("./serve.ts"),
  }],
  ["check", {
    group: "Server",
    summary: "check the configuration and list all its mistakes",
    load: () => import("./check.ts"),
  }],
  ["demo", {
    group: "Server",
    summary: "run a whole server in a temporary folder and show what it does",
    load: () => import("./demo.ts"),
  }],
  ["health", {
    group: "Server",
    summary: "ask a running server how it is",
    load: () => import("./health.ts"),
  }],
  ["auth", {
    group: "Server",
    summary: "ask the configured backends about a login",
    load: () => import("./auth.ts"),
  }],
  ["route", {
    group: "Server",
    summary: "tell which way the mail for an address takes",
    load: () => import("./route.ts"),
  }],
  ["access", {
    group: "Server",
    summary: "ask the access rules about clients, senders and recipients",
    load: () => import("./access.ts"),
  }],
  ["rewrite", {
    group: "Server",
    summary: "tell what becomes of an address in header section and envelope",
    load: () => import("./rewrite.ts"),
  }],
  ["simulate", {
    group: "Server",
    summary: "tell what would become of a session, without one",
    load: () => import("./simulate.ts"),
  }],
  ["user", {
    group: "Accounts",
    summary: "add, list, change and delete accounts",
    load: () => import("./user.ts"),
  }],
  ["device", {
    group: "Accounts",
    summary: "add, enrol and change printers, scanners and alarm panels",
    load: () => import("./device.ts"),
  }],
  ["passwd", {
    group: "Accounts",
    summary: "change your own password",
    load: () => import("./passwd.ts"),
  }],
  ["saslpasswd", {
    group: "Accounts",
    summary: "set a password, as the command of Cyrus SASL does",
    load: () => import("./saslpasswd.ts"),
  }],
  ["sasldblistusers", {
    group: "Accounts",
    summary: "list accounts and mechanisms, as the command of Cyrus SASL does",
    load: () => import("./sasldblistusers.ts"),
  }],
  ["import", {
    group: "Accounts",
    summary: "import accounts of Cyrus SASL, shadow or htpasswd files",
    load: () => import("./import.ts"),
  }],
  ["backend", {
    group: "Accounts",
    summary: "begin a password backend of your own",
    load: () => import("./backend.ts"),
  }],
  ["queue", {
    group: "Queue",
    summary: "list, show, retry, hold and delete mails",
    load: () => import("./queue.ts"),
  }],
  ["hold", {
    group: "Queue",
    summary: "accounts whose mail is accepted and not sent",
    load: () => import("./hold.ts"),
  }],
  ["limits", {
    group: "Administration",
    summary: "what accounts have sent and may send",
    load: () => import("./limits.ts"),
  }],
  ["sendmail", {
    group: "Queue",
    summary: "send a message, as programs on this machine do",
    load: async () => ({ command: (await import("./sendmail_help.ts")).sendmail }),
    raw: async () => (await import("./sendmail.ts")).runSendmail,
  }],
  ["mailq", {
    group: "Queue",
    summary: "list the queue",
    load: async () => ({ command: (await import("./sendmail_help.ts")).mailq }),
    raw: () => Promise.resolve((_args, run) => run(["queue", "list"])),
  }],
  ["newaliases", {
    group: "Queue",
    summary: "check the aliases",
    load: async () => ({ command: (await import("./sendmail_help.ts")).newaliases }),
    raw: () => Promise.resolve((_args, run) => run(["check"])),
  }],
  ["admin", {
    group: "Administration",
    summary: "make, list and remove administrators",
    load: () => import("./admin.ts"),
  }],
  ["token", {
    group: "Administration",
    summary: "make, list and revoke tokens for the API",
    load: () => import("./token.ts"),
  }],
  ["bans", {
    group: "Administration",
    summary: "close networks to connections, and open them again",
    load: () => import("./bans.ts"),
  }],
  ["logins", {
    group: "Administration",
    summary: "list logins and why they failed",
    load: () => import("./logins.ts"),
  }],
  ["audit", {
    group: "Administration",
    summary: "list who changed what",
    load: () => import("./audit.ts"),
  }],
  ["dkim", {
    group: "Administration",
    summary: "make and check the keys that sign outgoing mail",
    load: () => import("./dkim.ts"),
  }],
  ["oauth", {
    group: "Administration",
    summary: "log in at the provider of a smarthost",
    load: () => import("./oauth.ts"),
  }],
  ["webhook", {
    group: "Administration",
    summary: "try the receivers of webhooks",
    load: () => import("./webhook.ts"),
  }],
  ["backup", {
    group: "Administration",
    summary: "copy data_dir, with the server at work",
    load: () => import("./backup.ts"),
  }],
  ["restore", {
    group: "Administration",
    summary: "put a backup into an empty data_dir",
    load: () => import("./restore.ts"),
  }],
  ["completions", {
    group: "This program",
    summary: "print a completion script for bash, zsh or fish",
    load: () => import("./completions.ts"),
  }],
  ["version", {
    group: "This program",
    summary: "print the version",
    load: () => import("./version.ts"),
  }],
]);
