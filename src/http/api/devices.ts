/**
 * `/devices`: printers, scanners and alarm panels, and the windows in which they are bound.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { UserName } from "../../backend.ts";
import { type DeviceOperations, deviceOperations } from "../operations/devices.ts";
import type { SidecarParts } from "../parts.ts";
import { storeQuery } from "./account_answers.ts";
import { deviceItem, deviceSchema, enrolmentItem, enrolmentSchema, refusedDevice } from "./device_answers.ts";
import { accountOf, type Api, type ApiContext, idempotencyHeaders, json, jsonBody, needs, problems } from "./frame.ts";

const text = (expected: string, most: number) =>
  z.string({ error: expected }).min(1, { error: expected }).max(most, { error: expected });
const settings = {
  from: text("expected an address", 320).openapi({ example: "scanner@example.jp" }),
  networks: z.array(text("expected a network", 64), { error: "expected a list of networks" }).max(20).openapi({
    description: "From where it logs in; empty: from everywhere, with TLS.",
    example: ["192.0.2.7"],
  }),
  recipients: z.array(text("expected an address or @domain", 320), { error: "expected a list of recipients" }).max(100)
    .openapi({ description: "Addresses and `@domain`; empty: everybody.", example: ["@example.jp"] }),
  perDay: z.int({ error: "expected a number of mails, or null" }).min(1).nullable().openapi({
    description: "Most mails in a day (UTC); null: any number.",
  }),
  channel: z.enum(["cram-md5", "login", "tls"], { error: "expected cram-md5, login or tls" }).openapi({
    description: "What it may use without TLS.",
  }),
  repair: z.boolean({ error: "expected true or false" }),
};
const keypad = z.boolean({ error: "expected true or false" }).optional().openapi({
  description: "Whether the password has digits alone.",
});
const newDevice = z.strictObject({
  device: text("expected a name", 320).openapi({ example: "scanner" }),
  from: settings.from,
  networks: settings.networks.optional(),
  recipients: settings.recipients.optional(),
  perDay: settings.perDay.optional(),
  channel: settings.channel.optional(),
  repair: settings.repair.optional(),
  keypad,
});
const change = z.strictObject({ ...settings, disabled: z.boolean({ error: "expected true or false" }) }).partial();
const made = z.object({ device: deviceSchema, password: z.string().openapi({ description: "Shown this once." }) });
const windowRequest = z.strictObject({
  network: text("expected a network, or null", 64).nullable().optional().openapi({
    description: "From where logins are shown; null: from everywhere.",
  }),
  confirm: z.boolean({ error: "expected true or false" }).optional().openapi({
    description: "Whether the device is bound by `confirm` alone; else its first right password binds it.",
  }),
});

const tags = ["devices"];
const reads = { ...needs("accounts:read"), tags };
const writes = { ...needs("accounts:write"), tags };
const params = z.object({
  device: z.string().openapi({
    param: { name: "device", in: "path" },
    description: "`name@realm`, percent-encoded; without a realm it is in the default one.",
    example: "scanner@example.jp",
  }),
});
const one = { params, query: storeQuery };
const path = "/devices/{device}";

/** Adds the operations. */
export function addDevices(api: Api, parts: SidecarParts): void {
  const acts = (context: ApiContext) => deviceOperations(parts, context.get("actor"), context.req.query("backend"));
  const withDevice = async (
    context: ApiContext,
    work: (acts: DeviceOperations, user: UserName) => Promise<Response>,
  ): Promise<Response> => {
    const user = accountOf(parts, context.req.param("device") ?? "");
    return user === null ? refusedDevice({ kind: "unknown-device" }) : await work(acts(context), user);
  };

  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/devices" },
      operationId: "listDevices",
      summary: "List the devices, sorted by name",
      request: { query: storeQuery },
      responses: { 200: json(z.object({ items: z.array(deviceSchema) }), "All of them."), ...problems(400, 409, 503) },
    }),
    async (context) => {
      const listed = await acts(context).list();
      return listed.ok ? context.json({ items: listed.value.map(deviceItem) }) : refusedDevice(listed.problem);
    },
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: "/devices" },
      operationId: "makeDevice",
      summary: "Make a device",
      description: "The password is in this answer and nowhere else.",
      request: { query: storeQuery, headers: idempotencyHeaders, body: jsonBody(newDevice, "What it is to be.") },
      responses: { 201: json(made, "The device."), ...problems(400, 409, 413, 415, 422, 503) },
    }),
    async (context) => {
      const { device, from: sender, keypad = false, ...given } = context.req.valid("json");
      const user = accountOf(parts, device);
      if (user === null) return refusedDevice({ kind: "bad-name" });
      const { networks = [], recipients = [], perDay = null, channel = "tls", repair = false } = given;
      const added = await acts(context).add(user, { sender, networks, recipients, perDay, channel, repair }, {
        keypad,
      });
      if (!added.ok) return refusedDevice(added.problem);
      context.set("secret", true);
      return context.json({ device: deviceItem(added.value.device), password: added.value.password }, 201);
    },
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path },
      operationId: "showDevice",
      summary: "Show a device, and what was repaired for it",
      request: one,
      responses: { 200: json(deviceSchema, "The device."), ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const shown = await devices.show(user);
        return shown.ok ? context.json(deviceItem(shown.value)) : refusedDevice(shown.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "patch", path },
      operationId: "changeDevice",
      summary: "Change a device",
      request: { ...one, body: jsonBody(change, "What changes.") },
      responses: { 200: json(deviceSchema, "The device."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const { disabled, from, networks, recipients, perDay, channel, repair } = context.req.valid("json");
        const set = await devices.set(user, {
          ...from !== undefined && { sender: from },
          ...networks !== undefined && { networks },
          ...recipients !== undefined && { recipients },
          ...perDay !== undefined && { perDay },
          ...channel !== undefined && { channel },
          ...repair !== undefined && { repair },
        });
        const done = set.ok && disabled !== undefined ? await devices.setDisabled(user, disabled) : set;
        return done.ok ? context.json(deviceItem(done.value)) : refusedDevice(done.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "delete", path },
      operationId: "deleteDevice",
      summary: "Delete a device",
      request: one,
      responses: { 204: { description: "It is gone." }, ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const removed = await devices.remove(user);
        return removed.ok ? context.body(null, 204) : refusedDevice(removed.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: `${path}/password` },
      operationId: "makeDevicePassword",
      summary: "Make a new password",
      description: "The password is in this answer and nowhere else; the old one is refused at once.",
      request: { ...one, headers: idempotencyHeaders, body: jsonBody(z.strictObject({ keypad }), "Its kind.") },
      responses: { 201: json(made, "The device."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const set = await devices.setPassword(user, { keypad: context.req.valid("json").keypad ?? false });
        if (!set.ok) return refusedDevice(set.problem);
        context.set("secret", true);
        return context.json({ device: deviceItem(set.value.device), password: set.value.password }, 201);
      }),
  );
  addWindows(api, withDevice);
}

function addWindows(
  api: Api,
  withDevice: (
    context: ApiContext,
    work: (acts: DeviceOperations, user: UserName) => Promise<Response>,
  ) => Promise<Response>,
): void {
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: `${path}/enrolment` },
      operationId: "openEnrolment",
      summary: "Open a window of ten minutes in which the device is bound to a place",
      description: "It is in the memory of the server: a restart closes it.",
      request: { ...one, headers: idempotencyHeaders, body: jsonBody(windowRequest, "From where, and how.") },
      responses: { 201: json(enrolmentSchema, "The window."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const { network = null, confirm = false } = context.req.valid("json");
        const opened = await devices.openWindow(user, { network, confirm });
        return opened.ok ? context.json(enrolmentItem(opened.value), 201) : refusedDevice(opened.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: `${path}/enrolment` },
      operationId: "showEnrolment",
      summary: "Show the window and the logins that it has seen",
      request: one,
      responses: { 200: json(enrolmentSchema, "The window."), ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const window = await devices.window(user);
        return window.ok ? context.json(enrolmentItem(window.value)) : refusedDevice(window.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: `${path}/enrolment/confirm` },
      operationId: "confirmEnrolment",
      summary: "Bind the device to what its window has found",
      request: { ...one, headers: idempotencyHeaders },
      responses: { 200: json(enrolmentSchema, "The window."), ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const bound = await devices.confirm(user);
        return bound.ok ? context.json(enrolmentItem(bound.value)) : refusedDevice(bound.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "delete", path: `${path}/enrolment` },
      operationId: "closeEnrolment",
      summary: "Close the window",
      request: one,
      responses: { 204: { description: "It is closed." }, ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withDevice(context, async (devices, user) => {
        const closed = await devices.closeWindow(user);
        return closed.ok ? context.body(null, 204) : refusedDevice(closed.problem);
      }),
  );
}
