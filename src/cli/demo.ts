/**
 * `dokodemo demo`: the whole program at work in a temporary folder, by its own commands, over TCP.
 *
 * @module
 */

import type { Command } from "commander";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { serverEndPoint } from "../server/certificate.ts";
import { type CliCommand, exits, newCommand } from "./command.ts";
import { makeCertificate } from "./demo_certificate.ts";
import { DemoClient, type DemoPeer } from "./demo_client.ts";
import { runCommand, startServer } from "./demo_process.ts";
import { type DemoSink, startSink } from "./demo_sink.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

/** The command. */
export const command: CliCommand = {
  build: (): Command =>
    newCommand("demo", "Runs a whole server in a temporary folder and shows what it does.")
      .option("--once", "end after the demonstration; without it the server stays for you to try")
      .action(exits(demo)),
};

const HOSTNAME = "mail.foobar.co.jp";
const ACCOUNT = "shin@baz.co.jp";
const PASSWORD = "どこでも correct-horse";
const MECHANISMS = [
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-1",
  "DIGEST-MD5",
  "CRAM-MD5",
  "PLAIN",
  "LOGIN",
] as const;

/** A place, and the server in it. */
interface Site {
  readonly folder: string;
  readonly config: string;
  readonly maildir: string;
  readonly peers: { readonly mta: DemoPeer; readonly msa: DemoPeer };
  readonly sink: DemoSink;
  readonly binding: Uint8Array | null;
}

async function demo({ once = false }: { readonly once?: boolean }): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-demo-" });
  using sink = startSink();
  try {
    print(`A server in ${folder}`);
    const { config, authority, binding } = await writeSite(folder, sink.port);
    await runCommand(["user", "add", ACCOUNT, "--password-stdin", "--config", config], `${PASSWORD}\n`);
    print(`  user add ${ACCOUNT}`);
    await using server = await startServer(config, join(folder, "log"));
    for (const [name, address] of server.addresses) print(`  listening on ${address} (${name})`);
    const peer = (name: string) => ({ address: server.addresses.get(name) ?? "", hostname: HOSTNAME, authority });
    const peers = { mta: peer("MTA"), msa: peer("MSA") };
    const maildir = join(folder, "mail", "shin", "Maildir");
    const right = await demonstrate({ folder, config, maildir, peers, sink, binding });
    print(right ? "\nAll as it should be." : "\nSomething is not as it should be: the log tells more.");
    if (once) return right ? EXIT.ok : EXIT.software;
    await stay({ folder, config, peers });
    return EXIT.ok;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function demonstrate(site: Site): Promise<boolean> {
  print("\n  mechanism            login  Maildir  smarthost");
  let right = true;
  for (const mechanism of MECHANISMS) {
    const { login, delivered } = await sendBoth(site, mechanism);
    right &&= delivered;
    print(`  ${mechanism.padEnd(20)} ${login.slice(0, 3)}    ${delivered ? "ok       ok" : "no       no"}`);
  }
  print("\n  refused");
  for (const [what, expected, got] of await refusals(site)) {
    right &&= got.startsWith(expected);
    print(`  ${what.padEnd(38)} ${got}`);
  }
  return right;
}

/** One mail to an account here, one to elsewhere, each awaited at its place. */
async function sendBoth(
  { peers, binding, sink, maildir }: Site,
  mechanism: typeof MECHANISMS[number],
): Promise<{ readonly login: string; readonly delivered: boolean }> {
  using client = await DemoClient.connect(peers.msa, { tls: true });
  const login = await client.authenticate({ mechanism, authcid: ACCOUNT, password: PASSWORD, binding });
  if (!login.startsWith("235 ")) {
    complain(`${mechanism}: ${login}`);
    return { login, delivered: false };
  }
  for (const to of ["shin@foobar.co.jp", "friend@example.net"]) {
    const content = `From: <${ACCOUNT}>\r\nTo: <${to}>\r\nSubject: ${mechanism}\r\n\r\nHello by ${mechanism}\r\n`;
    const reply = await client.send({ from: ACCOUNT, to, content });
    if (reply.startsWith("250 ")) continue;
    complain(`${mechanism}: ${reply}`);
    return { login, delivered: false };
  }
  await Promise.all([arrival(maildir, `Subject: ${mechanism}\r\n`), sink.seen(mechanism)]);
  await client.command("QUIT");
  return { login, delivered: true };
}

async function refusals({ peers }: Site): Promise<readonly (readonly [string, string, string])[]> {
  using guesser = await DemoClient.connect(peers.msa, { tls: true });
  using stranger = await DemoClient.connect(peers.mta, { tls: false });
  const wrong = { authcid: ACCOUNT, password: "wrong", binding: null };
  const mail = { from: "stranger@example.com", to: "friend@example.net", content: "" };
  return [
    ["wrong password", "535 5.7.8", await guesser.authenticate({ mechanism: "SCRAM-SHA-256", ...wrong })],
    ["submission without a login", "530 5.7.0", await guesser.send(mail)],
    ["relaying without a login", "550 5.7.1", await stranger.send(mail)],
  ];
}

/** Waits until a mail with this text is in the folder. */
async function arrival(maildir: string, text: string): Promise<void> {
  const folder = join(maildir, "new");
  for (;;) {
    try {
      for await (const { name } of Deno.readDir(folder)) {
        if ((await Deno.readTextFile(join(folder, name))).includes(text)) return;
      }
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function writeSite(folder: string, smarthostPort: number) {
  const made = await makeCertificate([HOSTNAME, "127.0.0.1"], Date.now());
  const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text, { mode: 0o600 });
  await write("ca.pem", made.authority);
  await write("certificate.pem", made.certificate);
  await write("key.pem", made.key);
  const config = join(folder, "dokodemo.toml");
  await write("dokodemo.toml", siteConfig(folder, smarthostPort));
  const binding = serverEndPoint(new Uint8Array(new X509Certificate(made.certificate).raw));
  return { config, authority: made.authority, binding };
}

function siteConfig(folder: string, smarthostPort: number): string {
  const text = JSON.stringify;
  return `hostname = "${HOSTNAME}"
default_realm = "baz.co.jp"
local_domains = ["foobar.co.jp"]
postmaster = "${ACCOUNT}"
data_dir = ${text(join(folder, "data"))}

[tls]
certificate_file = "certificate.pem"
key_file = "key.pem"

[[listener]]
name = "MTA"
address = "127.0.0.1:0"
role = "mta"
[[listener]]
name = "MSA"
address = "127.0.0.1:0"
role = "msa"
[[listener]]
name = "MSAS"
address = "127.0.0.1:0"
role = "msa"
tls = "implicit"

[delivery.smarthost]
address = "127.0.0.1:${smarthostPort}"
tls = "never"
[delivery.local]
maildir = ${text(join(folder, "mail", "{user}", "Maildir"))}

[log]
format = "json"
`;
}

async function stay({ folder, config, peers }: Pick<Site, "folder" | "config" | "peers">): Promise<void> {
  const port = (peer: DemoPeer) => peer.address.slice(peer.address.lastIndexOf(":") + 1);
  print(`
The server stays until you press Ctrl-C. Try it:
  swaks --server 127.0.0.1:${
    port(peers.msa)
  } -tls -a CRAM-MD5 -au ${ACCOUNT} -ap '${PASSWORD}' -f ${ACCOUNT} -t shin@foobar.co.jp
  ls ${join(folder, "mail", "shin", "Maildir", "new")}
  tail -f ${join(folder, "log")}
Its configuration is ${config}.`);
  const stopped = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGINT", stopped.resolve);
  Deno.addSignalListener("SIGTERM", stopped.resolve);
  await stopped.promise;
}
