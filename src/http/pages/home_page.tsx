/**
 * Where everybody begins: what there is, and what to look at.
 *
 * @module
 */

import { Hono } from "hono";
import type { AuthenticationRecord } from "../../records/records.ts";
import { appPasswordOperations } from "../operations/app_passwords.ts";
import type { SidecarParts } from "../parts.ts";
import type { Language, Translate } from "./language.ts";
import { Card, type Markup, Notice, page, When } from "./layout.tsx";
import { FORM } from "./login_words.ts";
import { ownName, ownWaiting } from "./own.ts";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { requireSession } from "./sign_in_page.tsx";

const DAY_MS = 24 * 60 * 60 * 1000;
const FAILURES_DAYS = 7;
/** Of the newest logins, so many are looked at for one by a mail client. */
const LOOKED_AT = 100;

/** The route. */
export function homeRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/", requireSession(), async (context) => homePage(context, await summarise(context, parts)));
  return routes;
}

interface Summary {
  readonly waiting: string;
  /** The last login by a mail client. */
  readonly last: AuthenticationRecord | null;
  /** Refused logins of the last days. */
  readonly failures: string;
  /** `null`: there can be none for this account, or it cannot be told now. */
  readonly appPasswords: number | null;
  /** May administer, and has not given the second factor. */
  readonly mayAdminister: boolean;
}

async function summarise(context: PageContext, parts: SidecarParts): Promise<Summary> {
  const { records, spool, now } = parts;
  const { account, administrator } = signedIn(context);
  const accepted = records.authentications.list({ account, result: "accepted" }, { before: null, count: LOOKED_AT });
  const since = now() - FAILURES_DAYS * DAY_MS;
  const refused = records.authentications.list({ account, result: "rejected", since }, {
    before: null,
    count: LOOKED_AT,
  });
  const listed = await appPasswordOperations(parts, actorOf(context)).list(ownName({ account }));
  return {
    waiting: await ownWaiting(spool, account),
    last: accepted.find(({ mechanism }) => mechanism !== FORM) ?? null,
    failures: refused.length === LOOKED_AT ? `${LOOKED_AT}+` : String(refused.length),
    appPasswords: listed.ok ? listed.value.length : null,
    mayAdminister: !administrator && records.administrators.has(account),
  };
}

function homePage(context: PageContext, summary: Summary): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { account } = signedIn(context);
  return page(context, {
    title: t("Home", "ホーム"),
    live: true,
    main: (
      <>
        <p>
          {t("You are signed in as ", "サインイン中のアカウント: ")}
          <strong>{account}</strong>
          {t(".", "")}
        </p>
        {summary.mayAdminister && (
          <Notice kind="info">
            {t(
              "Your account administers this server. To do so, give the second factor first: ",
              "このアカウントはサーバーの管理者です。管理を行うには、先に2段階認証を済ませてください: ",
            )}
            <a href="/second-factor?to=/admin">{t("type the code", "コードを入力する")}</a>
          </Notice>
        )}
        <div class="grid">
          <WaitingCard waiting={summary.waiting} t={t} />
          <LoginCard {...summary} t={t} language={language} />
          <AppPasswordCard count={summary.appPasswords} t={t} />
        </div>
        <section>
          <h2>{t("What you can do here", "このサイトでできること")}</h2>
          <Guide t={t} />
        </section>
      </>
    ),
  });
}

function WaitingCard({ waiting, t }: { readonly waiting: string; readonly t: Translate }): Markup {
  return (
    <Card title={t("Mails that wait", "配送待ちのメール")}>
      <p class="number" data-live="own waiting">{waiting}</p>
      <p>
        <a href="/mail">{t("See them and why they wait", "内容と理由を見る")}</a>
      </p>
    </Card>
  );
}

function LoginCard(
  { last, failures, t, language }: Pick<Summary, "last" | "failures"> & {
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <Card title={t("Last login of a mail client", "メールソフトの最終ログイン")}>
      {last === null ? <p>{t("None is noted.", "記録はありません。")}</p> : (
        <p>
          <strong>
            <When at={last.at} language={language} />
          </strong>
          <br />
          {t("from ", "接続元: ")}
          <code>{last.remote}</code>
        </p>
      )}
      <p class="soft">
        {t(
          `Refused in the last ${FAILURES_DAYS} days: ${failures}`,
          `過去${FAILURES_DAYS}日間に拒否されたログイン: ${failures}回`,
        )}
      </p>
      <p>
        <a href="/logins">{t("See all logins", "ログイン履歴を見る")}</a>
      </p>
    </Card>
  );
}

function AppPasswordCard({ count, t }: { readonly count: number | null; readonly t: Translate }): Markup {
  return (
    <Card title={t("App passwords", "アプリパスワード")}>
      {count === null
        ? <p>{t("There is none for this account.", "このアカウントにはありません。")}</p>
        : <p class="number">{count}</p>}
      <p>
        <a href="/app-passwords">
          {count === null ? t("See why", "理由を見る") : t("Make or revoke one", "作成・取り消し")}
        </a>
      </p>
    </Card>
  );
}

function Guide({ t }: { readonly t: Translate }): Markup {
  const places = [
    {
      path: "/set-up",
      title: t("Set up a mail client", "メールソフトを設定する"),
      text: t(
        "the settings to type, or a file that fills them in",
        "入力する設定値の確認、設定ファイルのダウンロード",
      ),
    },
    {
      path: "/app-passwords",
      title: t("App passwords", "アプリパスワード"),
      text: t(
        "one for each device, so that a lost one is no trouble",
        "端末ごとのパスワード。なくした端末だけを止められます",
      ),
    },
    {
      path: "/mail",
      title: t("Outgoing mail", "送信中のメール"),
      text: t("what still waits, why, and how to stop it", "まだ届いていないメールの確認と取り消し"),
    },
    {
      path: "/logins",
      title: t("Logins", "ログイン履歴"),
      text: t("who used your account, and from where", "いつ、どこからアカウントが使われたか"),
    },
    {
      path: "/password",
      title: t("Password", "パスワード"),
      text: t("change your own password", "ご自身のパスワードの変更"),
    },
  ];
  return (
    <ul>
      {places.map(({ path, title, text }) => (
        <li>
          <a href={path}>{title}</a>: {text}
        </li>
      ))}
    </ul>
  );
}
