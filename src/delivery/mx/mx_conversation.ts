/**
 * A conversation with the first host of a domain that greets us and is content with what comes before the first mail.
 *
 * @module
 */

import { fail, type Result } from "../../lib/result.ts";
import type { Log } from "../../log/event.ts";
import { addressLiteral } from "../../message/received.ts";
import type { DeferredOutcome } from "../../smtp/client_state.ts";
import type { DeliveryOutcome } from "../../spool/spool.ts";
import { type Conversation, openConversation } from "../conversation.ts";
import { stsAllows, type StsPolicy } from "./sts_policy.ts";
import type { StsStore } from "./sts_store.ts";
import { findHosts, findTargets, type MxTarget, type TargetSettings } from "./targets.ts";

/** What all conversations share. */
export interface MxParts extends Omit<TargetSettings, "allows"> {
  /** `null`: no policy is looked for. */
  readonly policies: StsStore | null;
  /** PEM of the authorities to trust; `null`: the system's. */
  readonly ca: string | null;
  readonly log: Log;
  readonly committedMs: number;
}

/** Whose mail, and the port of its hosts. */
export interface MxDestination {
  /** A-labels, or an address literal. */
  readonly domain: string;
  readonly port: number;
}

/** All addresses that are tried for one conversation. */
const TRIES_LIMIT = 8;
/** An address of one family, where the host has one of the other: many a network has IPv6 that leads nowhere. */
const SHORT_CONNECT_MS = 5_000;

/**
 * Tries the hosts in order. Whatever happens before a mail is no mail's fault, and leads to the next host; only what the DNS says
 * outright is final: a domain that does not exist, takes no mail, or has no host.
 */
export async function openMxConversation(
  { domain, port }: MxDestination,
  parts: MxParts,
  signal: AbortSignal,
): Promise<Result<Conversation, DeliveryOutcome>> {
  const groups = await findHosts(domain, parts, signal);
  if (!groups.ok) return groups;
  // RFC 8461 section 2: an address literal has no policy.
  const policy = domain.startsWith("[") ? null : await parts.policies?.find(domain, signal) ?? null;
  const allows = (host: string) => {
    if (policy === null || policy.mode === "none" || stsAllows(policy, host)) return true;
    warn(parts.log, "mta-sts", `${host} is not a host that the policy of ${domain} (${policy.mode}) names`);
    return policy.mode === "testing";
  };
  const targets = findTargets(domain, groups.value, { ...parts, allows }, signal);
  let last: DeliveryOutcome | null = null;
  for (let tries = 0; tries < TRIES_LIMIT; tries++) {
    const target = await targets.next();
    if (signal.aborted) return fail(STOPPING);
    if (target.done === true) return fail(last ?? target.value);
    const opened = await openAt(target.value, { domain, port, policy, parts }, signal);
    if (opened.ok) return opened;
    last = { ...opened.problem, ...nameOf(target.value) };
    if (signal.aborted) break;
  }
  return fail(last ?? STOPPING);
}

interface Opening {
  readonly domain: string;
  readonly port: number;
  readonly policy: StsPolicy | null;
  readonly parts: MxParts;
}

/** With TLS as far as it is to be had; where the handshake comes to nothing once more without, unless a policy asks for it. */
async function openAt(
  target: MxTarget,
  { domain, port, policy, parts }: Opening,
  signal: AbortSignal,
): Promise<Result<Conversation, DeferredOutcome>> {
  const { hostname, ca, log, committedMs } = parts;
  const enforced = policy?.mode === "enforce";
  const name = target.host === target.address
    ? `[${target.address}]:${port}`
    : `${target.host}[${target.address}]:${port}`;
  const open = (tls: "required" | "opportunistic" | "never") =>
    openConversation({
      address: {
        ...{ host: target.address, port, name },
        ...target.source !== null && { source: target.source },
        ...target.hasOther && { deadlineMs: SHORT_CONNECT_MS },
      },
      ...{ host: target.host, hostname, tls, ca, log, committedMs },
      answersAs: nameOf(target).host,
      checkCertificate: enforced,
      auth: null,
      allowClearTextPassword: false,
      report: (about, text) => warn(log, `mx-${about}`, `${domain}: ${text}`),
    }, signal);
  const opened = await open(enforced ? "required" : "opportunistic");
  if (!opened.ok && opened.problem.cause === "tls" && !enforced && !signal.aborted) {
    if (policy?.mode === "testing") warn(log, "mta-sts", `${name} has no TLS, and the policy of ${domain} asks for it`);
    return await open("never");
  }
  if (opened.ok && policy?.mode === "testing" && opened.value.secure?.checked !== true) {
    const what = opened.value.secure === null ? "does not offer TLS" : "shows a certificate that is not good for it";
    warn(log, "mta-sts", `${name} ${what}, and the policy of ${domain} (testing) asks for that`);
  }
  return opened;
}

/** An address literal is the place itself, and has its name. */
function nameOf({ host, address }: MxTarget): { readonly host: string } {
  return { host: host === address ? addressLiteral(address) : host };
}

function warn(log: Log, about: string, text: string): void {
  log({ kind: "warning", about, text });
}

const STOPPING: DeferredOutcome = { kind: "deferred", cause: "local", reply: "451 4.3.2 The server is stopping" };
