/**
 * What the tests of direct delivery share: hosts with names and addresses, and a deliverer that finds them by a name server.
 *
 * @module
 */

import { makeCertificate } from "../../../src/cli/demo_certificate.ts";
import type { MxConfig } from "../../../src/config/config.ts";
import type { DeliveryOutcome } from "../../../src/spool/spool.ts";
import { openMx } from "../../../src/delivery/mx/mx.ts";
import { createSecureContext, type SecureContext } from "node:tls";
import { type DnsServer, ownAddress } from "../../lib/dns_server.ts";
import { type MailService, type ScriptedPeer, serveMail, startPeer } from "../../lib/scripted_peer.ts";
import { makeFolder } from "../../servers/lib.ts";
import { deliverAll, type RecordedTask, recordLog, recordTask } from "../lib.ts";

/** A mail server at port 25 of an address of its own. */
export interface MxHost extends ScriptedPeer {
  readonly address: string;
}

/** Starts one; it serves as an ordinary server would, but for what the options say. */
export async function startHost(service: MailService = {}, address: string = ownAddress()): Promise<MxHost> {
  const peer = await startPeer((conversation) => serveMail(conversation, service), { host: address, port: 25 });
  return {
    address,
    port: peer.port,
    get conversations() {
      return peer.conversations;
    },
    lines: peer.lines,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

/** A certificate for some names; `daysAgo`: made then, for 30 days. */
export async function certify(
  names: readonly string[],
  { daysAgo = 0 }: { readonly daysAgo?: number } = {},
): Promise<
  { readonly authority: string; readonly context: SecureContext; readonly certificate: string; readonly key: string }
> {
  const made = await makeCertificate(names, Date.now() - daysAgo * 86_400_000);
  return { ...made, context: createSecureContext({ cert: made.certificate, key: made.key }) };
}

/** What came of a delivery. */
export interface Delivered {
  readonly outcome: DeliveryOutcome | undefined;
  readonly task: RecordedTask;
  /** `about: text` of each warning. */
  readonly warnings: readonly string[];
}

/** How to deliver. */
export interface DeliverOptions extends Partial<Omit<MxConfig, "resolvers" | "caFile">> {
  readonly isOurs?: (address: string) => boolean;
  /** PEM of the authorities to trust. */
  readonly authorities?: readonly string[];
  /** Where policies are kept; default: a folder that goes away. */
  readonly stsFolder?: string;
}

/** Delivers one mail to the domain, with the names that the name server knows. */
export async function deliverTo(domain: string, dns: DnsServer, options: DeliverOptions = {}): Promise<Delivered> {
  await using folder = await makeFolder();
  const { isOurs = () => false, authorities, stsFolder = `${folder.path}/mta-sts`, ...config } = options;
  const caFile = authorities === undefined ? null : `${folder.path}/ca.pem`;
  if (caFile !== null) await Deno.writeTextFile(caFile, authorities?.join("\n") ?? "");
  const { events, log } = recordLog();
  const resolvers = [{ host: "127.0.0.1", port: dns.port }];
  const opened = await openMx({
    config: { resolvers, sourceAddresses: [], mtaSts: false, caFile, concurrency: 2, ...config },
    ...{ hostname: "mail.foobar.co.jp", stsFolder, isOurs, log },
  });
  if (!opened.ok) throw new Error(opened.problem);
  await using deliverer = opened.value;
  const task = recordTask();
  const problem = await deliverAll({ deliverer, hop: { route: "mx", host: domain, port: 25 } }, [task]);
  const warnings = events.flatMap((event) => event.kind === "warning" ? [`${event.about}: ${event.text}`] : []);
  return { outcome: problem ?? task.outcomes.get(1), task, warnings };
}
