/**
 * Outlook's Autodiscover in plain XML ("POX", MS-OXDSCLI): what it asks, and the answer with servers for IMAP, POP3 and SMTP.
 *
 * @module
 */

import type { MailServer } from "../../config/config.ts";
import { decodeUtf8 } from "../../lib/octets.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import type { ProfileSettings } from "./settings.ts";
import { element, xmlDocument, type XmlElement } from "./xml.ts";

/** More than any request has. */
export const REQUEST_LIMIT_OCTETS = 16 * 1024;

const ANSWER_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/** Both elements are looked for under any prefix; nothing may stand inside but text. */
const ADDRESS_REGEXP = /<(?:[A-Za-z][\w.-]*:)?EMailAddress(?:\s[^<>]*)?>([^<>]{1,1000})<\//;
const SCHEMA_REGEXP = /<(?:[A-Za-z][\w.-]*:)?AcceptableResponseSchema(?:\s[^<>]*)?>([^<>]{1,1000})<\//;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&apos;", "'"],
]);

/** Why a request has no answer: it is no XML of that kind, or it wants an answer of another kind (a phone that speaks ActiveSync). */
export type RequestProblem = "unreadable" | "other-schema";

/**
 * Takes the address out of a request. This is no XML parser and needs none: what declares a document type or entities is refused, and of the
 * rest two elements are read.
 */
export function readAutodiscoverRequest(octets: Uint8Array): Result<string, RequestProblem> {
  const text = decodeUtf8(octets)?.replace(/<!--[\s\S]*?-->/g, "") ?? "";
  // Also a comment without its end, and CDATA.
  if (text.includes("<!")) return fail("unreadable");
  const schema = SCHEMA_REGEXP.exec(text)?.[1];
  if (schema !== undefined && schema.trim() !== OUTLOOK_SCHEMA) return fail("other-schema");
  const address = decodeEntities(ADDRESS_REGEXP.exec(text)?.[1] ?? "&");
  return address === null ? fail("unreadable") : succeed(address);
}

/** The answer. `userName`: `null` leaves out what the client then takes from the address. */
export function autodiscoverXml({ imap, pop, submission }: ProfileSettings, userName: string | null): string {
  const one = (type: string, server: MailServer | null) => server === null ? [] : [protocol(type, server, userName)];
  return xmlDocument({
    name: "Autodiscover",
    attributes: { xmlns: ANSWER_SCHEMA },
    content: [{
      name: "Response",
      attributes: { xmlns: OUTLOOK_SCHEMA },
      content: [element("Account", [
        element("AccountType", "email"),
        element("Action", "settings"),
        ...one("IMAP", imap),
        ...one("POP3", pop),
        // Outlook takes the first of each kind.
        ...submission.slice(0, 1).map((server) => protocol("SMTP", server, userName)),
      ])],
    }],
  });
}

function protocol(type: string, { host, port, tls }: MailServer, userName: string | null): XmlElement {
  return element("Protocol", [
    element("Type", type),
    element("Server", host),
    element("Port", String(port)),
    element("DomainRequired", "off"),
    ...userName === null ? [] : [element("LoginName", userName)],
    element("SPA", "off"),
    element("SSL", "on"),
    // Where it is known it counts instead of SSL; TLS is STARTTLS.
    element("Encryption", tls === "implicit" ? "SSL" : "TLS"),
    element("AuthRequired", "on"),
    ...type === "SMTP" ? [element("UsePOPAuth", "off"), element("SMTPLast", "off")] : [],
  ]);
}

/** Only the five entities that need no declaration; `null` for any other. */
function decodeEntities(text: string): string | null {
  const plain = text.replace(/&(?:amp|lt|gt|quot|apos);/g, "");
  if (plain.includes("&")) return null;
  return text.replace(/&[a-z]+;/g, (entity) => ENTITIES.get(entity) ?? "");
}
