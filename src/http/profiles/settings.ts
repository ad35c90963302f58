/**
 * What mail clients are told, out of the configuration.
 *
 * @module
 */

import type { Config, ListenerConfig, MailServer } from "../../config/config.ts";
import { isLoopback } from "../../lib/network.ts";

/** A server that mail is sent through, as clients name the way to log in. */
export interface SubmissionServer extends MailServer {
  /** `password-cleartext`: PLAIN or LOGIN, inside TLS; `password-encrypted`: only mechanisms that hide the password are offered. */
  readonly authentication: "password-cleartext" | "password-encrypted";
}

/** What profiles are made of. Domains are lower-case A-labels. */
export interface ProfileSettings {
  /** What clients call the account. */
  readonly name: string;
  readonly hostname: string;
  /** Domains whose addresses get profiles: local domains and realms, the default realm first. */
  readonly domains: readonly string[];
  readonly defaultRealm: string;
  /** Domains whose addresses are user names themselves. */
  readonly realms: ReadonlySet<string>;
  readonly imap: MailServer | null;
  readonly pop: MailServer | null;
  /** The most wanted first: TLS from the first octet before STARTTLS (RFC 8314 section 3). */
  readonly submission: readonly SubmissionServer[];
  /** Where [http] is reached by HTTPS from outside; `null`: nowhere that is known. */
  readonly web: { readonly host: string; readonly port: number } | null;
}

const HTTPS_PORT = 443;
const CLEAR_TEXT: readonly string[] = ["PLAIN", "LOGIN"];

/** Takes from a configuration what profiles need. */
export function profileSettings(config: Config): ProfileSettings {
  const { hostname, defaultRealm, localDomains, sasl, backends, http } = config;
  // Without a list every realm is served in which a backend has accounts; of those the sections name some.
  const named = sasl.realms.length > 0 ? sasl.realms : backends.flatMap(({ realms }) => realms);
  const { name = hostname, imap = null, pop = null } = http?.profiles ?? {};
  return {
    ...{ name, hostname, defaultRealm, imap, pop },
    domains: [...new Set([defaultRealm, ...localDomains, ...sasl.realms])],
    realms: new Set([defaultRealm, ...named.map((realm) => realm.toLowerCase())]),
    submission: submissionServers(config),
    web: webServer(http?.publicUrl ?? null),
  };
}

/** What the configuration lacks for a profile, as a sentence for the administrator, or `null`. */
export function whyNoProfile({ imap, pop, submission }: ProfileSettings): string | null {
  if (imap === null && pop === null) {
    return "No server for reading mail is configured: set imap or pop in [http.profiles]";
  }
  if (submission.length > 0) return null;
  return "No server for sending mail is configured: a [[listener]] needs TLS and a port of its own";
}

/**
 * The listeners that clients can use: never one without TLS, nor one on port 0, which is another port each time. `msa` is meant for clients
 * and an address outside loopback reaches them; where there is none such, a listener of the next kind has to do.
 */
function submissionServers({ hostname, listeners, sasl }: Config): readonly SubmissionServer[] {
  const usable = listeners.filter(({ tls, port }) => tls !== "none" && port !== 0);
  const outside = usable.filter(({ host }) => !isLoopback(host));
  const kinds = [outside.filter(isMsa), outside, usable.filter(isMsa), usable];
  const chosen = kinds.find((kind) => kind.length > 0) ?? [];
  const servers = chosen.map(({ port, tls, mechList }): SubmissionServer => {
    const offered = mechList ?? sasl.mechList;
    const clear = CLEAR_TEXT.some((mechanism) => offered.includes(mechanism) && sasl.mechList.includes(mechanism));
    return {
      ...{ host: hostname, port, tls: tls === "implicit" ? "implicit" : "starttls" },
      authentication: clear ? "password-cleartext" : "password-encrypted",
    };
  });
  const firstTls = (server: SubmissionServer) => server.tls === "implicit" ? 0 : 1;
  return servers.toSorted((one, other) => firstTls(one) - firstTls(other));
}

function isMsa({ role }: ListenerConfig): boolean {
  return role === "msa";
}

function webServer(publicUrl: string | null): ProfileSettings["web"] {
  const url = publicUrl === null ? null : new URL(publicUrl);
  if (url?.protocol !== "https:") return null;
  return { host: url.hostname, port: url.port === "" ? HTTPS_PORT : Number(url.port) };
}
