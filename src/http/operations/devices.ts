/**
 * What is done to devices: the same for the API and for the pages. Each change is in the audit log and in the log.
 *
 * @module
 */

import type {
  DeviceAdmin,
  DevicePasswordOptions,
  DeviceProblem,
  DeviceRecord,
  DeviceSettings,
  NewDevice,
} from "../../accounts/device.ts";
import { type Binding, boundSettings, type Enrolment } from "../../auth/enrolments.ts";
import type { UserName } from "../../backend.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import type { Actor } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { chooseStore, isOutage, type StoreProblem } from "./accounts.ts";
import { auditBy, type OperationParts } from "./act.ts";

/** What they work with. */
export type DeviceParts = OperationParts & Pick<SidecarParts, "enrolments" | "limits">;

/** Why something was not done. */
export type DeviceRefusal = StoreProblem | DeviceProblem;

/** How a window is asked for. */
export interface WindowRequest {
  /** `null`: from everywhere. */
  readonly network: string | null;
  /** Whether a right password waits for `confirm`. */
  readonly confirm: boolean;
}

/** Why there is no window, or nothing to confirm. */
export type WindowRefusal = DeviceRefusal | { readonly kind: "no-window" | "nothing-found" | "bad-window" };

/** The acts. Names are complete (`parseUserName`). */
export interface DeviceOperations {
  list(): Promise<Result<readonly DeviceRecord[], DeviceRefusal>>;
  show(user: UserName): Promise<Result<DeviceRecord, DeviceRefusal>>;
  /** The password is in the result and nowhere else. */
  add(
    user: UserName,
    settings: DeviceSettings,
    options: DevicePasswordOptions,
  ): Promise<Result<NewDevice, DeviceRefusal>>;
  set(user: UserName, settings: Partial<DeviceSettings>): Promise<Result<DeviceRecord, DeviceRefusal>>;
  /** The same of the password. */
  setPassword(user: UserName, options: DevicePasswordOptions): Promise<Result<NewDevice, DeviceRefusal>>;
  setDisabled(user: UserName, disabled: boolean): Promise<Result<DeviceRecord, DeviceRefusal>>;
  remove(user: UserName): Promise<Result<void, DeviceRefusal>>;
  openWindow(user: UserName, request: WindowRequest): Promise<Result<Enrolment, WindowRefusal>>;
  window(user: UserName): Promise<Result<Enrolment, WindowRefusal>>;
  /** Binds the device to what its window has found. */
  confirm(user: UserName): Promise<Result<Enrolment, WindowRefusal>>;
  closeWindow(user: UserName): Promise<Result<void, WindowRefusal>>;
}

/** The acts of one actor. */
export function deviceOperations(parts: DeviceParts, actor: Actor, backend?: string): DeviceOperations {
  const { records, limits, log, current, enrolments } = parts;
  const audit = auditBy(parts, actor);

  const inStore = async <Value, Problem>(
    work: (devices: DeviceAdmin) => Result<Value, Problem> | Promise<Result<Value, Problem>>,
  ): Promise<Result<Value, Problem | StoreProblem>> => {
    const chosen = chooseStore(current().stores, backend);
    if (!chosen.ok) return chosen;
    try {
      return await work(chosen.value.devices);
    } catch (error) {
      if (!isOutage(error)) throw error;
      log({ kind: "warning", about: "devices", text: printable(`The account store failed: ${error.message}`, 500) });
      return fail({ kind: "unavailable" });
    }
  };
  const changed = ({ name }: Pick<DeviceRecord, "name">, what: string, detail?: string) => {
    log({ kind: "account-changed", account: name, what: `device.${what}`, by: actor.who });
    audit(`device.${what}`, name, detail);
  };
  const show = (user: UserName) =>
    inStore((devices) => {
      const device = devices.show(user);
      return device === null ? fail({ kind: "unknown-device" } as const) : succeed(device);
    });
  const bindOf = (devices: DeviceAdmin, user: UserName) => (binding: Binding) => {
    const set = devices.set(user, boundSettings(binding));
    if (set.ok) changed(set.value, "bind", `${binding.address} ${binding.channel}`);
    return set.ok;
  };

  return {
    list: () => inStore((devices) => succeed(devices.all())),
    show,
    add: (user, settings, options) =>
      inStore(async (devices) => {
        const made = await devices.add(user, settings, options);
        if (made.ok) changed(made.value.device, "add", describe(made.value.device));
        return made;
      }),
    set: (user, settings) =>
      inStore((devices) => {
        const set = devices.set(user, settings);
        if (set.ok) changed(set.value, "set", describe(set.value));
        return set;
      }),
    setPassword: (user, options) =>
      inStore(async (devices) => {
        const made = await devices.setPassword(user, options);
        if (made.ok) changed(made.value.device, "password");
        return made;
      }),
    setDisabled: (user, disabled) =>
      inStore((devices) => {
        const set = devices.setDisabled(user, disabled);
        if (set.ok) changed(set.value, disabled ? "disable" : "enable");
        return set;
      }),
    remove: async (user) => {
      const shown = await show(user);
      if (!shown.ok) return shown;
      return await inStore((devices) => {
        const removed = devices.remove(user);
        if (!removed.ok) return removed;
        enrolments.close(shown.value.name);
        records.forgetAccount(shown.value.name);
        limits.forget(shown.value.name);
        changed(shown.value, "delete");
        return removed;
      });
    },
    openWindow: async (user, { network, confirm }) => {
      const shown = await show(user);
      if (!shown.ok) return shown;
      return await inStore((devices) => {
        const bind = bindOf(devices, user);
        const opened = enrolments.open({ device: shown.value.name, network, confirm, bind });
        if (opened === null) return fail({ kind: "bad-window" } as const);
        changed(shown.value, "enrol", network ?? "");
        return succeed(opened);
      });
    },
    window: async (user) => {
      const shown = await show(user);
      if (!shown.ok) return shown;
      const window = enrolments.show(shown.value.name);
      return window === null ? fail({ kind: "no-window" }) : succeed(window);
    },
    confirm: async (user) => {
      const shown = await show(user);
      if (!shown.ok) return shown;
      return await inStore((): Result<Enrolment, WindowRefusal> => {
        const { name } = shown.value;
        const bound = enrolments.confirm(name);
        const window = enrolments.show(name);
        if (window === null) return fail({ kind: "no-window" } as const);
        return bound ? succeed(window) : fail({ kind: "nothing-found" } as const);
      });
    },
    closeWindow: async (user) => {
      const shown = await show(user);
      if (!shown.ok) return shown;
      return enrolments.close(shown.value.name) ? succeed(undefined) : fail({ kind: "no-window" });
    },
  };
}

function describe({ sender, networks, recipients, perDay, channel, repair }: DeviceRecord): string {
  const to = recipients.length === 0 ? "all" : recipients.join(" ");
  const from = networks.length === 0 ? "all" : networks.join(" ");
  return `from=${sender} networks=${from} to=${to} per-day=${perDay ?? "any"} channel=${channel} repair=${repair}`;
}
