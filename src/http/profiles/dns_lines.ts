/**
 * The DNS records by which mail clients find their servers, as lines of a zone file.
 *
 * @module
 */

import type { MailServer } from "../../config/config.ts";
import type { ProfileSettings } from "./settings.ts";

const TTL_S = 3600;
const HTTPS_PORT = 443;

/**
 * The lines for one domain: SRV records for what is configured (RFC 6186, and `_submissions` of RFC 8314 section 5.1), and the
 * names under which autoconfig and Autodiscover are asked where [http] is reached from outside.
 */
export function dnsLines(settings: ProfileSettings, domain: string): readonly string[] {
  const { imap, pop, submission, web } = settings;
  const service = (names: Readonly<Record<MailServer["tls"], string>>, servers: readonly MailServer[], first = 0) =>
    servers.map(({ host, port, tls }, at) => srv(names[tls], domain, { host, port, priority: first + at }));
  return [
    ...service({ implicit: "_submissions", starttls: "_submission" }, submission),
    ...service({ implicit: "_imaps", starttls: "_imap" }, imap === null ? [] : [imap]),
    // RFC 6186 section 3.4: the priorities say that IMAP is preferred.
    ...service({ implicit: "_pop3s", starttls: "_pop3" }, pop === null ? [] : [pop], imap === null ? 0 : 10),
    ...web === null ? [] : [srv("_autodiscover", domain, { ...web, priority: 0 })],
    // A CNAME carries no port.
    ...web === null || web.port !== HTTPS_PORT || web.host === `autoconfig.${domain}`
      ? []
      : [`autoconfig.${domain}. ${TTL_S} IN CNAME ${web.host}.`],
  ];
}

function srv(
  service: string,
  domain: string,
  { host, port, priority }: { readonly host: string; readonly port: number; readonly priority: number },
): string {
  return `${service}._tcp.${domain}. ${TTL_S} IN SRV ${priority} 1 ${port} ${host}.`;
}
