/**
 * What most wire tests begin with: a conversation that is ready for MAIL, and whole mails.
 *
 * @module
 */

import { latin1, utf8 } from "../../src/lib/octets.ts";
import type { ClientMechanismName } from "../../src/sasl/client.ts";
import { authenticate, SITE } from "./people.ts";
import type { RunningProgram, Site } from "./program.ts";
import { WireClient } from "./wire_client.ts";

/** A login and how it is made. */
export interface Login {
  readonly authcid: string;
  readonly password: string;
  /** Default PLAIN. */
  readonly mechanism?: ClientMechanismName;
  /** For the -PLUS forms: `tls-server-end-point` of the certificate. */
  readonly binding?: Uint8Array;
}

/** The login that works. */
export const SHIN: Login = { authcid: "shin@baz.co.jp", password: "correct-horse" };

/** What a conversation is opened with. */
export interface ConversationOptions {
  /** Default `msa`. */
  readonly listener?: string;
  /** Default: `starttls`, on `msas` implicit, on `mta` none. */
  readonly tls?: "starttls" | "implicit" | "none";
  /** `null`: none. Default `SHIN`, on `mta` none. */
  readonly login?: Login | null;
  readonly helo?: string;
}

/** A mail to hand over; content is sent as it is, dots doubled. */
export interface Mail {
  /** Without angle brackets; the empty string is the null reverse-path. */
  readonly from?: string;
  readonly to: string | readonly string[];
  readonly content?: string | Uint8Array<ArrayBuffer>;
}

/** A conversation that has said EHLO after TLS and login as far as they are asked for; throws when one of them fails. */
export async function converse(
  program: Pick<RunningProgram, "port">,
  site: Pick<Site, "authority">,
  options: ConversationOptions = {},
): Promise<WireClient> {
  const { listener = "msa", helo = "client.example" } = options;
  const open = listener === "mta";
  const tls = options.tls ?? (open ? "none" : listener === "msas" ? "implicit" : "starttls");
  const login = options.login === undefined ? open ? null : SHIN : options.login;
  const client = await WireClient.connect(program.port(listener));
  try {
    if (tls === "implicit") await client.startTls(SITE.hostname, site.authority);
    expect("220", await client.reply());
    expect("250", await client.command(`EHLO ${helo}`));
    if (tls === "starttls") {
      expect("220", await client.command("STARTTLS"));
      await client.startTls(SITE.hostname, site.authority);
      expect("250", await client.command(`EHLO ${helo}`));
    }
    if (login !== null) expect("235", await logIn(client, login));
    return client;
  } catch (cause) {
    client[Symbol.dispose]();
    throw cause;
  }
}

/** One exchange; the reply to it. */
export function logIn(client: WireClient, { mechanism = "PLAIN", ...credentials }: Login): Promise<string> {
  return authenticate(mechanism, { ...credentials, host: SITE.hostname }, (line) => client.command(line));
}

/** Goes through MAIL, RCPT and DATA; the reply to the final dot. Throws when it does not come to that. */
export async function submit(client: WireClient, mail: Mail): Promise<string> {
  await beginContent(client, mail);
  await client.write(dotted(mail.content ?? "Subject: hello\r\n\r\nHow are you?\r\n"));
  return await client.reply();
}

/** As far as the 354. */
export async function beginContent(client: WireClient, { from = "shin@baz.co.jp", to }: Mail): Promise<void> {
  expect("250", await client.command(`MAIL FROM:<${from}>`));
  for (const path of [to].flat()) expect("250", await client.command(`RCPT TO:<${path}>`));
  expect("354", await client.command("DATA"));
}

/** Content as it follows DATA: dots at line starts doubled, and the final dot. Content must end in CRLF or be empty. */
export function dotted(content: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const text = latin1(typeof content === "string" ? utf8(content) : content);
  return Uint8Array.from(`${text.replace(/(^|\n)\./g, "$1..")}.\r\n`, (character) => character.charCodeAt(0));
}

/** The queue id in a "250 2.0.0 Queued as ID"; throws for any other reply. */
export function queueIdOf(reply: string): string {
  const id = /^250 2\.0\.0 Queued as (\S+)$/.exec(reply)?.[1];
  if (id === undefined) throw new Error(`expected 250 2.0.0 Queued, got ${reply || "the end"}`);
  return id;
}

function expect(code: string, reply: string): void {
  if (!reply.startsWith(code)) throw new Error(`expected ${code}, got ${reply || "the end"}`);
}
