/**
 * Clients that hand over mails until the server goes away, and remember which it took. Each mail says who it is and what its body's
 * digest is, so that a copy of it can be judged wherever it turns up.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { concat, latin1, utf8 } from "../../src/lib/octets.ts";
import type { Random } from "./random.ts";
import { dotted, queueIdOf } from "./submission.ts";
import type { WireClient } from "./wire_client.ts";

/** A mail of the load. */
export interface LoadMail {
  readonly id: string;
  readonly recipients: readonly string[];
  readonly content: Uint8Array<ArrayBuffer>;
}

/** A mail that was answered with 250. */
export interface Acknowledged {
  readonly id: string;
  /** The server's name for it. */
  readonly queueId: string;
  readonly recipients: readonly string[];
}

/** How a client hands its mails over. */
export type LoadStyle = "step by step" | "pipelined" | "chunked";

/** All styles. */
export const LOAD_STYLES: readonly LoadStyle[] = ["step by step", "pipelined", "chunked"];

/** Makes a mail with about so many octets of body: lines of any length, some with octets above 127, some beginning with dots. */
export function makeLoadMail(
  random: Random,
  { id, recipients, octets }: { readonly id: string; readonly recipients: readonly string[]; readonly octets: number },
): LoadMail {
  const lines: string[] = [];
  for (let length = 0; length < octets;) {
    const filler = random.pick(FILLERS).repeat(1 + random.below(octets > 10_000 ? 60 : 8)).slice(0, 900);
    const line = `${random.pick(STARTS)}${id} ${lines.length} ${filler}\r\n`;
    lines.push(line);
    length += line.length;
  }
  const body = utf8(lines.join(""));
  const header = `X-Load-Id: ${id}\r\nX-Load-Digest: ${digestOf(body)}\r\nSubject: load\r\n\r\n`;
  return { id, recipients, content: concat(utf8(header), body) };
}

const FILLERS = ["0123456789", ".", "あいう", "lorem ipsum ", "=?utf-8?q?", "From "];
const STARTS = ["", "", ".", "..", ".\t"];

/** Which mail of a load this is a copy of, under which queue id, and whether it is whole. */
export function judgeCopy(
  octets: Uint8Array,
): { readonly id: string; readonly queueId: string; readonly whole: boolean } {
  const text = latin1(octets);
  const end = text.indexOf("\r\n\r\n");
  const header = text.slice(0, end + 2);
  const field = (name: string) => new RegExp(`^${name}: (\\S+)\\r$`, "m").exec(header)?.[1] ?? "";
  const queueId = /^Received:[^;]*? id ([^\s;]+)/m.exec(header)?.[1] ?? "";
  const whole = end !== -1 && digestOf(octets.subarray(end + 4)) === field("X-Load-Digest");
  return { id: field("X-Load-Id"), queueId, whole };
}

/**
 * Hands mails over in one conversation that is ready for MAIL. `acknowledge` is called at the moment when the 250 has been read.
 * Throws when the server refuses anything, and when it goes away; `isGone` tells the two apart.
 */
export async function handOver(
  client: WireClient,
  mails: readonly LoadMail[],
  { style, acknowledge }: { readonly style: LoadStyle; readonly acknowledge: (mail: Acknowledged) => void },
): Promise<void> {
  const conversation = new LoadConversation(client, acknowledge);
  if (style === "pipelined") return await conversation.pipelined(mails);
  for (const mail of mails) await (style === "chunked" ? conversation.chunked(mail) : conversation.stepByStep(mail));
}

/** Whether an error of `handOver` or `converse` says that the other side has gone. */
export function isGone(error: unknown): boolean {
  if (error instanceof Error && / got the end$/.test(error.message)) return true;
  return GONE.some((kind) => error instanceof kind);
}

const GONE = [
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionRefused,
  Deno.errors.ConnectionAborted,
  Deno.errors.NotConnected,
  Deno.errors.UnexpectedEof,
];

class LoadConversation {
  readonly #client: WireClient;
  readonly #acknowledge: (mail: Acknowledged) => void;

  constructor(client: WireClient, acknowledge: (mail: Acknowledged) => void) {
    this.#client = client;
    this.#acknowledge = acknowledge;
  }

  async stepByStep(mail: LoadMail): Promise<void> {
    for (const command of commandsOf(mail)) {
      await this.#client.write(command);
      await this.#expect("250");
    }
    await this.#client.write("DATA\r\n");
    await this.#expect("354");
    await this.#client.write(dotted(mail.content));
    await this.#taken(mail);
  }

  /** The commands of a mail go with the content of the one before it (RFC 2920 section 3.1). */
  async pipelined(mails: readonly LoadMail[]): Promise<void> {
    let before: LoadMail | null = null;
    for (const mail of [...mails, null]) {
      const content: Uint8Array = before === null ? new Uint8Array() : dotted(before.content);
      const commands = mail === null ? "" : [...commandsOf(mail), "DATA\r\n"].join("");
      await this.#client.write(concat(content, utf8(commands)));
      if (before !== null) await this.#taken(before);
      for (let count = mail === null ? 0 : 1 + mail.recipients.length; count > 0; count--) await this.#expect("250");
      if (mail !== null) await this.#expect("354");
      before = mail;
    }
  }

  /** A whole mail in one write, in chunks (RFC 3030). */
  async chunked(mail: LoadMail): Promise<void> {
    const cut = Math.floor(mail.content.length / 3);
    await this.#client.write(concat(
      utf8(`${commandsOf(mail).join("")}BDAT ${cut}\r\n`),
      mail.content.subarray(0, cut),
      utf8(`BDAT ${mail.content.length - cut} LAST\r\n`),
      mail.content.subarray(cut),
    ));
    for (let count = 2 + mail.recipients.length; count > 0; count--) await this.#expect("250");
    await this.#taken(mail);
  }

  async #taken({ id, recipients }: LoadMail): Promise<void> {
    const queueId = queueIdOf(await this.#expect("250"));
    this.#acknowledge({ id, queueId, recipients });
  }

  async #expect(code: string): Promise<string> {
    const reply = await this.#client.reply();
    if (!reply.startsWith(code)) throw new Error(`expected ${code}, got ${reply || "the end"}`);
    return reply;
  }
}

function commandsOf({ recipients }: LoadMail): readonly string[] {
  return ["MAIL FROM:<shin@baz.co.jp> BODY=8BITMIME\r\n", ...recipients.map((path) => `RCPT TO:<${path}>\r\n`)];
}

function digestOf(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}
