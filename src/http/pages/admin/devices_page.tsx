/**
 * The list of devices, and a new one.
 *
 * @module
 */

import { Hono } from "hono";
import type { DeviceRecord, DeviceSettings } from "../../../accounts/device.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { deviceOperations, type WindowRefusal } from "../../operations/devices.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import type { Translate } from "../language.ts";
import { Card, Choice, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { chosenStore } from "./accounts_page.tsx";
import { channelText, deviceRefusalText, settingsOf } from "./device_words.ts";
import { address, State } from "./parts.tsx";

/** What is needed. */
export type DevicesParts = Pick<
  SidecarParts,
  "records" | "current" | "log" | "now" | "enrolments" | "limits" | "spool"
>;

const NEW: DeviceSettings = { sender: "", networks: [], recipients: [], perDay: null, channel: "tls", repair: false };

/** `/admin/devices` and `/admin/devices/new`. */
export function devicesRoutes(parts: DevicesParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/devices", (context) => listPage(context, parts));
  routes.get("/admin/devices/new", (context) => newPage(context, { name: "", settings: NEW }));
  routes.post("/admin/devices/new", (context) => make(context, parts));
  return routes;
}

/** The address of a device's page. */
export function deviceAddress(device: string, { act = "", backend = "" } = {}): string {
  return address(`/admin/devices/${encodeURIComponent(device)}${act === "" ? "" : `/${act}`}`, { backend });
}

async function listPage(context: PageContext, parts: DevicesParts): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const backend = chosenStore(context, parts);
  const listed = await deviceOperations(parts, actorOf(context), backend).list();
  return await page(context, {
    title: t("Devices", "機器"),
    status: listed.ok ? 200 : 503,
    main: (
      <>
        {!listed.ok && <Notice kind="bad">{deviceRefusalText(listed.problem, t)}</Notice>}
        <p>
          {t(
            "Printers, scanners and alarm panels: they have no mailbox, and send as one address.",
            "プリンター、スキャナー、警報器など。受信箱はなく、決まった差出人でだけ送信します。",
          )}
        </p>
        <p>
          <a href={address("/admin/devices/new", { backend })}>{t("Add a device", "機器を追加する")}</a>
        </p>
        <Table<DeviceRecord>
          caption={t("Devices", "機器")}
          rows={listed.ok ? listed.value : []}
          empty={t("There is no device.", "機器はありません。")}
          columns={[
            {
              head: t("Device", "機器"),
              cell: ({ name }) => (
                <a class="address" href={deviceAddress(name, backend === undefined ? {} : { backend })}>{name}</a>
              ),
            },
            {
              head: t("State", "状態"),
              cell: ({ disabled }) => (
                <State kind={disabled ? "bad" : "good"}>
                  {disabled ? t("disabled", "停止中") : t("active", "有効")}
                </State>
              ),
            },
            { head: t("Sends as", "差出人"), cell: ({ sender }) => <span class="address">{sender}</span> },
            {
              head: t("Networks", "接続元"),
              cell: ({ networks }) =>
                networks.length === 0
                  ? t("all, with TLS", "すべて(TLS)")
                  : <span class="short">{networks.join(", ")}</span>,
            },
            { head: t("Channel", "方式"), cell: ({ channel }) => channelText(channel, t) },
            {
              head: t("Mails today", "本日の通数"),
              numeric: true,
              cell: ({ mailsToday, perDay }) => perDay === null ? mailsToday : `${mailsToday} / ${perDay}`,
            },
            {
              head: t("Last login", "最終ログイン"),
              cell: ({ lastUsed }) =>
                lastUsed === null ? t("never", "なし") : <When at={lastUsed} language={language} />,
            },
          ]}
        />
      </>
    ),
  });
}

interface Typed {
  readonly name: string;
  readonly settings: DeviceSettings;
  readonly keypad?: boolean;
  readonly mistake?: string;
}

async function newPage(context: PageContext, { name, settings, keypad, mistake }: Typed): Promise<Response> {
  const t = context.get("t");
  return await page(context, {
    title: t("Add a device", "機器を追加する"),
    status: mistake === undefined ? 200 : 422,
    main: (
      <Card>
        {mistake !== undefined && <Notice kind="bad">{mistake}</Notice>}
        <form method="post" action="/admin/devices/new">
          <Field
            name="name"
            label={t("User name", "ユーザー名")}
            hint={t("Such as printer2; it gets the default realm", "例: printer2(既定のレルムが付きます)")}
            value={name}
          />
          <SettingFields settings={settings} t={t} />
          <KeypadField t={t} keypad={keypad} />
          <button type="submit">{t("Add the device", "機器を追加する")}</button>
        </form>
      </Card>
    ),
  });
}

async function make(context: PageContext, parts: DevicesParts): Promise<Response> {
  const t = context.get("t");
  const form = await readForm(context);
  const [name, settings] = [form?.("name").trim() ?? "", settingsOf(form)];
  const keypad = form?.("keypad") === "yes";
  const user = parseUserName(name, parts.current().config);
  const backend = chosenStore(context, parts);
  const refuse = (refusal: WindowRefusal) =>
    newPage(context, { name, settings, keypad, mistake: deviceRefusalText(refusal, t) });
  if (user === null) return await refuse({ kind: "bad-name" });
  const added = await deviceOperations(parts, actorOf(context), backend).add(user, settings, { keypad });
  if (!added.ok) return await refuse(added.problem);
  const { device, password } = added.value;
  return await freshPage(context, { device: device.name, password });
}

/** Shows a password once. */
export async function freshPage(
  context: PageContext,
  { device, password }: { readonly device: string; readonly password: string },
): Promise<Response> {
  const t = context.get("t");
  return await page(context, {
    title: t("The password of the device", "機器のパスワード"),
    main: (
      <Card title={device}>
        <Notice kind="good">
          {t(
            `Type this into the device, with the user name ${device}. It is shown this once.`,
            `ユーザー名 ${device} とともに機器に入力してください。表示は今回限りです。`,
          )}
        </Notice>
        <code class="secret">{password}</code>
        <p>
          <a href={deviceAddress(device)}>{t("To the device", "機器のページへ")}</a>
        </p>
      </Card>
    ),
  });
}

/** What can be set of a device. */
export function SettingFields({ settings, t }: { readonly settings: DeviceSettings; readonly t: Translate }): Markup {
  const { sender, networks, recipients, perDay, channel, repair } = settings;
  return (
    <>
      <Field name="from" type="email" label={t("Sends as", "差出人アドレス")} value={sender} />
      <Field
        name="networks"
        label={t("Networks", "接続元")}
        hint={t("Such as 192.0.2.7; empty: everywhere, with TLS", "例: 192.0.2.7(空: どこからでも、TLS のみ)")}
        value={networks.join(" ")}
        required={false}
      />
      <Field
        name="recipients"
        label={t("Recipients", "宛先")}
        hint={t("Addresses and @domain; empty: everybody", "アドレスや @ドメイン(空: すべて)")}
        value={recipients.join(" ")}
        required={false}
      />
      <Field
        name="per-day"
        label={t("Most mails in a day", "1日の最大通数")}
        inputmode="numeric"
        value={perDay === null || Number.isNaN(perDay) ? "" : String(perDay)}
        required={false}
      />
      <Choice
        name="channel"
        label={t("Channel", "方式")}
        value={channel}
        options={(["tls", "cram-md5", "login"] as const).map((each) => [each, channelText(each, t)] as const)}
      />
      <Choice
        name="repair"
        label={t("Repair what it does wrong in SMTP", "SMTP の誤りを直して受け付ける")}
        value={repair ? "yes" : "no"}
        options={[["no", t("no", "いいえ")], ["yes", t("yes", "はい")]]}
      />
    </>
  );
}

/** Digits or letters. */
export function KeypadField(
  { t, keypad = false }: { readonly t: Translate; readonly keypad?: boolean | undefined },
): Markup {
  return (
    <Choice
      name="keypad"
      label={t("Password", "パスワード")}
      value={keypad ? "yes" : "no"}
      options={[["no", t("letters", "英小文字")], ["yes", t("digits, for a keypad", "数字(テンキー用)")]]}
    />
  );
}
