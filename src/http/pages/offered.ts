/**
 * Which mechanisms the listeners of a configuration offer.
 *
 * @module
 */

import { baseName } from "../../auth/offered.ts";
import type { ListenerConfig } from "../../config/config.ts";
import type { Current } from "../parts.ts";

/** What is needed to tell. */
export type OfferParts = Pick<Current, "config" | "offered">;

/** Every mechanism that a client of some listener is offered, without -PLUS forms, the strongest first. */
export function offeredMechanisms(current: OfferParts): readonly string[] {
  const { listeners, sasl } = current.config;
  const found = new Set(listeners.flatMap((listener) => [
    ...listener.tls === "none" && listener.proxy.length === 0
      ? []
      : offer(current, listener, { tls: true, remote: "" }),
    ...offeredInClear(current, listener),
  ]));
  return sasl.mechList.map(baseName).filter((name, at, all) => found.has(name) && all.indexOf(name) === at);
}

/** Those that the networks of `cleartext_networks` are offered without TLS. */
export function offeredInClear(current: OfferParts, listener: ListenerConfig): readonly string[] {
  const [network] = current.config.sasl.cleartextNetworks;
  const [remote] = network?.split("/") ?? [];
  return remote === undefined || listener.tls === "implicit" ? [] : offer(current, listener, { tls: false, remote });
}

function offer(
  { offered }: OfferParts,
  listener: ListenerConfig,
  { tls, remote }: { readonly tls: boolean; readonly remote: string },
): readonly string[] {
  return offered(listener, { tls, bound: false, remote, health: false }).map(({ name }) => baseName(name));
}
