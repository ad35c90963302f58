/**
 * `dokodemo sendmail`, and by the names `mailq` and `newaliases`: what programs on this machine have always called. It writes into the
 * maildrop, and needs no server for that.
 *
 * @module
 */

import { readSendmailFacts, type SendmailFacts } from "../config/sendmail_facts.ts";
import { recipientsOf } from "../message/field_addresses.ts";
import { HEADER_LIMIT_OCTETS, HeaderReader } from "../message/header.ts";
import { LineEnds } from "../message/line_ends.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { parseMailbox } from "../smtp/path.ts";
import { configFile } from "./config_file.ts";
import { findDataDir } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { MaildropFile, type MaildropProblem } from "./maildrop_file.ts";
import { complain, print } from "./output.ts";
import { parseSendmailArguments, type SendmailRequest, type SendRequest } from "./sendmail_arguments.ts";
import { readMessage } from "./sendmail_input.ts";

/** Runs another command of ours. */
export type RunCommand = (args: readonly string[]) => Promise<number>;

/** Does what the command line asks for; the result is the exit code. */
export async function runSendmail(args: readonly string[], run: RunCommand): Promise<number> {
  const request = parseSendmailArguments(args);
  if (!request.ok) {
    complain(printable(request.problem, 500));
    return EXIT.usage;
  }
  return await carryOut(request.value, run);
}

async function carryOut(request: SendmailRequest, run: RunCommand): Promise<number> {
  switch (request.kind) {
    case "list-queue":
      return await run(["queue", "list"]);
    case "run-queue": {
      const { only } = request;
      if (only === null) return await run(["queue", "retry"]);
      return await run(only.by === "id" ? ["queue", "retry", only.text] : ["queue", "flush", "--domain", only.text]);
    }
    case "check-aliases":
      return await run(["check"]);
    case "check-addresses":
      return checkAddresses(request.addresses);
    case "session":
    case "send":
      return await hand(request);
  }
}

function checkAddresses(addresses: readonly string[]): number {
  const bad = addresses.filter((address) => parseMailbox(address) === null);
  for (const address of addresses) {
    const word = bad.includes(address) ? "is no address" : "is well formed";
    print(`${printable(address, 300)} ${word}`);
  }
  return bad.length === 0 ? EXIT.ok : EXIT.data;
}

async function hand(request: Extract<SendmailRequest, { kind: "session" | "send" }>): Promise<number> {
  const dataDir = await findDataDir(undefined);
  if (!dataDir.ok) {
    complain(dataDir.problem);
    return EXIT.config;
  }
  const facts = await readSendmailFacts(configFile({}));
  if (request.kind === "session") {
    const { serveStandardInput } = await import("./sendmail_session.ts");
    return await serveStandardInput(dataDir.value, facts);
  }
  const sent = await send(request, { dataDir: dataDir.value, facts });
  if (!sent.ok) {
    complain(sent.problem.message);
    return sent.problem.exit;
  }
  if (request.verbose) print(`The mail waits for the server as ${sent.value}`);
  return EXIT.ok;
}

async function send(
  request: SendRequest,
  { dataDir, facts }: { readonly dataDir: string; readonly facts: SendmailFacts },
): Promise<Result<string, MaildropProblem>> {
  const pieces = readMessage((into) => Deno.stdin.read(into), { dotEnds: !request.ignoreDots });
  const head = request.fromMessage ? await readHead(pieces) : { header: new Uint8Array(0), octets: [] };
  const recipients = chooseRecipients(request, head.header);
  if (!recipients.ok) return recipients;
  const { notify, reversePath, fullName, ret, envid } = request;
  if (reversePath !== null && reversePath !== "" && parseMailbox(reversePath) === null) {
    return fail({ message: `Cannot send as ${printable(reversePath, 300)}: it is no address`, exit: EXIT.data });
  }
  const opened = MaildropFile.create(dataDir, {
    ...{ version: 1, reversePath, fullName, removeBcc: request.fromMessage, smtputf8: false, ret, envid },
    recipients: recipients.value.map((address) => ({ address, notify, orcpt: null })),
  });
  if (!opened.ok) return opened;
  using file = opened.value;
  let octets = 0;
  const write = (piece: Uint8Array) => {
    octets += piece.length;
    if (octets <= facts.limitOctets) file.write(piece);
  };
  for (const piece of head.octets) write(piece);
  for await (const piece of pieces) write(piece);
  if (octets > facts.limitOctets) {
    return fail({ message: `The mail is larger than ${facts.limitOctets} octets`, exit: EXIT.unavailable });
  }
  const committed = file.commit();
  return committed.ok ? succeed(file.name) : committed;
}

/** Reads up to the end of the header section, as the server will see it. */
async function readHead(
  pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>,
): Promise<{ readonly header: Uint8Array; readonly octets: readonly Uint8Array[] }> {
  const reader = new HeaderReader();
  const ends = new LineEnds();
  const octets: Uint8Array[] = [];
  let count = 0;
  // Not `for await`: leaving that would end the generator.
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    octets.push(next.value);
    count += next.value.length;
    const split = reader.push(ends.push(next.value));
    if (split !== null) return { header: split.header, octets };
    if (count > 2 * HEADER_LIMIT_OCTETS) break;
  }
  const last = reader.push(ends.finish()) ?? reader.finish();
  return { header: last.header, octets };
}

function chooseRecipients(
  request: SendRequest,
  header: Uint8Array,
): Result<readonly string[], MaildropProblem> {
  const named = request.fromMessage ? recipientsOf(header) : succeed([]);
  if (!named.ok) {
    return fail({ message: `Cannot read the address ${printable(named.problem, 300)}`, exit: EXIT.data });
  }
  const recipients = new Set([...request.recipients.flatMap(bareAddress), ...named.value]);
  if (recipients.size === 0) {
    return fail({ message: "There are no recipients: the message has no To, Cc or Bcc", exit: EXIT.usage });
  }
  const bad = [...recipients].find((recipient) => parseMailbox(recipient) === null);
  if (bad === undefined) return succeed([...recipients]);
  return fail({ message: `Cannot send to ${printable(bad, 300)}: it is no address`, exit: EXIT.data });
}

/** `<address>`, `Name <address>` and several with commas stand on command lines too. */
function bareAddress(text: string): readonly string[] {
  const header = new TextEncoder().encode(`To: ${text.replace(/[\r\n]/g, "?")}\r\n`);
  const read = recipientsOf(header);
  return read.ok && read.value.length > 0 ? read.value : [text];
}
