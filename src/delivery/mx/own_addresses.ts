/**
 * Which addresses lead to this server.
 *
 * @module
 */

import type { ListenerConfig } from "../../config/config.ts";
import { isLoopback } from "../../lib/network.ts";
import { addressForm } from "./dns_message.ts";

/** Other servers know only this one. */
const SMTP_PORT = 25;
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Tells whether a listener of ours takes what is sent to port 25 of an address. `local`: the addresses of this machine now. */
export function ownAddresses(
  listeners: readonly Pick<ListenerConfig, "host" | "port">[],
  local: () => readonly string[],
): (address: string) => boolean {
  const hosts = listeners.filter(({ port }) => port === SMTP_PORT).map(({ host }) => addressForm(host));
  const all = hosts.some((host) => WILDCARDS.has(host));
  return (address) => {
    const wanted = addressForm(address);
    return hosts.includes(wanted) ||
      (all && (isLoopback(wanted) || local().some((one) => addressForm(one) === wanted)));
  };
}
