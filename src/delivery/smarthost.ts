/**
 * Delivery to the next server by SMTP: carries out what the machine of `../smtp/client.ts` asks for.
 *
 * @module
 */

import type { SmarthostConfig } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Deliverer } from "./deliverer.ts";
import { openSmarthostSession } from "./smarthost_session.ts";

/** What the conversations with the smarthost go by. */
export interface SmarthostSettings {
  readonly config: SmarthostConfig;
  /** Our name for EHLO. */
  readonly hostname: string;
  readonly log: Log;
}

/** Makes the deliverer; no connection is opened before the first mail. The problem is that `caFile` cannot be read. */
export async function openSmarthost({ config, hostname, log }: SmarthostSettings): Promise<Result<Deliverer, string>> {
  let ca: string | null = null;
  try {
    if (config.caFile !== null) ca = await Deno.readTextFile(config.caFile);
  } catch (error) {
    return fail(`Cannot read ${config.caFile}: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
  const conversation = { config, ca, hostname, log };
  return succeed({
    name: "smarthost",
    concurrency: config.concurrency,
    open: (hop, signal) => openSmarthostSession(hop, conversation, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
