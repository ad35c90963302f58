/**
 * What accounts have sent and may send.
 *
 * @module
 */

import { Hono } from "hono";
import { canonicalName } from "../../../accounts/account_name.ts";
import { type LimitName, LIMITS } from "../../../policy/limits.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { type AccountLimits, limitKey, limitNameOf } from "../../limit_operations.ts";
import { auditedLimits } from "../../operations/limits.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import type { Language, Translate } from "../language.ts";
import { ActionButton, Card, Choice, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { holdAddress } from "./holds_page.tsx";
import { accountAddress, address, nothingHere, sizeText } from "./parts.tsx";

const ACCOUNTS_SHOWN = 100;

/** `/admin/limits` and below. */
export function limitRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const path = "/admin/limits/:account";
  const about = (work: (context: PageContext, account: string) => Promise<Response> | Response) => {
    return (context: PageContext) => {
      const user = parseUserName(context.req.param("account") ?? "", parts.current().config);
      return user === null ? unknown(context) : work(context, canonicalName(user).name);
    };
  };
  routes.get("/admin/limits", (context) => {
    const asked = (context.req.query("account") ?? "").trim();
    const user = asked === "" ? null : parseUserName(asked, parts.current().config);
    return user === null
      ? listPage(context, { parts, asked })
      : context.redirect(limitsAddress(canonicalName(user).name), 303);
  });
  routes.get(path, about((context, account) => accountPage(context, { parts, account })));
  routes.post(path, about((context, account) => set(context, { parts, account })));
  routes.post(
    `${path}/reset`,
    about((context, account) => {
      auditedLimits(parts, actorOf(context)).reset(account);
      return context.redirect(address(limitsAddress(account), { done: "reset" }), 303);
    }),
  );
  return routes;
}

/** The page of an account's limits. */
export function limitsAddress(account: string): string {
  return `/admin/limits/${encodeURIComponent(account)}`;
}

/** How the limits of an account stand. */
export function LimitsTable(
  { limits, t, language }: { readonly limits: AccountLimits; readonly t: Translate; readonly language: Language },
): Markup {
  return (
    <Table
      caption={t("Limits", "送信の上限")}
      rows={limits.limits}
      empty=""
      columns={[
        { head: t("What", "項目"), cell: ({ name }) => limitText(name, t) },
        { head: t("Used", "使用"), cell: ({ name, used }) => amountText(name, used), numeric: true },
        {
          head: t("Allowed", "上限"),
          cell: ({ name, most, own }) =>
            `${most === null ? t("no limit", "なし") : amountText(name, most)}${
              own ? t(" (its own)", "（個別）") : ""
            }`,
        },
        {
          head: t("Opens again", "再開"),
          cell: ({ opens }) => opens === null ? "–" : <When at={opens} language={language} />,
        },
        { head: t("Suggested", "目安"), cell: ({ name, suggested }) => amountText(name, suggested), numeric: true },
      ]}
    />
  );
}

/** That an account is on hold, and what can be done. */
export function HoldNotice(
  { hold, t }: { readonly hold: AccountLimits["hold"]; readonly t: Translate },
): Markup {
  return (
    <>
      {hold !== null && (
        <Card title={t("On hold", "送信保留中")}>
          <Notice kind="warn">
            {t("Its mail is accepted and not sent: ", "メールは受け付けますが、送信しません: ")}
            {hold.rule}
          </Notice>
          <ActionButton
            action={holdAddress(hold.account, "release")}
            text={t("Release", "解除して送信")}
            about={hold.account}
          />
          <a class="button small" href={holdAddress(hold.account, "discard")}>{t("Discard …", "破棄…")}</a>
        </Card>
      )}
    </>
  );
}

function amountText(key: string, amount: number): string {
  return key.startsWith("octets") ? sizeText(amount) : String(amount);
}

function limitText(key: string, t: Translate): string {
  const name = limitNameOf(key);
  const texts: Readonly<Record<LimitName, string>> = {
    mailsPerHour: t("mails an hour", "メール数（1時間）"),
    mailsPerDay: t("mails a day", "メール数（1日）"),
    recipientsPerHour: t("recipients an hour", "宛先数（1時間）"),
    recipientsPerDay: t("recipients a day", "宛先数（1日）"),
    newRecipientsPerHour: t("new recipients an hour", "新しい宛先数（1時間）"),
    newRecipientsPerDay: t("new recipients a day", "新しい宛先数（1日）"),
    octetsPerHour: t("octets an hour", "バイト数（1時間）"),
    octetsPerDay: t("octets a day", "バイト数（1日）"),
  };
  return name === null ? key : texts[name];
}

function listPage(
  context: PageContext,
  { parts, asked }: { readonly parts: SidecarParts; readonly asked: string },
): Response | Promise<Response> {
  const t = context.get("t");
  const rows = parts.limits.accounts(ACCOUNTS_SHOWN).map((account) => parts.limits.show(account));
  const used = ({ limits }: AccountLimits, key: string) => String(limits.find(({ name }) => name === key)?.used ?? 0);
  return page(context, {
    title: t("Limits", "送信の上限"),
    status: asked === "" ? 200 : 422,
    main: (
      <>
        <form method="get" action="/admin/limits" class="row">
          <Field
            name="account"
            type="search"
            label={t("Account", "アカウント")}
            value={asked}
            mistake={asked === ""
              ? undefined
              : t("Expected a name such as taro@example.jp", "taro@example.jp のように入力してください")}
            required={false}
          />
          <button type="submit">{t("Show", "表示")}</button>
        </form>
        <Table
          caption={t("Accounts that have sent within the last days", "最近送信したアカウント")}
          rows={rows}
          empty={t("Nobody has sent anything yet.", "まだ送信したアカウントはありません。")}
          columns={[
            {
              head: t("Account", "アカウント"),
              cell: ({ account }) => <a href={limitsAddress(account)}>{account}</a>,
            },
            {
              head: t("Mails an hour", "メール数（1時間）"),
              cell: (each) => used(each, "mails_per_hour"),
              numeric: true,
            },
            { head: t("Mails a day", "メール数（1日）"), cell: (each) => used(each, "mails_per_day"), numeric: true },
            {
              head: t("New recipients a day", "新しい宛先数（1日）"),
              cell: (each) => used(each, "new_recipients_per_day"),
              numeric: true,
            },
            { head: t("State", "状態"), cell: ({ hold }) => hold === null ? "–" : t("on hold", "保留中") },
          ]}
        />
      </>
    ),
  });
}

function accountPage(
  context: PageContext,
  { parts, account, mistake, typed }: {
    readonly parts: SidecarParts;
    readonly account: string;
    readonly mistake?: string;
    readonly typed?: string;
  },
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const limits = parts.limits.show(account);
  const done = context.req.query("done");
  return page(context, {
    title: t(`Limits of ${account}`, `${account} の送信の上限`),
    status: mistake === undefined ? 200 : 422,
    main: (
      <>
        {done === "set" && <Notice kind="good">{t("The value is set.", "上限を設定しました。")}</Notice>}
        {done === "reset" && <Notice kind="good">{t("It begins at 0 again.", "使用量を0に戻しました。")}</Notice>}
        {limits.exempt && (
          <Notice kind="info">
            {t("This account is exempt from all limits.", "このアカウントは上限の対象外です。")}
          </Notice>
        )}
        {limits.reportOnly && (
          <Notice kind="info">
            {t(
              "What is over a limit is accepted and logged (report_only).",
              "上限を超えても受け付け、記録だけします（report_only）。",
            )}
          </Notice>
        )}
        <HoldNotice hold={limits.hold} t={t} />
        <LimitsTable limits={limits} t={t} language={language} />
        <ActionButton action={`${limitsAddress(account)}/reset`} text={t("Begin at 0 again", "使用量を0に戻す")} />
        <Card title={t("A value of its own", "個別の上限")}>
          <form method="post" action={limitsAddress(account)}>
            <Choice
              name="limit"
              label={t("What", "項目")}
              options={LIMITS.map(({ name }) => [limitKey(name), limitText(name, t)] as const)}
            />
            <Field
              name="most"
              label={t("Value", "値")}
              value={typed}
              hint={t(
                "A number, none (no limit) or default (that of the configuration)",
                "数値、none（上限なし）、default（設定ファイルの値）のいずれか",
              )}
              mistake={mistake}
            />
            <button type="submit">{t("Set", "設定する")}</button>
          </form>
        </Card>
        <p>
          <a href={accountAddress(account)}>{t("To the account", "アカウントのページへ")}</a>
        </p>
      </>
    ),
  });
}

async function set(
  context: PageContext,
  { parts, account }: { readonly parts: SidecarParts; readonly account: string },
): Promise<Response> {
  const t = context.get("t");
  const form = await readForm(context);
  const name = limitNameOf(form?.("limit") ?? "");
  const typed = form?.("most").trim() ?? "";
  if (name === null || !/^(?:\d{1,12}|none|default)$/.test(typed)) {
    const mistake = t("Expected a number, none or default", "数値、none、default のいずれかを入力してください");
    return await accountPage(context, { parts, account, mistake, typed });
  }
  const most = typed === "default" ? undefined : typed === "none" ? null : Number(typed);
  auditedLimits(parts, actorOf(context)).setValues(account, new Map([[name, most]]));
  return context.redirect(address(limitsAddress(account), { done: "set" }), 303);
}

function unknown(context: PageContext): Response | Promise<Response> {
  const text = context.get("t")("There is no such account.", "このアカウントはありません。");
  return nothingHere(context, { text, back: "/admin/limits" });
}
