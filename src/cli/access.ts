/**
 * `dokodemo access test`: which line of the access rules decides, and what the client would be told.
 *
 * @module
 */

import { isIP } from "node:net";
import type { Command } from "commander";
import { readAccess } from "../config/access_files.ts";
import type { Config } from "../config/config.ts";
import { networkSet } from "../lib/network.ts";
import { unreachable } from "../lib/result.ts";
import {
  type AccessFinding,
  type AccessRules,
  describeEntry,
  grantByClient,
  grantRelay,
  judgeClient,
  judgeForwardPath,
  judgeSender,
} from "../policy/access.ts";
import { NO_ACCESS } from "../policy/access_map.ts";
import { localCandidates } from "../policy/local_recipients.ts";
import { parseMailbox } from "../smtp/path.ts";
import { greeting, REPLIES } from "../smtp/replies.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { formatTable } from "./table.ts";

interface TestOptions extends ConfigOption {
  readonly from?: string;
  readonly to?: string;
  readonly login?: boolean;
  readonly json?: boolean;
}

/** What is asked about; `null`: not this. */
interface Subject {
  readonly client: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  /** Whether the client has logged in. */
  readonly login: boolean;
}

/** One step of a session, and what the rules say of it. */
interface StepReport {
  readonly step: "client" | "sender" | "recipient";
  readonly subject: string;
  readonly result: "accepted" | "refused" | "discarded";
  /** The line or the setting that decides; `null`: none does. */
  readonly decides: string | null;
  readonly line: number | null;
  readonly reply: string;
}

/** Questions about the access rules. */
export const command: CliCommand = { build };

function build(): Command {
  const access = newCommand("access", "Asks the access rules about clients, senders and recipients.");
  takesConfig(access.command("test <ADDRESS|IP>"))
    .description(
      "say which line decides about a client (IP), or about a sender and a recipient, and what the client would be told; " +
        "exit code 0: accepted, 1: refused or discarded. Whether a local recipient exists is not looked at",
    )
    .option("--from <ADDRESS>", "the sender; ADDRESS is the recipient then")
    .option("--to <ADDRESS>", "the recipient; ADDRESS is the sender then")
    .option("--login", "the client has logged in, so it may relay")
    .option("--json", "print JSON")
    .action(exits(test));
  return access;
}

async function test(given: string, options: TestOptions): Promise<number> {
  const subject = subjectOf(given, options);
  if (typeof subject === "string") {
    complain(subject);
    return EXIT.usage;
  }
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  const steps = judge(await rulesOf(config.value), subject, config.value);
  if (options.json === true) print(JSON.stringify(steps, null, 2));
  else report(steps);
  return steps.every(({ result }) => result === "accepted") ? EXIT.ok : EXIT.no;
}

/** Who is meant by the argument; the text says what is wrong with it. */
function subjectOf(given: string, { from, to, login = false }: TestOptions): Subject | string {
  for (const address of [from, to]) {
    if (address !== undefined && address !== "" && readAddress(address) === null) {
      return `${address} is no mail address`;
    }
  }
  if (isIP(given) !== 0) {
    return { client: given, sender: from ?? null, recipient: to ?? null, login };
  }
  if (readAddress(given) === null) return `${given} is no IP address and no mail address`;
  if (from !== undefined && to !== undefined) return "with --from and --to the argument is the IP address of a client";
  // Of a client that is not named it is not known whether it may relay.
  if (from !== undefined) return { client: null, sender: from, recipient: given, login };
  return { client: null, sender: given, recipient: to ?? given, login: login || to === undefined };
}

function readAddress(text: string): string | null {
  return (parseMailbox(text)?.domain ?? null) === null ? null : text;
}

async function rulesOf({ access }: Config): Promise<AccessRules> {
  const map = access.file === null ? NO_ACCESS : (await readAccess(access.file)).map;
  return {
    map,
    blacklistRecipients: access.blacklistRecipients,
    relayHostsOnly: access.relayHostsOnly,
    relayDomains: new Set(access.relayDomains),
    relayNetworks: networkSet(access.relayNetworks),
  };
}

/** The steps of a session, up to the first that is refused. */
function judge(rules: AccessRules, subject: Subject, config: Config): readonly StepReport[] {
  const { client, sender, recipient } = subject;
  const steps: StepReport[] = [];
  if (client !== null) steps.push(clientStep(rules, client, config.hostname));
  if (sender !== null) {
    steps.push(
      stepOf("sender", sender, { finding: judgeSender(rules, sender === "" ? null : sender), good: REPLIES.senderOk }),
    );
  }
  if (recipient !== null) steps.push(recipientStep(rules, recipient, { subject, config }));
  const refused = steps.findIndex(({ result, step }) =>
    result === "refused" && !(client === null && step === "sender")
  );
  return refused < 0 ? steps : steps.slice(0, refused + 1);
}

function clientStep(rules: AccessRules, client: string, hostname: string): StepReport {
  const step = stepOf("client", client, { finding: judgeClient(rules, client), good: greeting(hostname) });
  const grant = step.result === "accepted" && step.decides === null ? grantByClient(rules, client) : null;
  return grant === null ? step : { ...step, decides: grant.rule };
}

/** Lines about the recipient go before the right to relay, and a domain of ours needs none. */
function recipientStep(
  rules: AccessRules,
  recipient: string,
  { subject, config }: { readonly subject: Subject; readonly config: Config },
): StepReport {
  const { kind } = localCandidates(recipient, config);
  const finding = judgeForwardPath(rules, recipient, kind !== "not-local");
  const listed = stepOf("recipient", recipient, { finding, good: REPLIES.recipientOk });
  if (listed.result !== "accepted" || kind === "candidates") return listed;
  const about = { step: "recipient", subject: recipient, line: null } as const;
  if (kind === "relay-path") {
    const decides = "the local part has % or !";
    return { ...about, result: "refused", decides, reply: written(REPLIES.pathNotLocal) };
  }
  const grant = grantRelay(rules, { client: subject.client ?? "", forwardPath: recipient });
  const decides = grant?.rule ?? (subject.login ? "the login" : null);
  if (decides === null) return { ...about, result: "refused", decides, reply: written(REPLIES.relayDenied) };
  return {
    ...about,
    result: "accepted",
    decides,
    line: grant?.entry?.line ?? null,
    reply: written(REPLIES.recipientOk),
  };
}

function stepOf(
  step: StepReport["step"],
  subject: string,
  { finding, good }: { readonly finding: AccessFinding; readonly good: Reply },
): StepReport {
  const { verdict, entry } = finding;
  const decides = entry === null ? null : describeEntry(entry);
  const about = { step, subject, decides, line: entry?.line ?? null };
  switch (verdict.kind) {
    case "accept":
    case "hold":
      return { ...about, result: "accepted", reply: written(good) };
    case "discard":
      return { ...about, result: "discarded", reply: written(good) };
    case "refuse":
      return { ...about, result: "refused", reply: written(verdict.reply) };
    default:
      return unreachable(verdict);
  }
}

function written(reply: Reply): string {
  return formatReply(reply).trimEnd();
}

function report(steps: readonly StepReport[]): void {
  print(formatTable(steps, [
    { head: "STEP", cell: ({ step }) => step },
    { head: "OF", cell: ({ subject }) => subject === "" ? "<>" : subject },
    { head: "RESULT", cell: ({ result }) => result },
    { head: "DECIDED BY", cell: ({ decides }) => decides ?? "no rule" },
    { head: "THE CLIENT IS TOLD", cell: ({ reply }) => reply },
  ]));
}
