/**
 * Accounts on hold: whose mail is accepted and not sent, until it is released or discarded.
 *
 * @module
 */

import { Hono } from "hono";
import { hasControl } from "../../../lib/text.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { auditedLimits, countedAccount } from "../../operations/limits.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import { ActionButton, Card, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { address, confirmation, nothingHere } from "./parts.tsx";

const REASON_LENGTH = 200;

interface Mistakes {
  readonly account?: string | undefined;
  readonly reason?: string | undefined;
}

/** `/admin/holds` and below. */
export function holdRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const path = "/admin/holds/:account";
  routes.get("/admin/holds", (context) => listPage(context, { parts }));
  routes.post("/admin/holds", (context) => add(context, parts));
  routes.get(`${path}/discard`, (context) => askDiscard(context, parts));
  for (const verb of ["release", "discard"] as const) {
    routes.post(`${path}/${verb}`, async (context) => {
      const mails = await auditedLimits(parts, actorOf(context))[verb](context.req.param("account"));
      if (mails === null) return await notOnHold(context);
      return context.redirect(address("/admin/holds", { done: verb, count: mails }), 303);
    });
  }
  return routes;
}

/** Where the acts on a hold are. */
export function holdAddress(account: string, act: "release" | "discard"): string {
  return `/admin/holds/${encodeURIComponent(account)}/${act}`;
}

async function add(context: PageContext, parts: SidecarParts): Promise<Response> {
  const t = context.get("t");
  const form = await readForm(context);
  const typed = { account: form?.("account").trim() ?? "", reason: form?.("reason").trim() ?? "" };
  const user = parseUserName(typed.account, parts.current().config);
  const account = user === null ? null : await countedAccount(parts, user, context.req.raw.signal);
  const mistakes: Mistakes = {
    account: account === null ? t("There is no such account", "このアカウントはありません") : undefined,
    reason: typed.reason === "" || typed.reason.length > REASON_LENGTH || hasControl(typed.reason)
      ? t("Expected 1 to 200 characters", "1〜200文字で入力してください")
      : undefined,
  };
  if (account === null || mistakes.reason !== undefined) return await listPage(context, { parts, typed, mistakes });
  const mails = await auditedLimits(parts, actorOf(context)).hold(account, typed.reason);
  return context.redirect(address("/admin/holds", { done: mails === null ? "already" : "add", count: mails }), 303);
}

function listPage(
  context: PageContext,
  { parts, typed, mistakes = {} }: {
    readonly parts: SidecarParts;
    readonly typed?: { readonly account: string; readonly reason: string };
    readonly mistakes?: Mistakes;
  },
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { networksPerHour, newRecipientsPerHour } = parts.current().config.hold;
  return page(context, {
    title: t("On hold", "送信保留中"),
    status: Object.keys(mistakes).length > 0 ? 422 : 200,
    main: (
      <>
        <DoneNotice context={context} />
        <p>
          {t(
            "The mail of these accounts is accepted and not sent. Release an account to send what was held, or discard that mail.",
            "次のアカウントのメールは受け付けますが、送信しません。解除すると保留中のメールが送信されます。破棄することもできます。",
          )}
        </p>
        <Table
          caption={t("Accounts on hold", "保留中のアカウント")}
          rows={parts.limits.listHolds()}
          empty={t("No account is on hold.", "保留中のアカウントはありません。")}
          columns={[
            {
              head: t("Account", "アカウント"),
              cell: ({ account }) => <a href={address("/admin/queue", { account })}>{account}</a>,
            },
            { head: t("Since", "開始"), cell: ({ since }) => <When at={since} language={language} /> },
            { head: t("Why", "理由"), cell: ({ rule }) => rule },
            { head: t("By", "操作者"), cell: ({ by }) => by === "rule" ? t("a rule of [hold]", "[hold] の規則") : by },
            {
              head: t("Do", "操作"),
              cell: ({ account }) => (
                <>
                  <ActionButton
                    action={holdAddress(account, "release")}
                    text={t("Release", "解除して送信")}
                    about={account}
                  />
                  <a class="button small" href={holdAddress(account, "discard")}>{t("Discard …", "破棄…")}</a>
                </>
              ),
            },
          ]}
        />
        <Card title={t("Put an account on hold", "アカウントを保留にする")}>
          <form method="post" action="/admin/holds">
            <Field
              name="account"
              label={t("Account", "アカウント")}
              value={typed?.account ?? context.req.query("account")}
              mistake={mistakes.account}
            />
            <Field name="reason" label={t("Reason", "理由")} value={typed?.reason} mistake={mistakes.reason} />
            <button type="submit">{t("Put it on hold", "保留にする")}</button>
          </form>
        </Card>
        {networksPerHour === null && newRecipientsPerHour === null && (
          <Notice kind="info">
            {t(
              "No account is put on hold by itself. To begin with: [hold] networks_per_hour = 5, new_recipients_per_hour = 100.",
              "自動の保留は設定されていません。はじめの目安: [hold] networks_per_hour = 5、new_recipients_per_hour = 100",
            )}
          </Notice>
        )}
      </>
    ),
  });
}

function askDiscard(context: PageContext, { limits }: SidecarParts): Response | Promise<Response> {
  const t = context.get("t");
  const account = context.req.param("account") ?? "";
  if (limits.holdOf(account) === null) return notOnHold(context);
  return confirmation(context, {
    title: t(`Discard the held mail of ${account}?`, `${account} の保留中のメールを破棄しますか`),
    text: (
      <p>
        {t(
          "It will not be delivered, and nobody is told. The account stays on hold. This cannot be taken back.",
          "破棄したメールは配達されず、誰にも通知されません。アカウントは保留のままです。元に戻すことはできません。",
        )}
      </p>
    ),
    action: holdAddress(account, "discard"),
    button: t("Discard the mail", "メールを破棄する"),
    back: "/admin/holds",
  });
}

function notOnHold(context: PageContext): Response | Promise<Response> {
  const text = context.get("t")("This account is not on hold.", "このアカウントは保留されていません。");
  return nothingHere(context, { text, back: "/admin/holds" });
}

function DoneNotice({ context }: { readonly context: PageContext }): Markup {
  const t = context.get("t");
  const count = /^\d{1,9}$/.exec(context.req.query("count") ?? "")?.[0] ?? "0";
  const texts: Readonly<Record<string, string>> = {
    add: t(
      `It is on hold; mails that waited and are held now: ${count}.`,
      `保留にしました（待機中だったメール: ${count}通）。`,
    ),
    already: t("It was on hold already.", "すでに保留中です。"),
    release: t(`It is off hold; mails released: ${count}.`, `保留を解除しました（送信を再開したメール: ${count}通）。`),
    discard: t(
      `Mails discarded: ${count}. The account is still on hold.`,
      `${count}通を破棄しました。保留は続いています。`,
    ),
  };
  const done = context.req.query("done") ?? "";
  const text = Object.hasOwn(texts, done) ? texts[done] : undefined;
  return <>{text !== undefined && <Notice kind={done === "already" ? "warn" : "good"}>{text}</Notice>}</>;
}
