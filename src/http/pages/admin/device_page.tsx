/**
 * The page of one device: its settings, what was repaired for it, and the window in which it is bound to a place.
 *
 * @module
 */

import { Hono } from "hono";
import type { DeviceRecord } from "../../../accounts/device.ts";
import type { Enrolment, SeenLogin } from "../../../auth/enrolments.ts";
import type { UserName } from "../../../backend.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { resultText } from "../../login_words.ts";
import { type DeviceOperations, deviceOperations, type WindowRefusal } from "../../operations/devices.ts";
import { DoneNotice, type DoneTexts } from "../done_notice.tsx";
import { readForm } from "../form.ts";
import type { Language, Translate } from "../language.ts";
import { ActionButton, Card, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { chosenStore } from "./accounts_page.tsx";
import { channelText, correctionText, deviceRefusalText, settingsOf } from "./device_words.ts";
import { deviceAddress, type DevicesParts, freshPage, KeypadField, SettingFields } from "./devices_page.tsx";
import { address, confirmation, nothingHere, State } from "./parts.tsx";

/** Seconds between two looks at an open window, where there is no JavaScript that could look. */
const REFRESH_S = 3;

interface Subject {
  readonly user: UserName;
  readonly device: DeviceRecord;
  readonly acts: DeviceOperations;
  readonly backend: string | undefined;
}

const DONE: DoneTexts = new Map([
  ["set", { kind: "good", en: "The device is changed.", ja: "設定を変更しました。" }],
  ["disable", { kind: "good", en: "The device is disabled.", ja: "機器を停止しました。" }],
  ["enable", { kind: "good", en: "The device is enabled.", ja: "機器を有効にしました。" }],
  ["confirm", { kind: "good", en: "The device is bound to its place.", ja: "機器を接続元に結び付けました。" }],
  ["close", { kind: "info", en: "The window is closed.", ja: "登録の受付を終了しました。" }],
]);

/** `/admin/devices/DEVICE` and below. */
export function deviceRoutes(parts: DevicesParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const path = "/admin/devices/:device";
  const about =
    (work: (context: PageContext, subject: Subject) => Promise<Response>) => async (context: PageContext) => {
      const user = parseUserName(context.req.param("device") ?? "", parts.current().config);
      const backend = chosenStore(context, parts);
      const acts = deviceOperations(parts, actorOf(context), backend);
      const shown = user === null ? null : await acts.show(user);
      if (user === null || shown === null || !shown.ok) return await unknown(context);
      return await work(context, { user, device: shown.value, acts, backend });
    };

  routes.get(path, about((context, subject) => show(context, subject)));
  routes.post(
    `${path}/settings`,
    about(async (context, subject) => {
      const settings = settingsOf(await readForm(context));
      const set = await subject.acts.set(subject.user, settings);
      if (set.ok) return done(context, subject, "set");
      return await show(context, { ...subject, device: { ...subject.device, ...settings } }, set.problem);
    }),
  );
  routes.post(
    `${path}/password`,
    about(async (context, subject) => {
      const keypad = (await readForm(context))?.("keypad") === "yes";
      const set = await subject.acts.setPassword(subject.user, { keypad });
      if (!set.ok) return await show(context, subject, set.problem);
      return await freshPage(context, { device: set.value.device.name, password: set.value.password });
    }),
  );
  for (const act of ["disable", "enable"] as const) {
    routes.post(
      `${path}/${act}`,
      about(async (context, subject) => {
        const set = await subject.acts.setDisabled(subject.user, act === "disable");
        return set.ok ? done(context, subject, act) : await show(context, subject, set.problem);
      }),
    );
  }
  routes.post(
    `${path}/enrol`,
    about(async (context, subject) => {
      const network = (await readForm(context))?.("network").trim() ?? "";
      const request = { network: network === "" ? null : network, confirm: true };
      const opened = await subject.acts.openWindow(subject.user, request);
      return opened.ok ? done(context, subject, "") : await show(context, subject, opened.problem);
    }),
  );
  routes.post(
    `${path}/enrol/confirm`,
    about(async (context, subject) => {
      const bound = await subject.acts.confirm(subject.user);
      if (!bound.ok) return await show(context, subject, bound.problem);
      await subject.acts.closeWindow(subject.user);
      return done(context, subject, "confirm");
    }),
  );
  routes.post(
    `${path}/enrol/close`,
    about(async (context, subject) => {
      await subject.acts.closeWindow(subject.user);
      return done(context, subject, "close");
    }),
  );
  routes.get(`${path}/delete`, about((context, subject) => askDelete(context, subject)));
  routes.post(
    `${path}/delete`,
    about(async (context, subject) => {
      const removed = await subject.acts.remove(subject.user);
      if (!removed.ok) return await show(context, subject, removed.problem);
      return context.redirect(address("/admin/devices", { backend: subject.backend }), 303);
    }),
  );
  return routes;
}

async function show(context: PageContext, subject: Subject, mistake?: WindowRefusal): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { device, user, acts } = subject;
  const window = await acts.window(user);
  // The page asks again by itself until there is something to confirm.
  if (window.ok && window.value.found === null && mistake === undefined) {
    context.header("refresh", `${REFRESH_S};url=${at(subject)}`);
  }
  return await page(context, {
    title: device.name,
    status: mistake === undefined ? 200 : 422,
    main: (
      <>
        <DoneNotice context={context} texts={DONE} />
        {mistake !== undefined && <Notice kind="bad">{deviceRefusalText(mistake, t)}</Notice>}
        <Card title={t("Bind it to its place", "接続元の登録")}>
          {window.ok
            ? <WindowView window={window.value} subject={subject} t={t} language={language} />
            : <OpenForm subject={subject} t={t} />}
        </Card>
        <Card title={t("Settings", "設定")}>
          <p>
            <State kind={device.disabled ? "bad" : "good"}>
              {device.disabled ? t("disabled", "停止中") : t("active", "有効")}
            </State>{" "}
            {t(`Mails today: ${device.mailsToday}`, `本日の送信: ${device.mailsToday} 通`)}
          </p>
          <form method="post" action={at(subject, "settings")}>
            <SettingFields settings={device} t={t} />
            <button type="submit">{t("Save", "保存する")}</button>
          </form>
        </Card>
        <Card title={t("What was repaired", "直して受け付けたもの")}>
          <Table
            caption={t("What was repaired", "直して受け付けたもの")}
            rows={device.repairs}
            empty={t("Nothing.", "ありません。")}
            columns={[
              { head: t("What", "内容"), cell: ({ what }) => <code>{what}</code> },
              { head: t("How often", "回数"), numeric: true, cell: ({ count }) => count },
              { head: t("Last", "最後"), cell: ({ last }) => <When at={last} language={language} /> },
            ]}
          />
        </Card>
        <Card title={t("Password and account", "パスワードとアカウント")}>
          <form method="post" action={at(subject, "password")}>
            <KeypadField t={t} />
            <button type="submit">{t("Make a new password", "新しいパスワードを作成する")}</button>
          </form>
          {device.disabled
            ? <ActionButton action={at(subject, "enable")} text={t("Enable", "有効にする")} />
            : <ActionButton action={at(subject, "disable")} text={t("Disable", "停止する")} />}
          <a class="button small" href={at(subject, "delete")}>{t("Delete the device …", "機器を削除する…")}</a>
        </Card>
      </>
    ),
  });
}

interface PartProps {
  readonly subject: Subject;
  readonly t: Translate;
}

function OpenForm({ subject, t }: PartProps): Markup {
  return (
    <form method="post" action={at(subject, "enrol")}>
      <p>
        {t(
          "For ten minutes the logins from a network are shown here. The one with its password tells where the device is; you confirm it.",
          "10分間、指定した接続元からのログインを表示します。正しいパスワードのログインを確認して、機器の接続元を登録します。",
        )}
      </p>
      <Field
        name="network"
        label={t("From this network", "接続元の範囲")}
        hint={t("Such as 192.0.2.0/24; empty: everywhere", "例: 192.0.2.0/24(空: どこからでも)")}
        value={subject.device.networks.join(" ")}
        required={false}
      />
      <button type="submit">{t("Open the window", "受付を始める")}</button>
    </form>
  );
}

function WindowView(
  { window, subject, t, language }: PartProps & { readonly window: Enrolment; readonly language: Language },
): Markup {
  const { network, ends, seen, found, bound, device } = window;
  return (
    <>
      <Notice kind="info">
        {t("Open for ", "受付中: ")}
        {network ?? t("everywhere", "すべての接続元")}
        {t(", until ", "、終了 ")}
        <When at={ends} language={language} />
      </Notice>
      {bound === null && found !== null && (
        <>
          <Notice kind="good">
            {t(
              `The device is at ${found.address}: ${channelText(found.channel, t)}.`,
              `機器は ${found.address} にあります: ${channelText(found.channel, t)}`,
            )}
          </Notice>
          <form method="post" action={at(subject, "enrol/confirm")}>
            <button type="submit">{t("Confirm: this is it", "この機器として登録する")}</button>
          </form>
        </>
      )}
      {bound !== null && <Notice kind="good">{t(`Bound to ${bound.address}.`, `${bound.address} に登録済み`)}</Notice>}
      <Table<SeenLogin>
        caption={t("Logins seen", "受け付けたログイン")}
        rows={[...seen].reverse()}
        empty={t("No login yet. Let the device send something now.", "まだありません。機器から送信してみてください。")}
        columns={[
          { head: t("When", "日時"), cell: (login) => <When at={login.at} language={language} /> },
          { head: t("Address", "アドレス"), cell: ({ remote }) => <span class="address">{remote}</span> },
          {
            head: t("Mechanism", "認証方式"),
            cell: ({ mechanism, tls }) => `${mechanism}, ${tls ?? t("no TLS", "TLS なし")}`,
          },
          { head: "HELO", cell: ({ helo }) => helo !== null && <span class="short">{helo}</span> },
          {
            head: t("User name", "ユーザー名"),
            cell: ({ userName }) => userName !== null && <span class="address">{userName}</span>,
          },
          {
            head: t("Result", "結果"),
            cell: ({ result, correction }) => (
              <>
                {resultText(result, t)}
                {correction !== "none" && <p>{correctionText(correction, device, t)}</p>}
              </>
            ),
          },
        ]}
      />
      <ActionButton action={at(subject, "enrol/close")} text={t("Close the window", "受付を終了する")} />
    </>
  );
}

async function askDelete(context: PageContext, subject: Subject): Promise<Response> {
  const t = context.get("t");
  return await confirmation(context, {
    title: t("Delete the device", "機器を削除する"),
    text: (
      <p>{t(`${subject.device.name} can send nothing any more.`, `${subject.device.name} は送信できなくなります。`)}</p>
    ),
    action: at(subject, "delete"),
    button: t("Delete", "削除する"),
    back: at(subject),
  });
}

function at({ device, backend }: Subject, act = ""): string {
  return deviceAddress(device.name, { act, ...backend !== undefined && { backend } });
}

function done(context: PageContext, subject: Subject, word: string): Response {
  const { device, backend } = subject;
  return context.redirect(address(deviceAddress(device.name), { backend, done: word }), 303);
}

function unknown(context: PageContext): Response | Promise<Response> {
  return nothingHere(context, {
    text: context.get("t")("There is no such device.", "この機器はありません。"),
    back: "/admin/devices",
  });
}
