/**
 * The deliverers that a configuration asks for.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import type { Deliverer, Hop } from "./deliverer.ts";
import { openMaildir } from "./maildir.ts";
import type { SchedulerSettings } from "./scheduler.ts";
import { openSmarthost } from "./smarthost.ts";

/** Settings of a scheduler, and what they own. */
export interface Delivery extends AsyncDisposable {
  readonly settings: SchedulerSettings;
}

/** Makes the deliverers; nothing is connected before the first mail. The problem is a sentence for the administrator. */
export async function openDelivery(
  config: Config,
  { recipients, log }: { readonly recipients: LocalRecipients; readonly log: Log },
): Promise<Result<Delivery, string>> {
  const { hostname, delivery: { smarthost, local, giveUpMs, retryMs } } = config;
  const deliverers = new Map<string, Deliverer>();
  let hop: Hop | null = null;
  if (local !== null) {
    deliverers.set("maildir", openMaildir({ template: local.maildir, hostname, log, now: Date.now }));
  }
  if (smarthost !== null) {
    const opened = await openSmarthost({ config: smarthost, hostname, log });
    if (!opened.ok) return opened;
    deliverers.set("smarthost", opened.value);
    hop = { route: "smarthost", host: smarthost.host, port: smarthost.port };
  }
  return succeed({
    settings: { hostname, recipients, smarthost: hop, deliverers, giveUpMs, retryMs },
    [Symbol.asyncDispose]: async () => {
      for (const deliverer of deliverers.values()) await deliverer[Symbol.asyncDispose]();
    },
  });
}
