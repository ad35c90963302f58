/**
 * Signing in and out, and the second factor of administrators.
 *
 * @module
 */

import { Hono } from "hono";
import type { MiddlewareHandler } from "hono";
import type { Origin } from "../../backend.ts";
import type { SidecarParts } from "../parts.ts";
import { createRateLimit } from "../rate_limit.ts";
import { readForm } from "./form.ts";
import { Card, Field, Notice, page } from "./layout.tsx";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { beginSession, endSession } from "./session_check.ts";

/** Of one host in a minute. */
const SIGN_INS = 30;
const WAIT_MS = 60_000;

/** Sends whoever is not signed in to the sign-in, and back to the page afterwards. */
export function requireSession(): MiddlewareHandler<PageEnv> {
  return async (context, next) => {
    if (context.get("session") !== null) return await next();
    const { method, path } = context.req;
    const back = method === "GET" && path !== "/" ? `?to=${encodeURIComponent(path)}` : "";
    return context.redirect(`/sign-in${back}`, 303);
  };
}

/** Lets administrators alone through, once the second factor was given. */
export function requireAdministrator(parts: Pick<SidecarParts, "records">): MiddlewareHandler<PageEnv> {
  return async (context, next) => {
    const session = context.get("session");
    // Back to the page that was asked for; what a form wanted is not done by itself afterwards.
    const { method, path } = context.req;
    const back = `?to=${encodeURIComponent(method === "GET" ? path : "/admin")}`;
    if (session === null) return context.redirect(`/sign-in${back}`, 303);
    if (session.administrator) return await next();
    if (parts.records.administrators.has(session.account)) return context.redirect(`/second-factor${back}`, 303);
    const t = context.get("t");
    return await page(context, {
      title: t("For administrators", "管理者用のページ"),
      status: 403,
      main: (
        <Notice kind="bad">
          {t(
            "Your account does not administer this server. On the server, dokodemo admin new makes it an administrator.",
            "このアカウントには管理者の権限がありません。サーバー上で dokodemo admin new を実行すると管理者になります。",
          )}
        </Notice>
      ),
    });
  };
}

/** Where a login over the pages comes from. */
export function originOf(context: PageContext): Origin {
  const { remote, tls } = context.get("caller");
  // Of a proxy's TLS nothing more is known; ours is that of the runtime.
  return { remote, listener: "http", tls: tls ? { version: "TLS", cipher: "" } : null, mechanism: "FORM" };
}

/** The routes. */
export function signInRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const limit = createRateLimit(SIGN_INS);
  const show = (context: PageContext, view: Omit<SignInView, "hostname">) => {
    return signInPage(context, { ...view, hostname: parts.current().config.hostname });
  };

  routes.get("/sign-in", (context) => {
    if (context.get("session") !== null) return context.redirect(target(context.req.query("to")), 303);
    return show(context, { to: target(context.req.query("to")) });
  });

  routes.post("/sign-in", async (context) => {
    const form = await readForm(context);
    const [user, password, to] = [form?.("user").trim() ?? "", form?.("password") ?? "", target(form?.("to"))];
    if (user === "" || password === "") return await show(context, { to, user, problem: "rejected" });
    if (!limit.take(context.get("caller").remote, parts.now())) {
      return await show(context, { to, user, problem: "delayed" });
    }
    // Not the request's signal: a browser that hangs up early gets its guess counted all the same.
    const signal = AbortSignal.timeout(WAIT_MS);
    const outcome = await parts.signIn({ user, password, origin: originOf(context) }, { signal });
    if (outcome.kind !== "accepted") return await show(context, { to, user, problem: outcome.kind });
    const before = context.get("session");
    if (before !== null) parts.records.sessions.end(before.id);
    const session = await beginSession(context, { account: outcome.account, parts });
    const second = parts.records.administrators.has(session.account);
    return context.redirect(second ? `/second-factor?to=${encodeURIComponent(to)}` : to, 303);
  });

  routes.post("/sign-out", (context) => {
    endSession(context, parts);
    return context.redirect("/sign-in", 303);
  });

  routes.use("/second-factor", requireSession());
  routes.get("/second-factor", (context) => {
    const to = target(context.req.query("to"));
    const { account, administrator } = signedIn(context);
    if (administrator || !parts.records.administrators.has(account)) return context.redirect(to, 303);
    return secondFactorPage(context, { to, wrong: false });
  });
  routes.post("/second-factor", async (context) => {
    const form = await readForm(context);
    const to = target(form?.("to"));
    const { account, id } = signedIn(context);
    const code = (form?.("code") ?? "").replace(/\s/g, "");
    if (!parts.records.administrators.checkCode(account, code, parts.now())) {
      parts.records.audit.add({ ...actorOf(context), what: "second-factor.wrong", target: account }, parts.now());
      return secondFactorPage(context, { to, wrong: true });
    }
    parts.records.sessions.promote(id);
    parts.records.audit.add({ ...actorOf(context), what: "second-factor.right", target: account }, parts.now());
    return context.redirect(to === "/" ? "/admin" : to, 303);
  });
  return routes;
}

/** A path of ours and nothing else: no other host, no `//host`, no backslash. */
function target(text: string | undefined): string {
  return text !== undefined && /^\/(?:[A-Za-z0-9_.~-][A-Za-z0-9_.~%@/-]*)?$/.test(text) ? text : "/";
}

interface SignInView {
  /** Whose pages these are. */
  readonly hostname: string;
  readonly to: string;
  readonly user?: string;
  readonly problem?: "rejected" | "delayed" | "unavailable";
}

const STATUS = { rejected: 403, delayed: 429, unavailable: 503 } as const;

function signInPage(context: PageContext, { hostname, to, user, problem }: SignInView): Response | Promise<Response> {
  const t = context.get("t");
  const texts = {
    rejected: t(
      "The user name or the password is wrong. An app password does not open these pages.",
      "ユーザー名またはパスワードが違います。アプリパスワードではサインインできません。",
    ),
    delayed: t(
      "There were too many wrong passwords. Wait a minute, then try again.",
      "パスワードの間違いが続きました。1分待ってから、もう一度お試しください。",
    ),
    unavailable: t(
      "Your password cannot be checked at the moment: the place where it is kept does not answer. Try again in a minute.",
      "現在、パスワードを確認できません(認証先が応答していません)。しばらくしてから、もう一度お試しください。",
    ),
  };
  return page(context, {
    title: t("Sign in", "サインイン"),
    status: problem === undefined ? 200 : STATUS[problem],
    main: (
      <div class="narrow">
        {problem !== undefined && <Notice kind="bad">{texts[problem]}</Notice>}
        <p>
          {t("With your mail account on ", "メールアカウントでサインインしてください。サーバー: ")}
          <strong>{hostname}</strong>
        </p>
        <Card>
          <form method="post" action="/sign-in">
            <input type="hidden" name="to" value={to} />
            <Field
              name="user"
              label={t("User name", "ユーザー名")}
              hint={t(
                "As in your mail client, such as taro or taro@example.jp",
                "メールソフトと同じ名前。例: taro、taro@example.jp",
              )}
              value={user}
              autocomplete="username"
              autofocus={user === undefined}
            />
            <Field
              name="password"
              type="password"
              label={t("Password", "パスワード")}
              autocomplete="current-password"
              autofocus={user !== undefined}
            />
            <button type="submit">{t("Sign in", "サインイン")}</button>
          </form>
        </Card>
      </div>
    ),
  });
}

function secondFactorPage(
  context: PageContext,
  { to, wrong }: { readonly to: string; readonly wrong: boolean },
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Second factor", "2段階認証"),
    status: wrong ? 403 : 200,
    main: (
      <div class="narrow">
        {wrong && (
          <Notice kind="bad">
            {t(
              "The code is wrong, was used before, or too many came one after the other. Wait for the next one.",
              "コードが違うか、すでに使われたか、試行が多すぎます。次のコードが表示されるまでお待ちください。",
            )}
          </Notice>
        )}
        <Card>
          <p>
            {t(
              "Your account administers this server. Type the code that your authenticator app shows.",
              "このアカウントは管理者です。認証アプリに表示されているコードを入力してください。",
            )}
          </p>
          <form method="post" action="/second-factor">
            <input type="hidden" name="to" value={to} />
            <Field
              name="code"
              label={t("Code of 6 digits", "6桁のコード")}
              autocomplete="one-time-code"
              inputmode="numeric"
              autofocus
            />
            <button type="submit">{t("Go on", "続ける")}</button>
          </form>
          <p>
            <a href="/">{t("Go on without administering", "管理者の操作をせずに続ける")}</a>
          </p>
        </Card>
      </div>
    ),
  });
}
