/**
 * Delivery straight to the hosts of the recipient's domain (RFC 5321 section 5).
 *
 * @module
 */

import type { MxConfig } from "../../config/config.ts";
import { whyUnreadable } from "../../lib/file_error.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import type { Log } from "../../log/event.ts";
import type { Deliverer } from "../deliverer.ts";
import { openSession } from "../delivery_session.ts";
import { openMxConversation } from "./mx_conversation.ts";
import { createResolver } from "./resolver.ts";
import { openStsStore } from "./sts_store.ts";

/** What the conversations go by. */
export interface MxSettings {
  readonly config: MxConfig;
  /** Our name for EHLO; the host of this name is this server. */
  readonly hostname: string;
  /** Where the policies of MTA-STS are kept. */
  readonly stsFolder: string;
  /** Whether whoever connects to this address, on the port of SMTP, comes to this server. */
  readonly isOurs: (address: string) => boolean;
  readonly log: Log;
  /** When the server stops, the reply to a final dot that was sent is waited for no longer than this. Default ten seconds. */
  readonly committedMs?: number;
}

const COMMITTED_MS = 10_000;

/** Makes the deliverer of hops whose host is a domain or an address literal. The problem is that `caFile` cannot be read. */
export async function openMx(settings: MxSettings): Promise<Result<Deliverer, string>> {
  const { config, hostname, stsFolder, isOurs, log, committedMs = COMMITTED_MS } = settings;
  let ca: string | null = null;
  try {
    if (config.caFile !== null) ca = await Deno.readTextFile(config.caFile);
  } catch (error) {
    return fail(`Cannot read ${config.caFile}: ${whyUnreadable(error)}`);
  }
  const resolver = createResolver(config.resolvers);
  const policies = config.mtaSts ? openStsStore({ resolver, ca, folder: stsFolder, log, now: Date.now }) : null;
  const parts = {
    ...{ resolver, policies, hostname, isOurs, ca, log, committedMs },
    sourceAddresses: config.sourceAddresses,
    random: Math.random,
  };
  return succeed({
    name: "mx",
    concurrency: config.concurrency,
    open: ({ host, port }, signal) =>
      openSession((during) => openMxConversation({ domain: host, port }, parts, during), signal),
    [Symbol.asyncDispose]: async () => {
      await policies?.[Symbol.asyncDispose]();
    },
  });
}
