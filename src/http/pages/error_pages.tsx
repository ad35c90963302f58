/**
 * The pages of those who ask for what is not there, of those whom a mistake of ours stops, and of those who come by an unsafe way.
 *
 * @module
 */

import type { Trouble } from "../problem.ts";
import type { Translate } from "./language.ts";
import { Card, type Markup, Notice, page } from "./layout.tsx";
import type { PageContext } from "./page_env.ts";

/** Whether a page is wanted, and not the document for programs. */
export function wantsPage({ req }: Pick<PageContext, "req">): boolean {
  return /\btext\/html\b/i.test(req.header("accept") ?? "");
}

/** There is no page at this path. */
export function notFoundPage(context: PageContext): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Not found", "ページが見つかりません"),
    status: 404,
    main: (
      <>
        <p>
          {t(
            "There is no page at this address. It may have been mistyped, or the page was moved.",
            "このアドレスにはページがありません。アドレスの打ち間違いか、ページが移動した可能性があります。",
          )}
        </p>
        <Home t={t} />
      </>
    ),
  });
}

/** The server cannot do what was asked for, by its own fault or for now. */
export function troublePage(context: PageContext, { status, details: { id } }: Trouble): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: status === 500 ? t("A mistake of the server", "サーバーのエラー") : t("Not now", "現在ご利用になれません"),
    status,
    main: (
      <>
        <Notice kind="bad">
          {status === 500
            ? t(
              "The server made a mistake, and it is not yours. Look whether what you wanted was done, before you try again.",
              "サーバー側でエラーが起きました。もう一度試す前に、操作が反映されているかどうかをご確認ください。",
            )
            : t(
              "A part of the server cannot be used at the moment. Try again in a minute.",
              "サーバーの一部が現在使えません。1分ほど待ってから、もう一度お試しください。",
            )}
        </Notice>
        {id !== undefined && (
          <p>
            {t("If it goes on, tell the administrator this number: ", "続くときは、管理者に次の番号をお伝えください: ")}
            <code>{id}</code>
          </p>
        )}
        <Home t={t} />
      </>
    ),
  });
}

/** What is typed here could be read on its way. */
export function unsafePage(context: PageContext, publicUrl: string | null): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("This connection is not safe", "安全な接続ではありません"),
    status: 403,
    main: (
      <>
        <Notice kind="bad">
          {t(
            "You have come without encryption (http), so a password could be read on its way. No page is shown here.",
            "暗号化されていない接続(http)です。パスワードを途中で盗み見られるおそれがあるため、ページを表示できません。",
          )}
        </Notice>
        <p>
          {publicUrl?.startsWith("https:") === true
            ? (
              <>
                {t("Open the pages here: ", "次のアドレスから開いてください: ")}
                <a href={publicUrl}>{publicUrl}</a>
              </>
            )
            : t(
              "Ask the administrator for the address that begins with https://.",
              "https:// で始まるアドレスを、管理者にお問い合わせください。",
            )}
        </p>
        <Ways t={t} />
      </>
    ),
  });
}

function Ways({ t }: { readonly t: Translate }): Markup {
  return (
    <Card title={t("For administrators", "管理者の方へ")}>
      <p>
        {t("In the section [http] of the configuration:", "設定ファイルの [http] で、次のどちらかを設定してください。")}
      </p>
      <ul>
        <li>
          <code>tls = true</code>
          {t(
            " serves the pages by HTTPS, with the certificate of [tls].",
            " : [tls] の証明書を使い、HTTPS でページを提供します。",
          )}
        </li>
        <li>
          <code>trusted_proxies</code>
          {t(
            " names the proxy in front of this server. The proxy has to send ",
            " : 手前のプロキシのアドレスを書きます。プロキシには、次のヘッダーを送らせてください: ",
          )}
          <code>X-Forwarded-Proto: https</code>
          {t(".", "")}
        </li>
      </ul>
      <p>
        <code>public_url</code>
        {t(
          " is the address that people type. It is shown on this page.",
          " には、利用者が開くアドレスを書きます。このページで案内されます。",
        )}
      </p>
    </Card>
  );
}

function Home({ t }: { readonly t: Translate }): Markup {
  return (
    <p>
      <a href="/">{t("To the home page", "ホームへ")}</a>
    </p>
  );
}
