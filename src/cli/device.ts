/**
 * `dokodemo device`: the devices of the account store. A running server sees each change at the next connection or login.
 *
 * @module
 */

import type { Command } from "commander";
import {
  type DeviceAdmin,
  type DeviceChannel,
  type DeviceProblem,
  type DeviceRecord,
  type DeviceSettings,
  explainDevice,
  type NewDevice,
} from "../accounts/device.ts";
import type { UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import type { Result } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { formatUserName } from "../sasl/user_name.ts";
import { type AccountsOption, readUserName, warnOfRealm, withAccounts } from "./accounts.ts";
import { type CliCommand, exits, newCommand, takesConfig } from "./command.ts";
import { enroll, type EnrollOptions } from "./device_enroll.ts";
import { deviceJson, deviceText } from "./device_text.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { commandActor, openRecordsOf } from "./records.ts";
import { forgetLimits, removeByServer } from "./removal.ts";
import { formatTable } from "./table.ts";

interface SettingOptions extends AccountsOption {
  readonly from?: string;
  readonly network?: readonly string[];
  readonly to?: readonly string[];
  readonly perDay?: string;
  readonly channel?: string;
  readonly repair?: boolean;
  readonly keypad?: boolean;
  readonly anyNetwork?: boolean;
  readonly anyRecipient?: boolean;
}

interface JsonOption extends AccountsOption {
  readonly json?: boolean;
}

const CHANNELS: readonly DeviceChannel[] = ["cram-md5", "login", "tls"];

/** Adds, enrols, lists, changes and deletes devices. */
export const command: CliCommand = { build };

function build(): Command {
  const device = newCommand(
    "device",
    "Printers, scanners and alarm panels: accounts without a mailbox that send as one address. A bare NAME gets the default realm.",
  );
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  const one = (usage: string, summary: string) =>
    takesConfig(device.command(usage).description(summary)).option(
      "--backend <NAME>",
      "the account store, where there are several",
    );
  const settings = (usage: string, summary: string) =>
    one(usage, summary)
      .option(
        "--network <NETWORK>",
        "where it logs in from, such as 192.0.2.7 or 192.0.2.0/24; may be repeated",
        several,
      )
      .option("--to <RCPT>", "whom it may send to: an address or @domain, else everybody; may be repeated", several)
      .option("--per-day <N>", 'most mails in a day (UTC), or "any"')
      .option("--channel <CHANNEL>", "what it needs without TLS: cram-md5, login or tls (nothing; the default)")
      .option("--repair", "repair what it does wrong in SMTP, such as lines that end in a bare LF");
  const keypad = (command: Command) => command.option("--keypad", "a password of digits alone");

  keypad(settings("add <NAME>", "add a device and print its password once"))
    .requiredOption("--from <ADDRESS>", "the one address that it sends as").action(exits(add));
  settings("set <NAME>", "change what is given")
    .option("--from <ADDRESS>", "the one address that it sends as")
    .option("--no-repair", "repair nothing any more")
    .option("--any-network", "let it log in from everywhere, with TLS")
    .option("--any-recipient", "let it send to everybody")
    .action(exits(set));
  one("list", "list the devices").option("--json", "print JSON").action(exits(list));
  one("show <NAME>", "show what is known of a device, and what was repaired for it").option("--json", "print JSON")
    .action(exits(show));
  keypad(one("passwd <NAME>", "make a new password and print it once")).action(exits(passwd));
  one("disable <NAME>", "refuse every login of a device, and keep it").action(
    exits((name: string, options: AccountsOption) => setDisabled(name, options, true)),
  );
  one("enable <NAME>", "let a disabled device log in again").action(
    exits((name: string, options: AccountsOption) => setDisabled(name, options, false)),
  );
  one("delete <NAME>", "delete a device").action(exits(remove));
  takesConfig(
    device.command("enroll <NAME>").description("for ten minutes show logins, and bind the device to the one"),
  )
    .option("--network <NETWORK>", "only those from there; else from everywhere")
    .option("--json", "print each login as JSON, one in a line")
    .action(exits((name: string, options: EnrollOptions) => enroll(name, options)));
  return device;
}

interface Work {
  readonly user: UserName;
  readonly backend: string;
  readonly devices: DeviceAdmin;
  readonly config: Config;
}

function withDevices(text: string, options: AccountsOption, work: (work: Work) => Promise<number>): Promise<number> {
  return withAccounts(options, async (accounts) => {
    const user = readUserName(text, accounts.config);
    if (!user.ok) return user.problem;
    const exit = await work({
      ...{ user: user.value, backend: accounts.section.name, config: accounts.config },
      devices: accounts.store.devices,
    });
    if (exit === EXIT.ok) warnOfRealm(user.value, accounts);
    return exit;
  });
}

function add(text: string, options: SettingOptions): Promise<number> {
  return withDevices(text, options, async ({ user, devices, config }) => {
    const read = readSettings(options);
    if (!read.ok) return read.problem;
    const settings: DeviceSettings = {
      ...{ sender: "", networks: [], recipients: [], perDay: null, channel: "tls", repair: false },
      ...read.value,
    };
    const made = await devices.add(user, settings, { keypad: options.keypad === true });
    if (!made.ok) return refused(made.problem, user);
    await note(config, "device.add", made.value.device, deviceText(made.value.device).join("; "));
    tellPassword(made.value);
    const { channel, networks } = made.value.device;
    if (channel !== "tls" && networks.length === 0) {
      complain("Its channel opens when it is bound to a place: dokodemo device enroll, or set --network");
    }
    return EXIT.ok;
  });
}

function set(text: string, options: SettingOptions): Promise<number> {
  return withDevices(text, options, async ({ user, devices, config }) => {
    const read = readSettings(options);
    if (!read.ok) return read.problem;
    if (Object.keys(read.value).length === 0) {
      complain("Nothing is to be changed: see --help");
      return EXIT.usage;
    }
    return await changed(devices.set(user, read.value), { user, config, act: "device.set", done: "is changed" });
  });
}

function passwd(text: string, options: SettingOptions): Promise<number> {
  return withDevices(text, options, async ({ user, devices, config }) => {
    const made = await devices.setPassword(user, { keypad: options.keypad === true });
    if (!made.ok) return refused(made.problem, user);
    await note(config, "device.password", made.value.device);
    tellPassword(made.value);
    return EXIT.ok;
  });
}

function setDisabled(text: string, options: AccountsOption, disabled: boolean): Promise<number> {
  return withDevices(text, options, ({ user, devices, config }) => {
    const [act, done] = disabled ? ["device.disable", "is disabled"] : ["device.enable", "is enabled"];
    return changed(devices.setDisabled(user, disabled), { user, config, act, done });
  });
}

function remove(text: string, options: AccountsOption): Promise<number> {
  return withDevices(text, options, async ({ user, backend, devices, config }) => {
    const shown = devices.show(user);
    if (shown === null) return refused({ kind: "unknown-device" }, user);
    const served = await removeByServer(config, { of: "devices", name: shown.name, backend });
    // The server may have been started with another store.
    if (!served || devices.show(user) !== null) {
      const removed = devices.remove(user);
      if (!removed.ok) return refused(removed.problem, user);
      await forgetLimits(config, shown.name);
      await note(config, "device.delete", shown);
    }
    print(`${printable(shown.name, 300)} is deleted`);
    return EXIT.ok;
  });
}

function list(options: JsonOption): Promise<number> {
  return withAccounts(options, ({ store }) => {
    const all = store.devices.all();
    print(
      options.json === true ? JSON.stringify(all.map(deviceJson), null, 2) : formatTable(all, [
        { head: "DEVICE", cell: ({ name }) => name },
        { head: "STATE", cell: ({ disabled }) => disabled ? "disabled" : "active" },
        { head: "SENDS AS", cell: ({ sender }) => sender },
        { head: "NETWORKS", cell: ({ networks }) => networks.length === 0 ? "all" : networks.join(", ") },
        { head: "CHANNEL", cell: ({ channel }) => channel },
        {
          head: "TODAY",
          cell: ({ mailsToday, perDay }) => perDay === null ? `${mailsToday}` : `${mailsToday}/${perDay}`,
        },
        { head: "LAST USED", cell: ({ lastUsed }) => lastUsed?.slice(0, 10) ?? "never" },
      ]),
    );
    return Promise.resolve(EXIT.ok);
  });
}

function show(text: string, options: JsonOption): Promise<number> {
  return withDevices(text, options, ({ user, devices }) => {
    const device = devices.show(user);
    if (device === null) return Promise.resolve(refused({ kind: "unknown-device" }, user));
    print(options.json === true ? JSON.stringify([deviceJson(device)], null, 2) : deviceText(device).join("\n"));
    return Promise.resolve(EXIT.ok);
  });
}

async function changed(
  made: Result<DeviceRecord, DeviceProblem>,
  { user, config, act, done }: {
    readonly user: UserName;
    readonly config: Config;
    readonly act: string;
    readonly done: string;
  },
): Promise<number> {
  if (!made.ok) return refused(made.problem, user);
  await note(config, act, made.value, act === "device.set" ? deviceText(made.value).join("; ") : "");
  print(`${printable(made.value.name, 300)} ${done}`);
  return EXIT.ok;
}

/** What was given; a problem has been told and is the exit code. */
function readSettings(options: SettingOptions): Result<Partial<DeviceSettings>, number> {
  const { from, network, to, perDay, channel, repair, anyNetwork, anyRecipient } = options;
  const wanted = CHANNELS.find((each) => each === channel);
  if (channel !== undefined && wanted === undefined) {
    complain(`There is no channel "${printable(channel, 40)}": expected ${CHANNELS.join(", ")}`);
    return { ok: false, problem: EXIT.usage };
  }
  if (perDay !== undefined && perDay !== "any" && !/^\d{1,9}$/.test(perDay)) {
    complain(`Cannot use --per-day "${printable(perDay, 40)}": expected a number of mails, or "any"`);
    return { ok: false, problem: EXIT.usage };
  }
  const networks = anyNetwork === true ? [] : network;
  const recipients = anyRecipient === true ? [] : to;
  const value: Partial<DeviceSettings> = {
    ...from !== undefined && { sender: from },
    ...networks !== undefined && { networks },
    ...recipients !== undefined && { recipients },
    ...perDay !== undefined && { perDay: perDay === "any" ? null : Number(perDay) },
    ...wanted !== undefined && { channel: wanted },
    ...repair !== undefined && { repair },
  };
  return { ok: true, value };
}

function tellPassword({ device, password }: NewDevice): void {
  print(password);
  complain(`This is the password of the device ${printable(device.name, 300)}, its user name: it is not shown again`);
}

function refused(problem: DeviceProblem, user: UserName): number {
  const value = "value" in problem ? ` "${printable(problem.value, 80)}"` : "";
  complain(`${printable(formatUserName(user), 300)}${value === "" ? "" : `:${value}`}: ${explainDevice(problem)}`);
  switch (problem.kind) {
    case "exists":
      return EXIT.cannotCreate;
    case "unknown-device":
    case "bad-name":
      return EXIT.data;
    default:
      return EXIT.usage;
  }
}

/** That it cannot be noted is a warning: the act is done. */
async function note(config: Config, what: string, { name }: DeviceRecord, detail = ""): Promise<void> {
  const opened = openRecordsOf(config);
  if (!opened.ok) return complain(`Warning: this is not in the audit log: ${opened.problem.message}`);
  await using records = opened.value;
  if (what === "device.delete") records.forgetAccount(name);
  records.audit.add({ ...commandActor(), what, target: name, detail }, Date.now());
}
