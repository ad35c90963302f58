/**
 * Who asks over HTTP: the address behind proxies, whether the way to us is safe, and whether the Host is one of ours. What a client
 * writes into header fields is believed of a trusted proxy alone.
 *
 * @module
 */

import { isIP } from "node:net";
import { toAscii } from "../lib/domain.ts";
import { canonicalAddress, isLoopback, type NetworkSet, networkSet } from "../lib/network.ts";

/** What the server knows of a connection. */
export interface HttpBindings {
  /** The address of the other end, `local` for a Unix socket. */
  readonly peer: string;
}

/** Who asks. */
export interface Caller {
  /** The client's address, `local` for a Unix socket. */
  readonly remote: string;
  /** Whether it came by HTTPS, to us or to a trusted proxy, or never left this machine. */
  readonly secure: boolean;
  /** Whether it came by TLS, to us or to a trusted proxy. */
  readonly tls: boolean;
  /** Whether it is a process of this machine that came without a proxy. */
  readonly local: boolean;
}

/** What of the configuration tells who a caller is. */
export interface CallerSettings {
  readonly tls: boolean;
  readonly trustedProxies: readonly string[];
  readonly publicUrl: string | null;
  readonly hostname: string;
  /** Domains whose mail clients look for their settings here: of these, autoconfig. and autodiscover. are hosts too. */
  readonly domains: readonly string[];
}

/** Tells who asks, and which hosts are ours. */
export interface Callers {
  find(headers: Headers, peer: string): Caller;
  /** `page`: a host of the pages and the API; `profile`: one under which mail clients look for their settings alone; `null`: none of ours. */
  hostKind(host: string | null): "page" | "profile" | null;
}

/** Makes it for one configuration. */
export function createCallers(settings: CallerSettings): Callers {
  const trusted = networkSet(settings.trustedProxies);
  const publicHost = settings.publicUrl === null ? null : new URL(settings.publicUrl).hostname;
  const pages = new Set(["localhost", settings.hostname, ...publicHost === null ? [] : [publicHost]]);
  const profiles = new Set(
    settings.domains.flatMap((domain) => [domain, `autoconfig.${domain}`, `autodiscover.${domain}`]),
  );
  return {
    find: (headers, peer) => {
      if (peer === "local") return { remote: "local", secure: true, tls: false, local: true };
      const direct = canonicalAddress(peer);
      if (!trusted.has(direct)) {
        const local = isLoopback(direct);
        return { remote: direct, secure: settings.tls || local, tls: settings.tls, local };
      }
      const tls = headers.get("x-forwarded-proto") === "https";
      return { remote: forwardedFor(headers, trusted) ?? direct, secure: tls, tls, local: false };
    },
    hostKind: (host) => {
      const name = hostName(host);
      if (name === null) return null;
      // An address cannot be turned to another machine by the DNS, which is what the look at Host is for.
      if (isIP(name) !== 0 || pages.has(name)) return "page";
      return profiles.has(name) ? "profile" : null;
    },
  };
}

/** The host that a request is for: of HTTP/2 it stands in `:authority`, which is part of the request's URL alone (RFC 9113 section 8.3.1). */
export function hostOf({ headers, url }: Pick<Request, "headers" | "url">): string | null {
  return headers.get("host") ?? URL.parse(url)?.host ?? null;
}

/** The last address that no trusted proxy has: those before it the client may have made up. */
function forwardedFor(headers: Headers, trusted: NetworkSet): string | null {
  const hops = (headers.get("x-forwarded-for") ?? "").split(",").map((hop) => canonicalAddress(hop.trim()));
  const last = hops.findLast((hop) => !trusted.has(hop));
  return last !== undefined && isIP(last) !== 0 ? last : null;
}

/** The name in a Host field, without port and brackets, as it is compared. */
function hostName(host: string | null): string | null {
  const [, bracketed, plain] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/.exec(host ?? "") ?? [];
  if (bracketed !== undefined) return bracketed.toLowerCase();
  if (plain === undefined) return null;
  return isIP(plain) !== 0 ? plain : toAscii(plain.replace(/\.$/, ""));
}
