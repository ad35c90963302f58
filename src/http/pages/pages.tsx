/**
 * All pages: what is done for each request before its page, and where the pages are.
 *
 * @module
 */

import { Hono, type MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { SidecarParts } from "../parts.ts";
import { troubleOf } from "../problem.ts";
import { adminRoutes } from "./admin/admin_routes.ts";
import { createOverview } from "./admin/overview.ts";
import { apiPageRoutes } from "./api_page.tsx";
import { appPasswordRoutes } from "./app_password_page.tsx";
import { assetRoutes } from "./assets.ts";
import { notFoundPage, troublePage, unsafePage, wantsPage } from "./error_pages.tsx";
import { sameOrigin } from "./form.ts";
import { homeRoutes } from "./home_page.tsx";
import { asLanguage, chooseLanguage, LANGUAGE_COOKIE, translator } from "./language.ts";
import { Notice, page } from "./layout.tsx";
import { loginsRoutes } from "./logins_page.tsx";
import { mailRoutes } from "./mail_page.tsx";
import { liveRoutes } from "./live.ts";
import type { PageContext, PageEnv } from "./page_env.ts";
import { passwordRoutes } from "./password_page.tsx";
import { createSessionCheck } from "./session_check.ts";
import { setUpRoutes } from "./set_up_page.tsx";
import { signInRoutes } from "./sign_in_page.tsx";

/** No script or style but ours, nothing inline, no frame, and no form that goes elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
const YEAR_S = 365 * 24 * 60 * 60;

/** The pages at [http]. */
export function pages(parts: SidecarParts): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  app.route("/assets", assetRoutes());
  app.use(headers);
  app.use(languages);
  app.use(async (context, next) => {
    context.set("session", null);
    // Browsers would keep no cookie either.
    if (context.get("caller").secure) return await next();
    return await unsafePage(context, parts.current().config.http?.publicUrl ?? null);
  });
  const sessions = createSessionCheck(parts);
  app.use(async (context, next) => {
    context.set("session", await sessions.find(context));
    await next();
  });
  app.use(sameOrigin(foreignForm));
  app.route("/", signInRoutes(parts));
  app.route("/", apiPageRoutes(parts));
  app.route("/", homeRoutes(parts));
  app.route("/", mailRoutes(parts));
  app.route("/", passwordRoutes(parts));
  app.route("/", appPasswordRoutes(parts));
  app.route("/", loginsRoutes(parts));
  app.route("/", setUpRoutes(parts));
  const overview = createOverview(parts);
  app.route("/", liveRoutes({ spool: parts.spool, status: parts.status, sessions, overview }));
  app.route("/", adminRoutes(parts, overview));
  app.use((context, next) => wantsPage(context) ? Promise.resolve(notFoundPage(context)) : next());
  app.onError((error, context) => {
    if (!wantsPage(context)) throw error;
    return troublePage(context, troubleOf(error, { secret: true, log: parts.log }));
  });
  return app;
}

const headers: MiddlewareHandler<PageEnv> = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set("content-security-policy", POLICY);
  headers.set("referrer-policy", "no-referrer");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  headers.append("vary", "Accept-Language, Cookie");
};

const languages: MiddlewareHandler<PageEnv> = async (context, next) => {
  const { method, path } = context.req;
  const wished = asLanguage(context.req.query("language"));
  if (method === "GET" && wished !== null) {
    setCookie(context, LANGUAGE_COOKIE, wished, { path: "/", sameSite: "Lax", maxAge: YEAR_S });
    // Of a path such as `//host` a browser would make another host.
    return context.redirect(path.replace(/^[/\\]+/, "/"), 303);
  }
  const language = chooseLanguage(getCookie(context, LANGUAGE_COOKIE), context.req.header("accept-language"));
  context.set("language", language);
  context.set("t", translator(language));
  return await next();
};

function foreignForm(context: PageContext): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Not from this page", "このページからの送信ではありません"),
    status: 403,
    main: (
      <Notice kind="bad">
        {t(
          "Your browser says that another site sent this form, so nothing was done. Open the page again and repeat.",
          "ほかのサイトから送られたフォームのため、何も実行しませんでした。ページを開き直して、もう一度お試しください。",
        )}
      </Notice>
    ),
  });
}
