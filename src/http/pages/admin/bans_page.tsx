/**
 * Banned networks: which there are, one more, one less.
 *
 * @module
 */

import { Hono } from "hono";
import { hasControl } from "../../../lib/text.ts";
import { type BanOperations, banOperations, type BanRefusal } from "../../operations/bans.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import type { Translate } from "../language.ts";
import { ActionButton, Card, Choice, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";

/** What is needed. */
export type BansPageParts = Pick<SidecarParts, "records" | "current" | "log" | "now">;

/** What was typed and not taken. */
interface Refused {
  readonly network: string;
  readonly reason: string;
  readonly lasts: string;
  readonly mistake: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LASTS: ReadonlyMap<string, number | null> = new Map([
  ["1h", HOUR_MS],
  ["1d", DAY_MS],
  ["7d", 7 * DAY_MS],
  ["30d", 30 * DAY_MS],
  ["ever", null],
]);

/** `/admin/bans`. */
export function bansRoutes(parts: BansPageParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const operations = (context: PageContext) =>
    banOperations({ ...parts, config: () => parts.current().config }, actorOf(context));
  routes.get("/admin/bans", (context) => bansPage(context, operations(context)));
  routes.post("/admin/bans", async (context) => {
    const form = await readForm(context);
    const [network, reason, lasts] = ["network", "reason", "lasts"].map((name) => form?.(name).trim() ?? "") as [
      string,
      string,
      string,
    ];
    const t = context.get("t");
    const lastsMs = LASTS.get(lasts);
    const typed = { network, reason, lasts };
    if (lastsMs === undefined || reason.length > 200 || hasControl(reason)) {
      const mistake = t("The form was not complete.", "入力が正しくありません。");
      return await bansPage(context, operations(context), { ...typed, mistake });
    }
    // Whoever needs to lock out the machine itself has the command.
    const added = operations(context).add({ network, reason, lastsMs, force: false });
    if (added.ok) return context.redirect("/admin/bans?done=added", 303);
    return await bansPage(context, operations(context), { ...typed, mistake: refusalText(added.problem, t) });
  });
  routes.post("/admin/bans/:id/lift", (context) => {
    const lifted = operations(context).remove(context.req.param("id"));
    return context.redirect(`/admin/bans?done=${lifted === null ? "gone" : "lifted"}`, 303);
  });
  return routes;
}

function bansPage(
  context: PageContext,
  operations: BanOperations,
  refused?: Refused,
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  return page(context, {
    title: t("Bans", "接続禁止"),
    status: refused === undefined ? 200 : 422,
    main: (
      <>
        <DoneNotice word={context.req.query("done") ?? ""} t={t} />
        <p>
          {t(
            "A banned address or network can neither connect by SMTP nor open these pages. Connections that are open stay open. Lifting a ban takes effect at once.",
            "禁止されたアドレスやネットワークからは、SMTP接続もこのページの表示もできません。すでに開いている接続はそのままです。解除するとすぐに接続できるようになります。",
          )}
        </p>
        <Table
          caption={t("Bans", "接続禁止")}
          rows={operations.list()}
          empty={t("Nobody is banned.", "禁止されているネットワークはありません。")}
          columns={[
            { head: t("Network", "ネットワーク"), cell: ({ network }) => <code class="address">{network}</code> },
            { head: t("Reason", "理由"), cell: ({ reason }) => reason === "" ? "–" : reason },
            {
              head: t("By", "操作者"),
              cell: ({ who }) => <span class="address">{whoText(who, t)}</span>,
            },
            { head: t("Since", "開始"), cell: ({ since }) => <When at={since} language={language} /> },
            {
              head: t("Until", "終了"),
              cell: ({ until }) =>
                until === null ? t("it is lifted", "解除するまで") : <When at={until} language={language} />,
            },
            {
              head: t("Lift", "解除"),
              cell: ({ id, network }) => (
                <ActionButton action={`/admin/bans/${id}/lift`} text={t("Lift", "解除する")} about={network} />
              ),
            },
          ]}
        />
        <AddCard refused={refused} t={t} />
      </>
    ),
  });
}

function AddCard({ refused, t }: { readonly refused: Refused | undefined; readonly t: Translate }): Markup {
  return (
    <Card title={t("Ban a network", "ネットワークを禁止する")}>
      <form method="post" action="/admin/bans">
        <Field
          name="network"
          label={t("Address or network", "アドレスまたはネットワーク")}
          hint={t("Such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48", "例: 192.0.2.7、192.0.2.0/24、2001:db8::/48")}
          value={refused?.network}
          mistake={refused?.mistake}
        />
        <Field
          name="reason"
          label={t("Reason, for others who see it", "理由(ほかの管理者向け)")}
          value={refused?.reason}
          required={false}
        />
        <Choice
          name="lasts"
          label={t("For", "期間")}
          value={refused?.lasts ?? "1d"}
          options={[
            ["1h", t("1 hour", "1時間")],
            ["1d", t("1 day", "1日")],
            ["7d", t("7 days", "7日")],
            ["30d", t("30 days", "30日")],
            ["ever", t("until it is lifted", "解除するまで")],
          ]}
        />
        <button type="submit" class="danger">{t("Ban it", "禁止する")}</button>
      </form>
    </Card>
  );
}

function DoneNotice({ word, t }: { readonly word: string; readonly t: Translate }): Markup {
  return (
    <>
      {word === "added" && <Notice kind="good">{t("It is banned.", "禁止しました。")}</Notice>}
      {word === "lifted" && <Notice kind="good">{t("The ban is lifted.", "解除しました。")}</Notice>}
      {word === "gone" && (
        <Notice kind="warn">{t("There is no such ban any more.", "この禁止はすでにありません。")}</Notice>
      )}
    </>
  );
}

function whoText(who: string, t: Translate): string {
  if (who === "dokodemo") return t("the server", "サーバー(自動)");
  return who === "control socket" || who === "command" ? t("the command", "コマンド") : who;
}

function refusalText(refusal: BanRefusal, t: Translate): string {
  switch (refusal) {
    case "bad-network":
      return t("Expected an address or a network.", "アドレスまたはネットワークを入力してください。");
    case "too-wide":
      return t("This would lock out everybody.", "範囲が広すぎます。全員が締め出されます。");
    case "loopback":
      return t("This would lock out the server itself.", "サーバー自身が締め出されます。");
    case "exempt":
      return t(
        "This is an exempt network or a trusted proxy of the configuration.",
        "設定で除外されたネットワーク、または信頼するプロキシです。",
      );
    case "yourself":
      return t("You are in this network yourself.", "あなた自身がこのネットワークから接続しています。");
  }
}
