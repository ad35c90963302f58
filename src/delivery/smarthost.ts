/**
 * Delivery to the next server by SMTP: carries out what the machine of `../smtp/client.ts` asks for.
 *
 * @module
 */

import type { SmarthostConfig } from "../config/config.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Deliverer } from "./deliverer.ts";
import type { TokenSources } from "./oauth/token_sources.ts";
import { openSmarthostSession } from "./smarthost_session.ts";

/** What the conversations with the smarthost go by. */
export interface SmarthostSettings {
  readonly config: SmarthostConfig;
  /** Our name for EHLO. */
  readonly hostname: string;
  readonly log: Log;
  /** For all smarthosts of the configuration; the caller disposes of them, after the deliverer. */
  readonly tokens: TokenSources;
  /** When the server stops, the reply to a final dot that was sent is waited for no longer than this. Default ten seconds. */
  readonly committedMs?: number;
}

const COMMITTED_MS = 10_000;

/** Makes the deliverer; no connection is opened before the first mail. The problem is that `caFile` cannot be read. */
export async function openSmarthost(settings: SmarthostSettings): Promise<Result<Deliverer, string>> {
  const { config, hostname, log, tokens, committedMs = COMMITTED_MS } = settings;
  let ca: string | null = null;
  try {
    if (config.caFile !== null) ca = await Deno.readTextFile(config.caFile);
  } catch (error) {
    return fail(`Cannot read ${config.caFile}: ${whyUnreadable(error)}`);
  }
  const source = config.oauth === null ? null : tokens.of(config.oauth, `${config.host}:${config.port}`);
  const conversation = { config, ca, tokens: source, hostname, log, committedMs };
  return succeed({
    name: "smarthost",
    concurrency: config.concurrency,
    open: (hop, signal) => openSmarthostSession(hop, conversation, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
