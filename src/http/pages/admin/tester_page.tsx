/**
 * A login on trial. The password is judged and forgotten: it is neither shown nor kept, and stands in no address.
 *
 * @module
 */

import { Hono } from "hono";
import type { UserName } from "../../../backend.ts";
import type { AuthenticationEvent } from "../../../records/records.ts";
import { formatUserName, parseUserName } from "../../../sasl/user_name.ts";
import { resultText } from "../../login_words.ts";
import { auditBy } from "../../operations/act.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import { Card, Field, type Markup, Notice, page } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { originOf } from "../sign_in_page.tsx";
import { factsOf } from "./login_facts.ts";
import { type LoginViewOptions, Why } from "./login_view.tsx";

/** What is needed. */
export type TesterParts = Pick<SidecarParts, "records" | "current" | "now" | "tryLogin">;

/** The slowest backends, and replies that wait after guesses. */
const WAIT_MS = 90_000;

/** One login that was tried. */
interface Trial {
  readonly event: AuthenticationEvent;
  /** As it was typed. */
  readonly typed: string;
}

/** `/admin/tester`. */
export function testerRoutes(parts: TesterParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/tester", (context) => testerPage(context, { parts }));
  routes.post("/admin/tester", async (context) => {
    const form = await readForm(context);
    const [typed, password] = [form?.("user").trim() ?? "", form?.("password") ?? ""];
    if (typed === "" || password === "") return testerPage(context, { parts, typed, problem: "missing" });
    const origin = { ...originOf(context), mechanism: "PLAIN" };
    const event = await parts.tryLogin({ user: typed, password, origin }, { signal: AbortSignal.timeout(WAIT_MS) });
    const user = parseUserName(typed, parts.current().config);
    // What is no name is not written down: somebody may have typed the password there.
    const target = user === null ? "not a user name" : formatUserName(user);
    auditBy(parts, actorOf(context))("login.test", target, event?.result ?? "no result");
    if (event === null) return testerPage(context, { parts, typed, problem: "lost" });
    return await testerPage(context, { parts, typed, trial: { event, typed } });
  });
  return routes;
}

async function testerPage(
  context: PageContext,
  { parts, typed, trial, problem }: {
    readonly parts: TesterParts;
    readonly typed?: string;
    readonly trial?: Trial;
    readonly problem?: "missing" | "lost";
  },
): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const result = trial === undefined
    ? null
    : await trialCard(trial, { parts, options: { t, language, current: parts.current() } });
  return await page(context, {
    title: t("Login tester", "ログイン試験"),
    status: problem === "missing" ? 422 : problem === "lost" ? 503 : 200,
    main: (
      <>
        {problem === "missing" && (
          <Notice kind="bad">
            {t("Type a user name and a password.", "ユーザー名とパスワードを入力してください。")}
          </Notice>
        )}
        {problem === "lost" && (
          <Notice kind="bad">
            {t(
              "The login was judged, but its result did not reach this page. Look for it in the list of all logins.",
              "判定は行われましたが、結果を取得できませんでした。全ログインの一覧で確認してください。",
            )}
          </Notice>
        )}
        {result}
        <Card title={t("Try a login", "ログインを試す")}>
          <p>
            {t(
              "It goes the same way as PLAIN in an SMTP session, from your address. It counts as a login: a wrong password is counted as a wrong one, and both stand in the log. The password is not kept.",
              "SMTP の PLAIN と同じ手順で、あなたの接続元から判定します。通常のログインとして数えられ、パスワードの間違いも記録されます。パスワードは保存しません。",
            )}
          </p>
          <form method="post" action="/admin/tester">
            <Field
              name="user"
              label={t("User name", "ユーザー名")}
              hint={t("As a mail client would send it", "メールソフトが送るとおりに入力してください")}
              value={typed}
              mistake={problem === "missing" && typed === ""
                ? t("Expected a name", "名前を入力してください")
                : undefined}
            />
            <Field
              name="password"
              type="password"
              label={t("Password", "パスワード")}
              autocomplete="off"
              mistake={problem === "missing" ? t("Expected a password", "パスワードを入力してください") : undefined}
            />
            <button type="submit">{t("Try it", "試す")}</button>
          </form>
        </Card>
      </>
    ),
  });
}

async function trialCard(
  { event, typed }: Trial,
  { parts, options }: { readonly parts: TesterParts; readonly options: LoginViewOptions },
): Promise<Markup> {
  const { t } = options;
  const facts = factsOf(event, parts.current(), { typed, standing: await standingOf(event, { parts, typed }) });
  const accepted = event.result === "accepted";
  return (
    <Card title={t("What came out", "結果")}>
      <Notice kind={accepted ? "good" : "bad"}>
        {accepted
          ? t(`Accepted: the account is ${event.account}.`, `成功: アカウントは ${event.account} です。`)
          : t(`Not accepted: ${resultText(event.result, t)}.`, `失敗: ${resultText(event.result, t)}`)}
        {t(` It took ${event.ms} ms.`, `(${event.ms} ms)`)}
      </Notice>
      <Why login={event} options={options} facts={facts} />
    </Card>
  );
}

/** Of an account on this machine that was accepted. */
async function standingOf(
  { account, result }: AuthenticationEvent,
  { parts, typed }: { readonly parts: TesterParts; readonly typed: string },
) {
  const { config, backends } = parts.current();
  const user: UserName | null = parseUserName(typed, config);
  if (result !== "accepted" || user === null) return null;
  for (const { local } of backends) {
    const standing = await local?.standing(user) ?? null;
    if (standing?.account.name === account) return standing;
  }
  return null;
}
