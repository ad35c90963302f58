/**
 * The file that Thunderbird, K-9, Evolution, KMail and others look for under a mail domain: config-v1.1.xml, as Mozilla described it and
 * draft-ietf-mailmaint-autoconfig wrote it down.
 *
 * @module
 */

import type { MailServer } from "../../config/config.ts";
import { isOwnRealm } from "./address.ts";
import type { ProfileSettings, SubmissionServer } from "./settings.ts";
import { element, xmlDocument, type XmlElement } from "./xml.ts";

const SHORT_NAME_LENGTH = 20;

/**
 * The file for addresses of a domain. It names every domain whose user names have the same form, and holds no address: the client puts
 * its own in place of the words between percent signs.
 */
export function autoconfigXml(settings: ProfileSettings, domain: string): string {
  const { name, defaultRealm, domains, imap, pop, submission } = settings;
  const own = isOwnRealm(settings, domain);
  const alike = domains.filter((each) => each !== domain && isOwnRealm(settings, each) === own);
  const userName = own ? "%EMAILADDRESS%" : `%EMAILLOCALPART%@${defaultRealm}`;
  const incoming = (type: string, server: MailServer | null) =>
    server === null ? [] : [serverElement("incomingServer", type, { ...server, userName })];
  return xmlDocument({
    name: "clientConfig",
    attributes: { version: "1.1" },
    content: [{
      name: "emailProvider",
      attributes: { id: defaultRealm },
      content: [
        ...[domain, ...alike].map((each) => element("domain", each)),
        element("displayName", name),
        element("displayShortName", [...name].slice(0, SHORT_NAME_LENGTH).join("").trim()),
        ...incoming("imap", imap),
        ...incoming("pop3", pop),
        ...submission.map((server) => serverElement("outgoingServer", "smtp", { ...server, userName })),
      ],
    }],
  });
}

function serverElement(
  name: string,
  type: string,
  { host, port, tls, authentication = "password-cleartext", userName }: MailServer & Partial<SubmissionServer> & {
    readonly userName: string;
  },
): XmlElement {
  return {
    name,
    attributes: { type },
    content: [
      element("hostname", host),
      element("port", String(port)),
      element("socketType", tls === "implicit" ? "SSL" : "STARTTLS"),
      element("authentication", authentication),
      element("username", userName),
    ],
  };
}
