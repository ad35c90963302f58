/**
 * Who did what: the audit log, and who may administer.
 *
 * @module
 */

import { Hono } from "hono";
import type { SidecarParts } from "../../parts.ts";
import { Card, Copyable, page, Table, When } from "../layout.tsx";
import { type PageContext, type PageEnv, signedIn } from "../page_env.ts";
import { accountAddress, address, PAGE_ROWS, Pager } from "./parts.tsx";

/** `/admin/audit` and `/admin/administrators`. */
export function auditRoutes(parts: Pick<SidecarParts, "records">): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/audit", (context) => auditPage(context, parts));
  routes.get("/admin/administrators", (context) => administratorsPage(context, parts));
  return routes;
}

function auditPage(
  context: PageContext,
  { records }: Pick<SidecarParts, "records">,
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const typed = context.req.query("before") ?? "";
  const before = /^\d{1,15}$/.test(typed) ? Number(typed) : null;
  const found = records.audit.list({ before, count: PAGE_ROWS + 1 });
  const rows = found.slice(0, PAGE_ROWS);
  return page(context, {
    title: t("Audit log", "監査記録"),
    main: (
      <>
        <p>
          {t(
            "Every act of administration, whether on these pages, by the API or by a command. Nothing in this log can be changed or removed.",
            "このページ・API・コマンドで行われた管理操作をすべて記録しています。記録は変更も削除もできません。",
          )}
        </p>
        <Table
          caption={t("Audit log", "監査記録")}
          rows={rows}
          empty={t("Nothing was done yet.", "操作の記録はまだありません。")}
          columns={[
            { head: t("When", "日時"), cell: ({ at }) => <When at={at} language={language} /> },
            { head: t("Who", "操作者"), cell: ({ who }) => who },
            { head: t("From", "接続元"), cell: ({ from }) => from },
            { head: t("What", "操作"), cell: ({ what }) => <code>{what}</code> },
            { head: t("On what", "対象"), cell: ({ target }) => target },
            { head: t("Detail", "詳細"), cell: ({ detail }) => detail === "" ? "–" : detail },
          ]}
        />
        <Pager
          t={t}
          first={before === null ? null : "/admin/audit"}
          next={found.length > PAGE_ROWS ? address("/admin/audit", { before: rows.at(-1)?.seq }) : null}
        />
      </>
    ),
  });
}

function administratorsPage(
  context: PageContext,
  { records }: Pick<SidecarParts, "records">,
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { account: own } = signedIn(context);
  return page(context, {
    title: t("Administrators", "管理者"),
    main: (
      <>
        <Table
          caption={t("Administrators", "管理者")}
          rows={records.administrators.list()}
          empty={t("There is none.", "管理者はいません。")}
          columns={[
            {
              head: t("Account", "アカウント"),
              cell: ({ account }) => (
                <>
                  <a href={accountAddress(account)}>{account}</a>
                  {account === own && <span class="soft">{t(" (you)", "(あなた)")}</span>}
                </>
              ),
            },
            { head: t("Since", "登録日時"), cell: ({ created }) => <When at={created} language={language} /> },
          ]}
        />
        <Card title={t("To add or remove one", "追加と削除")}>
          <p>
            {t(
              "Only somebody who is on the server itself makes an administrator, with these commands. The first one prints the secret for the authenticator app; given again, it makes a new secret, for example after a phone was lost.",
              "管理者の追加と削除は、サーバー上で次のコマンドを実行して行います。追加すると認証アプリ用の秘密鍵が表示されます。電話をなくしたときなどは、もう一度実行すると新しい秘密鍵になります。",
            )}
          </p>
          <p>
            <Copyable value="dokodemo admin new USER@REALM" t={t} label={t("add an administrator", "管理者の追加")} />
          </p>
          <p>
            <Copyable
              value="dokodemo admin remove USER@REALM"
              t={t}
              label={t("remove an administrator", "管理者の削除")}
            />
          </p>
        </Card>
      </>
    ),
  });
}
