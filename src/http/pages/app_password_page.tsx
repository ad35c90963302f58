/**
 * The own app passwords.
 *
 * @module
 */

import { Hono } from "hono";
import type { AppPasswordRequest, Credential } from "../../accounts/account_store.ts";
import type { AppPasswordRefusal, MadeAppPassword } from "../../auth/app_password_admin.ts";
import type { Result } from "../../lib/result.ts";
import { appPasswordOperations } from "../operations/app_passwords.ts";
import type { SidecarParts } from "../parts.ts";
import { AppPasswordForm, type AppPasswordMistake, expiryOf, type TypedAppPassword } from "./app_password_form.tsx";
import { AppPasswordTable, FreshAppPassword } from "./app_password_parts.tsx";
import { fieldOf, refusalText } from "./app_password_words.ts";
import { DoneNotice, type DoneTexts } from "./done_notice.tsx";
import { readForm } from "./form.ts";
import { Card, Notice, page } from "./layout.tsx";
import { offeredMechanisms } from "./offered.ts";
import { ownName } from "./own.ts";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { requireSession } from "./sign_in_page.tsx";

const FRESH: TypedAppPassword = { label: "", networks: "", mechanisms: [], expires: "" };
const DONE: DoneTexts = new Map([
  ["revoked", {
    kind: "good",
    en: "The app password is revoked: no login by it is accepted from now on.",
    ja: "アプリパスワードを取り消しました。今後、このパスワードではログインできません。",
  }],
  ["gone", {
    kind: "info",
    en: "There is no such app password any more.",
    ja: "このアプリパスワードはすでにありません。",
  }],
  ["unavailable", {
    kind: "bad",
    en: "It could not be revoked at the moment. Try again in a few minutes, or ask the administrator.",
    ja: "現在、取り消すことができません。数分後に、もう一度お試しいただくか、管理者にお問い合わせください。",
  }],
]);

/** The routes. */
export function appPasswordRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const own = (context: PageContext) => {
    const [operations, name] = [appPasswordOperations(parts, actorOf(context)), ownName(signedIn(context))];
    return {
      list: () => operations.list(name),
      add: (request: AppPasswordRequest) => operations.add(name, request),
      revoke: (id: string) => operations.revoke(name, id),
    };
  };
  const show = async (context: PageContext, view: Omit<View, "list" | "mechanisms" | "now"> = {}) =>
    appPasswordPage(context, {
      ...view,
      list: await own(context).list(),
      mechanisms: offeredMechanisms(parts.current()),
      now: parts.now(),
    });

  routes.use("/app-passwords", requireSession());
  routes.use("/app-passwords/*", requireSession());
  routes.get("/app-passwords", (context) => show(context));
  routes.post("/app-passwords", async (context) => {
    const typed = await readTyped(context, offeredMechanisms(parts.current()));
    const expires = expiryOf(typed.expires, parts.now());
    const made = expires === undefined
      ? { ok: false as const, problem: { kind: "bad-expires" as const } }
      : await own(context).add(requestOf(typed, expires));
    // Shown in this answer and never again, so there is no page to be sent on to.
    if (made.ok) return await freshPage(context, { made: made.value, parts });
    return await show(context, { typed, refusal: made.problem });
  });
  routes.post("/app-passwords/:id/revoke", async (context) => {
    const revoked = await own(context).revoke(context.req.param("id"));
    const done = revoked.ok ? "revoked" : revoked.problem === "unavailable" ? "unavailable" : "gone";
    return context.redirect(`/app-passwords?done=${done}`, 303);
  });
  return routes;
}

async function readTyped(context: PageContext, mechanisms: readonly string[]): Promise<TypedAppPassword> {
  const form = await readForm(context);
  return {
    label: form?.("label") ?? "",
    networks: form?.("networks") ?? "",
    mechanisms: mechanisms.filter((name) => form?.(`mechanism-${name}`) === "on"),
    expires: form?.("expires") ?? "",
  };
}

function requestOf({ label, networks, mechanisms }: TypedAppPassword, expires: string | null): AppPasswordRequest {
  return {
    label,
    networks: networks.split(/[\s,]+/).filter((network) => network !== ""),
    mechanisms: mechanisms.length === 0 ? null : mechanisms,
    expires,
  };
}

interface View {
  readonly list: Result<readonly Credential[], AppPasswordRefusal>;
  readonly mechanisms: readonly string[];
  readonly now: number;
  /** What was typed, and why nothing came of it. */
  readonly typed?: TypedAppPassword;
  readonly refusal?: AppPasswordRefusal;
}

function appPasswordPage(
  context: PageContext,
  { list, mechanisms, now, typed = FRESH, refusal }: View,
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const field = refusal === undefined ? null : fieldOf(refusal);
  const mistake: AppPasswordMistake | null = refusal === undefined || field === null
    ? null
    : { field, text: refusalText(refusal, t) };
  const status = refusal === undefined ? 200 : field !== null ? 422 : refusal.kind === "unavailable" ? 503 : 409;
  return page(context, {
    title: t("App passwords", "アプリパスワード"),
    status,
    main: (
      <>
        <DoneNotice context={context} texts={DONE} />
        {refusal !== undefined && field === null && <Notice kind="bad">{refusalText(refusal, t)}</Notice>}
        <p>
          {t(
            "An app password is a password for one device or program. If the device is lost you revoke its app password, and everything else goes on working. It can send mail, but neither open these pages nor change your password.",
            "アプリパスワードは、端末やソフトごとに作るパスワードです。端末をなくしても、そのアプリパスワードを取り消すだけで済み、ほかには影響しません。メールの送信に使えますが、このページへのサインインやパスワードの変更はできません。",
          )}
        </p>
        {list.ok
          ? (
            <>
              <AppPasswordTable credentials={list.value} now={now} t={t} language={language} />
              <Card title={t("New app password", "アプリパスワードを作る")}>
                <AppPasswordForm typed={typed} mistake={mistake} mechanisms={mechanisms} t={t} />
              </Card>
            </>
          )
          : <Notice kind="info">{refusalText(list.problem, t)}</Notice>}
      </>
    ),
  });
}

function freshPage(
  context: PageContext,
  { made, parts }: { readonly made: MadeAppPassword; readonly parts: SidecarParts },
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Your new app password", "新しいアプリパスワード"),
    main: (
      <>
        <FreshAppPassword made={made} config={parts.current().config} t={t} language={context.get("language")} />
        <p>
          <a class="button" href="/app-passwords">{t("I have typed it in", "入力が終わりました")}</a>
        </p>
      </>
    ),
  });
}
