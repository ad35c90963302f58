/**
 * Which line of the access rules decides about a client, a sender and a recipient, and what the client would be told. Whether a local
 * recipient exists is not looked at.
 *
 * @module
 */

import { isIP } from "node:net";
import { unreachable } from "../lib/result.ts";
import { parseMailbox } from "../smtp/path.ts";
import { greeting, REPLIES } from "../smtp/replies.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import {
  type AccessFinding,
  type AccessRules,
  describeEntry,
  grantByClient,
  grantRelay,
  judgeClient,
  judgeForwardPath,
  judgeSender,
} from "./access.ts";
import { localCandidates, type LocalDomains } from "./local_recipients.ts";

/** What is asked about; `null`: not this. */
export interface AccessSubject {
  readonly client: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  /** Whether the client has logged in. */
  readonly login: boolean;
}

/** One step of a session, and what the rules say of it. */
export interface AccessStep {
  readonly step: "client" | "sender" | "recipient";
  readonly subject: string;
  readonly result: "accepted" | "refused" | "discarded";
  /** The line or the setting that decides; `null`: none does. */
  readonly decides: string | null;
  readonly line: number | null;
  readonly reply: string;
}

/** What of the configuration counts beside the rules. */
export interface AccessSite extends LocalDomains {
  readonly hostname: string;
}

/** A question in words: an address of a client or of a mail, and what goes with it. */
export interface AccessQuestion {
  readonly about: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly login?: boolean | undefined;
}

/** Who is meant by the argument; the text says what is wrong with it. */
export function accessSubject({ about: given, from, to, login = false }: AccessQuestion): AccessSubject | string {
  for (const address of [from, to]) {
    if (address !== undefined && address !== "" && readAddress(address) === null) {
      return `${address} is no mail address`;
    }
  }
  if (isIP(given) !== 0) {
    return { client: given, sender: from ?? null, recipient: to ?? null, login };
  }
  if (readAddress(given) === null) return `${given} is no IP address and no mail address`;
  if (from !== undefined && to !== undefined) {
    return "with a sender and a recipient, the third has to be the IP address of a client";
  }
  // Of a client that is not named it is not known whether it may relay.
  if (from !== undefined) return { client: null, sender: from, recipient: given, login };
  return { client: null, sender: given, recipient: to ?? given, login: login || to === undefined };
}

function readAddress(text: string): string | null {
  return (parseMailbox(text)?.domain ?? null) === null ? null : text;
}

/** The steps of a session, up to the first that is refused. */
export function judgeAccess(rules: AccessRules, subject: AccessSubject, site: AccessSite): readonly AccessStep[] {
  const { client, sender, recipient } = subject;
  const steps: AccessStep[] = [];
  if (client !== null) steps.push(clientStep(rules, client, site.hostname));
  if (sender !== null) {
    steps.push(
      stepOf("sender", sender, { finding: judgeSender(rules, sender === "" ? null : sender), good: REPLIES.senderOk }),
    );
  }
  if (recipient !== null) steps.push(recipientStep(rules, recipient, { subject, site }));
  const refused = steps.findIndex(({ result, step }) =>
    result === "refused" && !(client === null && step === "sender")
  );
  return refused < 0 ? steps : steps.slice(0, refused + 1);
}

function clientStep(rules: AccessRules, client: string, hostname: string): AccessStep {
  const step = stepOf("client", client, { finding: judgeClient(rules, client), good: greeting(hostname) });
  const grant = step.result === "accepted" && step.decides === null ? grantByClient(rules, client) : null;
  return grant === null ? step : { ...step, decides: grant.rule };
}

/** Lines about the recipient go before the right to relay, and a domain of ours needs none. */
function recipientStep(
  rules: AccessRules,
  recipient: string,
  { subject, site }: { readonly subject: AccessSubject; readonly site: AccessSite },
): AccessStep {
  const { kind } = localCandidates(recipient, site);
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
  step: AccessStep["step"],
  subject: string,
  { finding, good }: { readonly finding: AccessFinding; readonly good: Reply },
): AccessStep {
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
