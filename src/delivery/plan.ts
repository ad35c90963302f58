/**
 * Sorts the recipients of a mail by where they go.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { AliasGroup } from "../policy/alias_table.ts";
import type { DeliveryOutcome, QueuedMail, QueuedRecipient } from "../spool/spool.ts";
import type { Hop, RoutedRecipient } from "./deliverer.ts";
import { type Route, routeFor, type RouteSettings } from "./routes.ts";

/** Recipients with one way: to a hop, or straight to an outcome. */
export type PlannedGroup =
  | { readonly kind: "hop"; readonly hop: Hop; readonly recipients: readonly RoutedRecipient[] }
  /** One recipient, who stands for others. */
  | { readonly kind: "expand"; readonly recipient: QueuedRecipient; readonly groups: readonly AliasGroup[] }
  | { readonly kind: "settled"; readonly outcome: DeliveryOutcome; readonly recipients: readonly RoutedRecipient[] };

/** What tells one hop from another. */
export function hopKey({ route, host, port }: Hop): string {
  return `${route} ${host} ${port}`;
}

/** Finds the way of each recipient; never rejects. */
export async function planMail(
  mail: QueuedMail,
  recipients: readonly QueuedRecipient[],
  { settings, log, signal }: { readonly settings: RouteSettings; readonly log: Log; readonly signal: AbortSignal },
): Promise<readonly PlannedGroup[]> {
  const hops = new Map<string, { readonly hop: Hop; readonly recipients: RoutedRecipient[] }>();
  const others: PlannedGroup[] = [];
  for (const recipient of recipients) {
    const route = await routeSafely(recipient, { settings, log, signal, mail });
    if (route.kind !== "hop") {
      others.push(
        route.kind === "settled"
          ? { ...route, recipients: [{ ...recipient, account: null }] }
          : { ...route, recipient },
      );
      continue;
    }
    const group = hops.getOrInsert(hopKey(route.hop), { hop: route.hop, recipients: [] });
    group.recipients.push({ ...recipient, account: route.account });
  }
  return [...[...hops.values()].map((group) => ({ kind: "hop", ...group } as const)), ...others];
}

/** A resolver that throws has a bug; no mail bounces or is tried without end for it. */
async function routeSafely(
  { forwardPath, alias }: QueuedRecipient,
  { settings, log, signal, mail }: {
    readonly settings: RouteSettings;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly mail: QueuedMail;
  },
): Promise<Route> {
  try {
    const { account, envelope: { reversePath } } = mail;
    return await routeFor({ forwardPath, reversePath, account, expanded: alias !== undefined }, settings, signal);
  } catch (error) {
    log({
      kind: "bug",
      where: "routes",
      id: mail.id,
      text: error instanceof Error ? error.stack ?? error.message : "unknown",
    });
    const reply = "451 4.3.0 Internal error while looking up the address";
    return { kind: "settled", outcome: { kind: "deferred", cause: "local", reply } };
  }
}
