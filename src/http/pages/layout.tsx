/**
 * The frame around every page, and the few parts that pages are made of.
 *
 * @module
 */

import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Session } from "../../records/records.ts";
import type { Language, Translate } from "./language.ts";
import type { PageContext } from "./page_env.ts";

/** What a part of a page gives. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

/** One entry of the navigation. */
interface Place {
  readonly path: string;
  readonly text: string;
}

/** Makes the answer of a page: `main` in the frame, with the status given (default 200). */
export function page(
  context: PageContext,
  { title, main, status = 200, live = false }: {
    readonly title: string;
    readonly main: Child;
    readonly status?: 200 | 400 | 401 | 403 | 404 | 409 | 422 | 429 | 500 | 503;
    /** Whether numbers of the page change by themselves where there is JavaScript. */
    readonly live?: boolean;
  },
): Response | Promise<Response> {
  const [language, t, session] = [context.get("language"), context.get("t"), context.get("session")];
  const { path } = context.req;
  return context.html(
    html`<!doctype html>${(
      <html lang={language}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{`${title} · dokodemo`}</title>
          <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
          <link rel="stylesheet" href="/assets/style.css" />
          <script src="/assets/page.js" defer></script>
          {live && <script src="/assets/live.js" defer></script>}
        </head>
        <body>
          <a class="skip" href="#main">{t("Skip to the content", "本文へ")}</a>
          <Head path={path} language={language} t={t} session={session} />
          <main id="main">
            <h1>{title}</h1>
            {main}
          </main>
        </body>
      </html>
    )}`,
    status,
  );
}

function Head(
  { path, language, t, session }: {
    readonly path: string;
    readonly language: Language;
    readonly t: Translate;
    readonly session: Session | null;
  },
): Markup {
  const other: Language = language === "en" ? "ja" : "en";
  return (
    <header>
      <div class="bar">
        <a class="brand" href="/">dokodemo</a>
        <span class="grow"></span>
        {session !== null && <span class="who">{session.account}</span>}
        <a href={`${path}?language=${other}`} hreflang={other} lang={other}>{other === "ja" ? "日本語" : "English"}</a>
        {session !== null && (
          <form method="post" action="/sign-out">
            <button class="link" type="submit">{t("Sign out", "サインアウト")}</button>
          </form>
        )}
      </div>
      {session !== null && <Navigation label={t("Pages", "ページ")} places={ownPlaces(t)} path={path} />}
      {session?.administrator === true && (
        <Navigation label={t("Administration", "管理")} places={adminPlaces(t)} path={path} />
      )}
    </header>
  );
}

function Navigation(
  { label, places, path }: { readonly label: string; readonly places: readonly Place[]; readonly path: string },
): Markup {
  return (
    <nav aria-label={label}>
      {places.map((place) => (
        <a href={place.path} aria-current={isHere(path, place.path) ? "page" : undefined}>{place.text}</a>
      ))}
    </nav>
  );
}

function ownPlaces(t: Translate): readonly Place[] {
  return [
    { path: "/", text: t("Home", "ホーム") },
    { path: "/mail", text: t("Outgoing mail", "送信中のメール") },
    { path: "/password", text: t("Password", "パスワード") },
    { path: "/app-passwords", text: t("App passwords", "アプリパスワード") },
    { path: "/logins", text: t("Logins", "ログイン履歴") },
    { path: "/set-up", text: t("Mail client", "メールソフトの設定") },
  ];
}

function adminPlaces(t: Translate): readonly Place[] {
  return [
    { path: "/admin", text: t("Overview", "概況") },
    { path: "/admin/accounts", text: t("Accounts", "アカウント") },
    { path: "/admin/devices", text: t("Devices", "機器") },
    { path: "/admin/logins", text: t("All logins", "全ログイン") },
    { path: "/admin/tester", text: t("Login tester", "ログイン試験") },
    { path: "/admin/simulate", text: t("Simulation", "シミュレーション") },
    { path: "/admin/bans", text: t("Bans", "接続禁止") },
    { path: "/admin/queue", text: t("Queue", "キュー") },
    { path: "/admin/holds", text: t("On hold", "送信保留") },
    { path: "/admin/limits", text: t("Limits", "送信の上限") },
    { path: "/admin/audit", text: t("Audit log", "監査記録") },
    { path: "/admin/administrators", text: t("Administrators", "管理者") },
  ];
}

function isHere(path: string, place: string): boolean {
  return place === "/" || place === "/admin" ? path === place : path === place || path.startsWith(`${place}/`);
}

/** A part of a page with its own heading. */
export function Card(
  { title, children }: { readonly title?: string; readonly children?: Child },
): Markup {
  return (
    <section class="card">
      {title !== undefined && <h2>{title}</h2>}
      {children}
    </section>
  );
}

/** What happened, or what to look out for. */
export function Notice(
  { kind, children }: { readonly kind: "good" | "bad" | "warn" | "info"; readonly children?: Child },
): Markup {
  return <p class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>{children}</p>;
}

/** One input with its label, and what is wrong with what was typed. */
export function Field(
  {
    name,
    label,
    type = "text",
    value,
    hint,
    mistake,
    required = true,
    autocomplete = "off",
    autofocus,
    inputmode,
    least,
  }: {
    readonly name: string;
    readonly label: string;
    readonly type?: "text" | "password" | "email" | "date" | "number" | "search";
    readonly value?: string | undefined;
    readonly hint?: string;
    readonly mistake?: string | undefined;
    readonly required?: boolean;
    readonly autocomplete?: string;
    readonly autofocus?: boolean;
    readonly inputmode?: "numeric" | "email";
    /** Characters. */
    readonly least?: number;
  },
): Markup {
  const described = [hint !== undefined && `${name}-hint`, mistake !== undefined && `${name}-mistake`].filter(Boolean);
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={value}
        required={required}
        autocomplete={autocomplete}
        autofocus={autofocus}
        inputmode={inputmode}
        minlength={least}
        spellcheck={false}
        autocapitalize="none"
        aria-describedby={described.length > 0 ? described.join(" ") : undefined}
        aria-invalid={mistake === undefined ? undefined : "true"}
      />
      {hint !== undefined && <p class="hint" id={`${name}-hint`}>{hint}</p>}
      {mistake !== undefined && <p class="mistake" id={`${name}-mistake`}>{mistake}</p>}
    </div>
  );
}

/** One choice of several. */
export function Choice(
  { name, label, value, options }: {
    readonly name: string;
    readonly label: string;
    readonly value?: string | undefined;
    readonly options: readonly (readonly [value: string, text: string])[];
  },
): Markup {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {options.map(([each, text]) => <option value={each} selected={each === value}>{text}</option>)}
      </select>
    </div>
  );
}

/** A column of a table: its heading, and its cell for a row. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Child;
  readonly numeric?: boolean;
}

/** A table that becomes a list of blocks on a narrow screen; with no rows it says so. */
export function Table<Row>(
  { caption, rows, columns, empty }: {
    readonly caption: string;
    readonly rows: readonly Row[];
    readonly columns: readonly Column<Row>[];
    readonly empty: string;
  },
): Markup {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <table>
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ head, numeric }) => <th scope="col" class={numeric ? "numeric" : undefined}>{head}</th>)}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            {columns.map(({ head, cell, numeric }) => (
              <td data-head={head} class={numeric ? "numeric" : undefined}>{cell(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A form of one button that changes something; `danger` for what cannot be taken back. */
export function ActionButton(
  { action, text, about, danger = false }: {
    readonly action: string;
    readonly text: string;
    /** For people who do not see the row it stands in. */
    readonly about?: string;
    readonly danger?: boolean;
  },
): Markup {
  return (
    <form method="post" action={action} class="inline">
      <button
        type="submit"
        class={danger ? "danger small" : "small"}
        aria-label={about === undefined ? undefined : `${text}: ${about}`}
      >
        {text}
      </button>
    </form>
  );
}

/** A value that is copied by a button where there is JavaScript. */
export function Copyable(
  { value, t, label }: { readonly value: string; readonly t: Translate; readonly label: string },
): Markup {
  return (
    <span class="copyable">
      <code>{value}</code>
      <button type="button" class="small copy" data-copy={value} aria-label={`${t("Copy", "コピー")}: ${label}`} hidden>
        {t("Copy", "コピー")}
      </button>
    </span>
  );
}

/** A time, in the server's zone. Milliseconds since the epoch or RFC 3339. */
export function When(
  { at, language }: { readonly at: number | string; readonly language: Language },
): Markup {
  const date = new Date(at);
  return <time datetime={date.toISOString()}>{TIME_FORMATS[language].format(date)}</time>;
}

const TIME_OPTIONS: Intl.DateTimeFormatOptions = {
  ...{ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  timeZoneName: "short",
};
const TIME_FORMATS: Readonly<Record<Language, Intl.DateTimeFormat>> = {
  en: new Intl.DateTimeFormat("en-GB", TIME_OPTIONS),
  ja: new Intl.DateTimeFormat("ja-JP", TIME_OPTIONS),
};
