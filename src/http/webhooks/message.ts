/**
 * What a receiver gets: the body, and the header fields with the signature of Standard Webhooks 1.0.0
 * (https://www.standardwebhooks.com).
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type { WebhookEvent } from "../../config/config.ts";
import { decodeBase64, encodeBase64, utf8 } from "../../lib/octets.ts";

/** What is told: one event and what belongs to it. */
export interface Telling {
  /** `test` is what `dokodemo webhook test` sends. */
  readonly type: WebhookEvent | "test";
  readonly data: Readonly<Record<string, string | number | null>>;
}

const SECRET_PREFIX = "whsec_";

/** The body: JSON with the type, the time of the event and what belongs to it. `hostname` tells which server it is. */
export function webhookBody(
  { type, data }: Telling,
  { hostname, at }: { readonly hostname: string; readonly at: number },
): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data: { hostname, ...data } });
}

/** The id of a new webhook; it has no dot, which the signature needs. */
export function newWebhookId(): string {
  return `msg_${crypto.randomUUID().replaceAll("-", "")}`;
}

/**
 * The header fields. `id` has no dot, and is the same in each try; `at` is the time of this one. There is a signature for each secret, so that
 * a secret can be changed without a gap.
 */
export function webhookHeaders(
  { id, body, at, secrets }: {
    readonly id: string;
    readonly body: string;
    readonly at: number;
    readonly secrets: readonly string[];
  },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => `v1,${sign(`${id}.${timestamp}.${body}`, secret)}`);
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

function sign(content: string, secret: string): string {
  return encodeBase64(createHmac("sha256", keyOf(secret)).update(utf8(content)).digest());
}

/** `whsec_` and base64 is the form of the standard; any other text is the key as it is. */
function keyOf(secret: string): Uint8Array {
  const octets = secret.startsWith(SECRET_PREFIX) ? decodeBase64(secret.slice(SECRET_PREFIX.length)) : null;
  return octets ?? utf8(secret);
}
