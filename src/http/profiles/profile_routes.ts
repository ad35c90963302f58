/**
 * The paths under which mail clients look for their settings. Nobody signs in for them, and known and unknown addresses of a domain get
 * the same answer.
 *
 * @module
 */

import type { Context, Hono } from "hono";
import type { Config } from "../../config/config.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { hostOf } from "../caller.ts";
import { problem, readUpTo } from "../problem.ts";
import type { HttpEnv } from "../receive.ts";
import { domainOfHost, type ProfileAddress, readAddress, userNameOf } from "./address.ts";
import { autoconfigXml } from "./autoconfig.ts";
import { autodiscoverXml, readAutodiscoverRequest, REQUEST_LIMIT_OCTETS } from "./autodiscover.ts";
import { mobileconfig, type MobileconfigRequest } from "./mobileconfig.ts";
import { type ProfileSettings, profileSettings, whyNoProfile } from "./settings.ts";

/** What the routes need. */
export interface ProfileParts {
  readonly current: () => { readonly config: Config };
}

/** Autodiscover is asked for in more than one spelling. */
const AUTODISCOVER_PATHS = [
  "/autodiscover/autodiscover.xml",
  "/Autodiscover/Autodiscover.xml",
  "/AutoDiscover/AutoDiscover.xml",
  "/autodiscover/Autodiscover.xml",
  "/Autodiscover/autodiscover.xml",
];
const XML_TYPE = "text/xml; charset=utf-8";
const UNSERVED = "This server has no mail accounts in that domain";

/** Adds autoconfig, Autodiscover and `/profiles/mail.mobileconfig`. */
export function profileRoutes(app: Hono<HttpEnv>, parts: ProfileParts): void {
  const settings = () => profileSettings(parts.current().config);
  for (const path of ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"]) {
    app.get(path, (context) => answerAutoconfig(context, settings()));
  }
  for (const path of AUTODISCOVER_PATHS) {
    app.get(path, (context) => redirectOrAnswer(context, settings()));
    app.post(path, (context) => answerAutodiscover(context, settings()));
  }
  app.get("/profiles/mail.mobileconfig", (context) => {
    const given = readQuery(context, "address");
    if (!given.ok) return given.problem;
    return mobileconfigAnswer(settings(), { address: given.value });
  });
}

/**
 * The profile as a download, or the problem that there is none. With an app password it is for the one who has just signed in and asked by
 * POST, and nobody else.
 */
export function mobileconfigAnswer(settings: ProfileSettings, request: MobileconfigRequest): Response {
  const refusal = refuse(settings, request.address.domain);
  if (refusal !== null) return refusal;
  return new Response(mobileconfig(settings, request), {
    headers: {
      "content-type": "application/x-apple-aspen-config; charset=utf-8",
      "content-disposition": 'attachment; filename="mail.mobileconfig"',
    },
  });
}

function answerAutoconfig(context: Context<HttpEnv>, settings: ProfileSettings): Response {
  const asked = context.req.query("emailaddress");
  const given = asked === undefined ? null : readQuery(context, "emailaddress");
  if (given?.ok === false) return given.problem;
  const domain = given?.value.domain ?? hostDomain(context, settings);
  return refuse(settings, domain) ?? xmlAnswer(autoconfigXml(settings, domain));
}

/** Outlook asks by GET over HTTP for the place to ask by HTTPS. */
function redirectOrAnswer(context: Context<HttpEnv>, settings: ProfileSettings): Response {
  const { web } = settings;
  if (web !== null && !context.get("caller").tls) {
    const port = web.port === 443 ? "" : `:${web.port}`;
    return context.redirect(`https://${web.host}${port}${AUTODISCOVER_PATHS[0]}`, 302);
  }
  return refuse(settings, hostDomain(context, settings)) ?? xmlAnswer(autodiscoverXml(settings, null));
}

async function answerAutodiscover(context: Context<HttpEnv>, settings: ProfileSettings): Promise<Response> {
  const octets = await readUpTo(context.req.raw.body, REQUEST_LIMIT_OCTETS);
  if (octets === null) return problem(413, { detail: `A request may have ${REQUEST_LIMIT_OCTETS} octets at most` });
  const request = readAutodiscoverRequest(octets);
  if (!request.ok) {
    return request.problem === "other-schema"
      ? problem(404, { detail: "Only settings for Outlook are given here, no ActiveSync" })
      : problem(422, { detail: "The body is no request of Autodiscover with an address", field: "EMailAddress" });
  }
  const address = readAddress(request.value);
  if (address === null) return notAnAddress("EMailAddress");
  return refuse(settings, address.domain) ?? xmlAnswer(autodiscoverXml(settings, userNameOf(address, settings)));
}

/** Where no address is given: the domain that Host means, else that of the people here. */
function hostDomain(context: Context<HttpEnv>, settings: ProfileSettings): string {
  return domainOfHost(hostOf(context.req.raw) ?? undefined, settings) ?? settings.defaultRealm;
}

function readQuery(context: Context<HttpEnv>, name: string): Result<ProfileAddress, Response> {
  const address = readAddress(context.req.query(name) ?? "");
  return address === null ? fail(notAnAddress(name)) : succeed(address);
}

function notAnAddress(field: string): Response {
  return problem(422, { detail: "Expected an address such as shin@example.jp", field });
}

function refuse(settings: ProfileSettings, domain: string): Response | null {
  if (!settings.domains.includes(domain)) return problem(404, { detail: UNSERVED });
  const missing = whyNoProfile(settings);
  return missing === null ? null : problem(404, { detail: missing });
}

function xmlAnswer(xml: string): Response {
  return new Response(xml, { headers: { "content-type": XML_TYPE } });
}
