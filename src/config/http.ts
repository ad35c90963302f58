/**
 * [http] and [[webhook]]: their keys, and what becomes of them.
 *
 * @module
 */

import { z } from "zod";
import type { HttpConfig, MailServer, WebhookConfig } from "./config.ts";
import type { Findings } from "./files.ts";
import { connectAddress, duration, flag, list, listenAddress, network, oneOf, path, table } from "./quantities.ts";

/** What a webhook can be told of, as in `events`. */
export const WEBHOOK_EVENTS = [
  "account-held",
  "backend-down",
  "backend-up",
  "certificate-near-end",
  "network-banned",
  "queue-old",
  "smarthost-refused",
] as const;

const url = z.string({ error: 'expected a URL such as "https://mail.foobar.co.jp"' });

const mailServer = table({
  address: connectAddress.meta({ description: "host and port of the server, such as imap.foobar.co.jp:993" }),
  tls: oneOf(["implicit", "starttls"]).optional().meta({
    description: "default implicit for ports 993 and 995, else starttls",
  }),
});

/** [http] */
export const httpSchema = table({
  address: listenAddress.prefault("127.0.0.1:8025"),
  publicUrl: url.optional().meta({ description: "the address that people type, such as https://mail.foobar.co.jp" }),
  tls: flag.default(false).meta({ description: "HTTPS with the certificate of [tls]" }),
  trustedProxies: list(network).prefault([]).meta({
    description: "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
  }),
  profiles: table({
    name: z.string().min(1).max(60).optional().meta({
      description: "what mail clients call the account; default: the host name",
    }),
    imap: mailServer.optional(),
    pop: mailServer.optional(),
  }).optional().meta({ description: "what mail clients are told of reading mail" }),
});

/** One [[webhook]]. */
export const webhookSchema = table({
  url: url.meta({ description: "where events are sent to; https, or http to loopback" }),
  secretFile: path.meta({ description: "the key of the signatures; readable by its owner and group only" }),
  events: list(oneOf(WEBHOOK_EVENTS)).min(1, { error: "expected at least one event" }).prefault([...WEBHOOK_EVENTS]),
  queueAge: duration.prefault("1h").meta({ description: "a mail that waits for longer is told as queue-old" }),
});

type HttpSection = z.output<typeof httpSchema>;
type WebhookSection = z.output<typeof webhookSchema>;

/** Completes [http]. */
export function completeHttp(
  section: HttpSection | undefined,
  { hostname, hasTls }: { readonly hostname: string; readonly hasTls: boolean },
  { mistakes }: Findings,
): HttpConfig | null {
  if (section === undefined) return null;
  const { address, publicUrl, tls, trustedProxies, profiles } = section;
  if (tls && !hasTls) mistakes.push({ path: ["http", "tls"], text: "it needs the certificate of [tls]" });
  const origin = publicUrl === undefined ? null : originOf(publicUrl);
  if (publicUrl !== undefined && origin === null) {
    mistakes.push({
      path: ["http", "public_url"],
      text: "expected https://HOST or http://HOST, with a port if need be and without a path",
    });
  }
  return {
    ...address,
    publicUrl: origin,
    tls,
    trustedProxies,
    profiles: profiles === undefined ? null : {
      name: profiles.name ?? hostname,
      imap: completeServer(profiles.imap, 993),
      pop: completeServer(profiles.pop, 995),
    },
  };
}

/** Completes the [[webhook]]s; the secrets are those of `secret_file`, in the same order, empty where the files were not read. */
export function completeWebhooks(
  sections: readonly WebhookSection[],
  secrets: readonly (string | null)[],
  { mistakes }: Findings,
): readonly WebhookConfig[] {
  return sections.map(({ url, events, queueAge }, at) => {
    if (!isWebhookUrl(url)) {
      mistakes.push({ path: ["webhook", at, "url"], text: "expected an https URL, or an http one of this machine" });
    }
    return { url, secret: secrets[at] ?? "", events: [...new Set(events)], queueAgeMs: queueAge };
  });
}

function completeServer(
  server: z.output<typeof mailServer> | undefined,
  implicitPort: number,
): MailServer | null {
  if (server === undefined) return null;
  const { address, tls } = server;
  return { ...address, tls: tls ?? (address.port === implicitPort ? "implicit" : "starttls") };
}

function originOf(text: string): string | null {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== "" || parsed.password !== "") {
    return null;
  }
  return parsed.pathname === "/" && parsed.search === "" && parsed.hash === "" ? parsed.origin : null;
}

/** What is told is nobody else's business, and the signature hides nothing. */
function isWebhookUrl(text: string): boolean {
  const parsed = URL.parse(text);
  if (parsed === null || parsed.username !== "" || parsed.password !== "") return false;
  return parsed.protocol === "https:" ||
    (parsed.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(parsed.hostname));
}
