/**
 * Devices and their windows as the API shows them.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { type DeviceRecord, explainDevice } from "../../accounts/device.ts";
import type { Enrolment } from "../../auth/enrolments.ts";
import type { WindowRefusal } from "../operations/devices.ts";
import { problem } from "../problem.ts";
import { refused } from "./account_answers.ts";
import { timeOf } from "./frame.ts";

const channel = z.enum(["cram-md5", "login", "tls"]);
const repairSchema = z.object({ what: z.string(), count: z.int(), last: z.string() });

/** A device. */
export const deviceSchema = z.object({
  device: z.string(),
  disabled: z.boolean(),
  created: z.string(),
  changed: z.string(),
  lastUsed: z.string().nullable(),
  from: z.string(),
  networks: z.array(z.string()),
  recipients: z.array(z.string()),
  perDay: z.int().nullable(),
  channel,
  repair: z.boolean(),
  mailsToday: z.int(),
  repairs: z.array(repairSchema),
}).openapi("Device");

const seenSchema = z.object({
  at: z.string(),
  remote: z.string(),
  mechanism: z.string(),
  tls: z.string().nullable(),
  helo: z.string().nullable(),
  userName: z.string().nullable(),
  result: z.string(),
  reason: z.string(),
  correction: z.enum(["none", "user-name", "password", "channel", "protocol", "try-again"]).openapi({
    description: "What has to be put right at the device.",
  }),
});
const bindingSchema = z.object({ address: z.string(), channel }).nullable();

/** A window. */
export const enrolmentSchema = z.object({
  device: z.string(),
  network: z.string().nullable(),
  opened: z.string(),
  ends: z.string(),
  seen: z.array(seenSchema).openapi({ description: "The last 20 logins, the newest last." }),
  found: bindingSchema.openapi({ description: "From where, and how, a right password came." }),
  bound: bindingSchema.openapi({ description: "To what the device is bound now." }),
}).openapi("Enrolment");

/** A device in an answer. */
export function deviceItem(
  {
    name,
    disabled,
    created,
    changed,
    lastUsed,
    sender,
    networks,
    recipients,
    perDay,
    channel,
    repair,
    mailsToday,
    repairs,
  }: DeviceRecord,
): z.output<typeof deviceSchema> {
  const settings = { from: sender, networks: [...networks], recipients: [...recipients], perDay, channel, repair };
  return { device: name, disabled, created, changed, lastUsed, ...settings, mailsToday, repairs: [...repairs] };
}

/** A window in an answer. */
export function enrolmentItem(
  { device, network, opened, ends, seen, found, bound }: Enrolment,
): z.output<typeof enrolmentSchema> {
  const logins = seen.map(({ at, ...rest }) => ({ at: timeOf(at), ...rest }));
  return { device, network, opened: timeOf(opened), ends: timeOf(ends), seen: logins, found, bound };
}

/** Why not, as a problem. */
export function refusedDevice(refusal: WindowRefusal): Response {
  switch (refusal.kind) {
    case "no-store":
    case "which-store":
    case "unknown-store":
    case "unavailable":
      return refused(refusal);
    case "unknown-device":
      return problem(404, { detail: "There is no such device" });
    case "no-window":
      return problem(404, { detail: "No window is open for the device" });
    case "nothing-found":
      return problem(409, { detail: "No login with the device's password has come yet" });
    case "bad-window":
      return problem(422, {
        detail: "A network is an address or in CIDR form, and 50 windows at most are open",
        field: "network",
      });
    case "exists":
      return problem(409, { detail: `There is no device: ${explainDevice(refusal)}` });
    default:
      return problem(422, { detail: `That cannot be: ${explainDevice(refusal)}`, field: FIELDS[refusal.kind] });
  }
}

const FIELDS = {
  "bad-name": "device",
  "too-many": "networks",
  "bad-sender": "from",
  "bad-network": "networks",
  "bad-recipient": "recipients",
  "bad-per-day": "perDay",
  "one-address": "networks",
} as const;
