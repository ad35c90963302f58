/**
 * Listeners with their defaults, and what cannot be together in them.
 *
 * @module
 */

import { readNetwork } from "../policy/access_key.ts";
import { crowdIn } from "../policy/open_relay.ts";
import type { ListenerConfig } from "./config.ts";
import type { Findings } from "./files.ts";
import type { ListenerSection } from "./sections.ts";

/**
 * Completes the listeners. Without any: MTA on 25, MSA on 587, and with a certificate MSAS on 465. Without a certificate those two
 * run in the clear and let nobody log in but `cleartext_networks`, so that a file with only `hostname` is a server that can be tried.
 * A listener with a mistake is `null` and stays so.
 */
export function completeListeners(
  given: readonly (ListenerSection | null)[],
  { hasTls, mechList, gateway }: {
    readonly hasTls: boolean;
    readonly mechList: readonly string[] | null;
    /** In a container, the gateway of its network. */
    readonly gateway: string | null;
  },
  findings: Findings,
): readonly (ListenerConfig | null)[] {
  if (given.length === 0) {
    if (!hasTls) {
      findings.warnings.push(
        "tls: without certificate_file and key_file nobody can log in, except from sasl.cleartext_networks",
      );
    }
    const sections: readonly ListenerSection[] = [
      { role: "mta" },
      hasTls ? { role: "msa" } : { role: "msa", requireTls: false },
      ...(hasTls ? [{ role: "msa", tls: "implicit" } as const] : []),
    ];
    return sections.map((section) => complete(section, hasTls));
  }
  const listeners = given.map((section) => section === null ? null : complete(section, hasTls));
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  for (const [at, listener] of listeners.entries()) {
    if (listener === null) continue;
    checkTls(listener, { at, hasTls }, findings);
    checkProxies(listener, { at, gateway }, findings);
    noteTwice(names, listener.name, { at, key: "name" }, findings);
    // Port 0 is another port each time.
    if (listener.port !== 0) {
      noteTwice(addresses, `${listener.host} port ${listener.port}`, { at, key: "address" }, findings);
    }
    for (const mechanism of listener.mechList ?? []) {
      if (mechList === null || mechList.includes(mechanism)) continue;
      const text = `${mechanism} is not in sasl.mech_list, so it is not offered`;
      findings.warnings.push(`listener[${at}].mech_list: ${text}`);
    }
  }
  return listeners;
}

function complete(section: ListenerSection, hasTls: boolean): ListenerConfig {
  const { role } = section;
  const tls = section.tls ?? (hasTls ? "starttls" : "none");
  const port = role === "mta" ? 25 : tls === "implicit" ? 465 : 587;
  return {
    name: section.name ?? (tls === "implicit" ? `${role.toUpperCase()}S` : role.toUpperCase()),
    host: section.address?.host ?? "::",
    port: section.address?.port ?? port,
    role,
    tls,
    requireTls: section.requireTls ?? role === "msa",
    mechList: section.mechList ?? null,
    sender: section.sender ?? (role === "msa" ? "reject" : "report"),
    proxy: section.proxy ?? [],
  };
}

function checkProxies(
  { proxy }: ListenerConfig,
  { at, gateway }: { readonly at: number; readonly gateway: string | null },
  { warnings }: Findings,
): void {
  for (const network of proxy) {
    const prefix = readNetwork(network);
    const crowd = prefix === null ? null : crowdIn(prefix, gateway);
    if (crowd === null) continue;
    warnings.push(`listener[${at}].proxy: ${crowd}: who can connect can pretend to be any client`);
  }
}

function checkTls(
  { tls, requireTls, proxy }: ListenerConfig,
  { at, hasTls }: { readonly at: number; readonly hasTls: boolean },
  { mistakes }: Findings,
): void {
  if (tls !== "none" && !hasTls) {
    mistakes.push({ path: ["listener", at, "tls"], text: `${tls} needs [tls] with certificate_file and key_file` });
  } else if (tls === "none" && requireTls && proxy.length === 0) {
    // With a proxy it may be TLS that ended there.
    const remedy = hasTls ? 'tls = "starttls"' : "[tls] with certificate_file and key_file";
    mistakes.push({
      path: ["listener", at, "require_tls"],
      text: `TLS is required here, but there is none: give ${remedy}, or require_tls = false`,
    });
  }
}

function noteTwice(
  seen: Map<string, number>,
  value: string,
  { at, key }: { readonly at: number; readonly key: string },
  { mistakes }: Findings,
): void {
  const first = seen.get(value);
  if (first === undefined) seen.set(value, at);
  else mistakes.push({ path: ["listener", at, key], text: `${value} is already that of listener[${first}]` });
}
