/**
 * The own logins, and who is signed in here.
 *
 * @module
 */

import { Hono } from "hono";
import type { AuthenticationRecord, Session, StaleClient } from "../../records/records.ts";
import { auditBy } from "../operations/act.ts";
import { appPasswordOperations } from "../operations/app_passwords.ts";
import type { SidecarParts } from "../parts.ts";
import { DoneNotice, type DoneTexts } from "./done_notice.tsx";
import type { Language, Translate } from "./language.ts";
import { ActionButton, Card, type Markup, page, Table, When } from "./layout.tsx";
import { firstFromNetwork, FORM, loginResult, tlsText, wayText } from "./login_words.ts";
import { ownName } from "./own.ts";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { requireSession } from "./sign_in_page.tsx";
import { StaleClients } from "./stale_clients.tsx";

const PAGE_LOGINS = 50;
/** Among so many of the latest successes a network is looked for. */
const COMPARED = 1000;
const SEQ_REGEXP = /^\d{1,15}$/;

const DONE: DoneTexts = new Map([
  ["ended", { kind: "good", en: "The session is ended.", ja: "サインインを終了させました。" }],
  ["others-ended", {
    kind: "good",
    en: "All other sessions are ended. You are signed in here alone.",
    ja: "ほかのサインインをすべて終了させました。サインインしているのは、ここだけです。",
  }],
  ["gone", { kind: "info", en: "This session has ended before.", ja: "このサインインはすでに終了しています。" }],
]);

/** The routes. */
export function loginsRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const { sessions } = parts.records;
  routes.use("/logins", requireSession());
  routes.use("/logins/*", requireSession());
  routes.get("/logins", async (context) => loginsPage(context, await lookUp(context, parts)));
  routes.post("/logins/sessions/:id/end", (context) => {
    const { account, id: own } = signedIn(context);
    const session = sessions.of(account, parts.now()).find(({ id }) => id === context.req.param("id"));
    if (session === undefined) return context.redirect("/logins?done=gone", 303);
    sessions.end(session.id);
    auditBy(parts, actorOf(context))("session.end", account, `begun from ${session.remote}`);
    return context.redirect(session.id === own ? "/sign-in" : "/logins?done=ended", 303);
  });
  routes.post("/logins/sessions/end-others", (context) => {
    const { account, id } = signedIn(context);
    sessions.endOthers(account, id);
    auditBy(parts, actorOf(context))("session.end", account, "all others");
    return context.redirect("/logins?done=others-ended", 303);
  });
  return routes;
}

interface View {
  readonly logins: readonly AuthenticationRecord[];
  readonly next: number | null;
  readonly isFirst: boolean;
  readonly unseen: ReadonlySet<number>;
  readonly sessions: readonly Session[];
  readonly stale: readonly StaleClient[];
  /** Labels of app passwords by their id. */
  readonly labels: ReadonlyMap<string, string>;
}

async function lookUp(context: PageContext, parts: SidecarParts): Promise<View> {
  const { authentications, sessions } = parts.records;
  const { account } = signedIn(context);
  const asked = context.req.query("before") ?? "";
  const before = SEQ_REGEXP.test(asked) ? Number(asked) : null;
  const found = authentications.list({ account }, { before, count: PAGE_LOGINS + 1 });
  const logins = found.slice(0, PAGE_LOGINS);
  const accepted = authentications.list({ account, result: "accepted" }, { before: null, count: COMPARED });
  const listed = await appPasswordOperations(parts, actorOf(context)).list(ownName({ account }));
  return {
    logins,
    next: found.length > PAGE_LOGINS ? logins.at(-1)?.seq ?? null : null,
    isFirst: before === null,
    unseen: firstFromNetwork(accepted),
    sessions: sessions.of(account, parts.now()),
    stale: authentications.staleClients(account),
    labels: new Map(listed.ok ? listed.value.map(({ id, label }) => [id, label]) : []),
  };
}

function loginsPage(context: PageContext, view: View): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { id } = signedIn(context);
  return page(context, {
    title: t("Logins", "ログイン履歴"),
    main: (
      <>
        <DoneNotice context={context} texts={DONE} />
        <Card title={t("Signed in to these pages", "このサイトにサインイン中")}>
          <SessionTable sessions={view.sessions} own={id} t={t} language={language} />
          {view.sessions.length > 1 && (
            <ActionButton
              action="/logins/sessions/end-others"
              text={t("End all others", "ほかをすべて終了させる")}
              danger
            />
          )}
        </Card>
        <StaleClients clients={view.stale} t={t} language={language} />
        <section>
          <h2>{t("The last logins", "最近のログイン")}</h2>
          <LoginTable view={view} t={t} language={language} />
          <p>
            {!view.isFirst && <a href="/logins">{t("The newest", "最新に戻る")}</a>}{" "}
            {view.next !== null && <a href={`/logins?before=${view.next}`}>{t("Older ones", "さらに前を見る")}</a>}
          </p>
        </section>
        <StrangerCard t={t} />
      </>
    ),
  });
}

function LoginTable(
  { view: { logins, unseen, labels }, t, language }: {
    readonly view: View;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <Table
      caption={t("Logins, the newest first", "ログイン(新しい順)")}
      rows={logins}
      empty={t("Nothing is noted.", "記録はありません。")}
      columns={[
        { head: t("When", "日時"), cell: ({ at }) => <When at={at} language={language} /> },
        {
          head: t("From", "接続元"),
          cell: ({ seq, remote }) => (
            <>
              <code>{remote}</code>
              {unseen.has(seq) && <p class="state warn">{t("network never seen before", "初めてのネットワーク")}</p>}
            </>
          ),
        },
        {
          head: t("By", "方法"),
          cell: ({ mechanism, credential }) => (
            <>
              {wayText(mechanism, t)}
              {credential !== null && labels.has(credential) && (
                <p class="hint">{t("app password: ", "アプリパスワード: ")}{labels.get(credential)}</p>
              )}
            </>
          ),
        },
        { head: t("Encryption", "暗号化"), cell: ({ tls }) => tlsText(tls, t) },
        { head: t("Result", "結果"), cell: (login) => <Result login={login} labels={labels} t={t} /> },
      ]}
    />
  );
}

function Result(
  { login, labels, t }: {
    readonly login: AuthenticationRecord;
    readonly labels: ReadonlyMap<string, string>;
    readonly t: Translate;
  },
): Markup {
  const { kind, text, why } = loginResult(login, t);
  // The password was right, and is none that opens a page.
  if (login.result === "too-weak" && login.mechanism === FORM && labels.has(login.credential ?? "")) {
    return (
      <>
        <span class="state bad">{t("refused", "拒否")}</span>
        <p class="hint">{t("An app password opens no page.", "アプリパスワードではサインインできません。")}</p>
      </>
    );
  }
  return (
    <>
      <span class={`state ${kind}`}>{text}</span>
      {why !== null && <p class="hint">{why}</p>}
    </>
  );
}

function SessionTable(
  { sessions, own, t, language }: {
    readonly sessions: readonly Session[];
    readonly own: string;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <Table
      caption={t("Sessions", "サインイン中の一覧")}
      rows={sessions}
      empty={t("Nobody is signed in.", "サインインしている人はいません。")}
      columns={[
        {
          head: t("Browser", "ブラウザー"),
          cell: ({ id, userAgent }) => (
            <>
              {browserText(userAgent, t)}
              {id === own && <p class="state good">{t("this one", "このブラウザー")}</p>}
            </>
          ),
        },
        { head: t("From", "接続元"), cell: ({ remote }) => <code>{remote}</code> },
        { head: t("Since", "開始"), cell: ({ created }) => <When at={created} language={language} /> },
        { head: t("Last seen", "最終アクセス"), cell: ({ seen }) => <When at={seen} language={language} /> },
        {
          head: t("End", "終了"),
          cell: ({ id, userAgent, remote }) => (
            <ActionButton
              action={`/logins/sessions/${encodeURIComponent(id)}/end`}
              text={id === own ? t("Sign out", "サインアウト") : t("End", "終了させる")}
              about={`${browserText(userAgent, t)}, ${remote}`}
            />
          ),
        },
      ]}
    />
  );
}

/** What a person calls the browser. Only a hint: a browser can say anything. */
function browserText(userAgent: string, t: Translate): string {
  const names = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];
  const systems = [["iPhone", "iPhone"], ["iPad", "iPad"], ["Android", "Android"], ["Windows", "Windows"], [
    "Mac OS",
    "Mac",
  ], [
    "Linux",
    "Linux",
  ]];
  const find = (pairs: readonly (readonly string[])[]) => pairs.find(([word = ""]) => userAgent.includes(word))?.[1];
  const found = [find(names), find(systems)].filter((name) => name !== undefined);
  return found.length > 0 ? found.join(", ") : userAgent.slice(0, 60) || t("unknown", "不明");
}

function StrangerCard({ t }: { readonly t: Translate }): Markup {
  return (
    <Card title={t("A login that was not you?", "身に覚えのないログインがあるとき")}>
      <p>
        {t(
          "Addresses change, and a phone has another one on the way than at home. A refused login harms nobody: somebody guessed, or a device has an old password. But if one was let in that cannot have been you:",
          "IPアドレスは変わることがあり、スマートフォンは外出先と自宅とで異なります。「拒否」されたログインに害はありません(誰かの推測か、古いパスワードの端末です)。ただし、身に覚えのないログインが「成功」しているときは:",
        )}
      </p>
      <ol>
        <li>
          <a href="/password">{t("Change your password", "パスワードを変更する")}</a>
          {t(": that ends all sessions but yours.", "(ほかのサインインはすべて終了します)")}
        </li>
        <li>
          <a href="/app-passwords">{t("Revoke app passwords", "アプリパスワードを取り消す")}</a>
          {t(" that you do not know or that belong to a lost device.", "(覚えのないもの、なくした端末のもの)")}
        </li>
        <li>
          <a href="/mail">{t("Look at your outgoing mail", "送信中のメールを確認する")}</a>
          {t(" and cancel what you did not write.", "(自分で書いていないものは取り消す)")}
        </li>
        <li>
          {t(
            "Tell the administrator, with the time and the address.",
            "日時と接続元のアドレスを、管理者に知らせる",
          )}
        </li>
      </ol>
    </Card>
  );
}
