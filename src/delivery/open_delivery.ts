/**
 * The deliverers that a configuration asks for.
 *
 * @module
 */

import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import type { Deliverer, Hop } from "./deliverer.ts";
import { openMaildir } from "./maildir.ts";
import { openMx } from "./mx/mx.ts";
import { ownAddresses } from "./mx/own_addresses.ts";
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
  const { hostname, listeners, dataDir, delivery } = config;
  const { smarthost, mx, local, giveUpMs, retryMs } = delivery;
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
  if (delivery.default === "mx") {
    const isOurs = ownAddresses(listeners, () => Deno.networkInterfaces().map(({ address }) => address));
    const opened = await openMx({ config: mx, hostname, stsFolder: join(dataDir, "mta-sts"), isOurs, log });
    if (!opened.ok) return opened;
    deliverers.set("mx", opened.value);
  }
  return succeed({
    settings: { hostname, recipients, smarthost: hop, mx: delivery.default === "mx", deliverers, giveUpMs, retryMs },
    [Symbol.asyncDispose]: async () => {
      for (const deliverer of deliverers.values()) await deliverer[Symbol.asyncDispose]();
    },
  });
}
