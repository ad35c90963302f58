/**
 * What the pages of administrators have in common.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { Translate } from "../language.ts";
import { type Markup, Notice, page } from "../layout.tsx";
import type { PageContext } from "../page_env.ts";

/** Rows on one page of a list. */
export const PAGE_ROWS = 50;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A word that tells how something is; the colour only repeats it. */
export function State(
  { kind, live, children }: {
    readonly kind: "good" | "bad" | "warn";
    /** The name under which it changes by itself. */
    readonly live?: string;
    readonly children?: Child;
  },
): Markup {
  const named = live === undefined ? {} : { "data-live": live, "data-live-state": `${live} state` };
  return <span class={`state ${kind}`} {...named}>{children}</span>;
}

/** The ways to other pages of a list; nothing where there are none. */
export function Pager(
  { t, first, next }: {
    readonly t: Translate;
    /** The address of the first page, on any other one. */
    readonly first: string | null;
    readonly next: string | null;
  },
): Markup {
  return (
    <>
      {(first !== null || next !== null) && (
        <nav class="pager" aria-label={t("Pages of the list", "一覧のページ")}>
          {first !== null && <a href={first}>{t("First page", "最初のページ")}</a>}
          {next !== null && <a href={next} rel="next">{t("Next page", "次のページ")}</a>}
        </nav>
      )}
    </>
  );
}

/** An address of ours with a query of what is not empty. */
export function address(path: string, query: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === undefined || value === "" ? [] : [[name, String(value)]]
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** A time that passes, in its two largest units. */
export function durationText(ms: number, t: Translate): string {
  const [days, hours] = [Math.floor(ms / DAY_MS), Math.floor(ms % DAY_MS / HOUR_MS)];
  const minutes = Math.floor(ms % HOUR_MS / MINUTE_MS);
  if (days > 0) return t(`${days} d ${hours} h`, `${days}日${hours}時間`);
  if (hours > 0) return t(`${hours} h ${minutes} min`, `${hours}時間${minutes}分`);
  if (minutes > 0) return t(`${minutes} min`, `${minutes}分`);
  return t(`${Math.max(0, Math.floor(ms / 1000))} s`, `${Math.max(0, Math.floor(ms / 1000))}秒`);
}

/** A size for people. */
export function sizeText(octets: number): string {
  if (octets < 1024) return `${octets} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [octets / 1024, 0];
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** The answer where there is nothing to show. */
export function nothingHere(
  context: PageContext,
  { text, back }: { readonly text: string; readonly back: string },
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Not found", "見つかりません"),
    status: 404,
    main: (
      <>
        <Notice kind="bad">{text}</Notice>
        <p>
          <a href={back}>{t("Back to the list", "一覧に戻る")}</a>
        </p>
      </>
    ),
  });
}

/** Asks before something that cannot be taken back. */
export function confirmation(
  context: PageContext,
  { title, text, action, button, back }: {
    readonly title: string;
    readonly text: Child;
    readonly action: string;
    readonly button: string;
    readonly back: string;
  },
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title,
    main: (
      <section class="card">
        {text}
        <form method="post" action={action}>
          <button type="submit" class="danger">{button}</button>
        </form>
        <p>
          <a href={back}>{t("Leave it as it is", "やめる")}</a>
        </p>
      </section>
    ),
  });
}

/** The address of an account's page. `backend`: whose store it is in, where there are several. */
export function accountAddress(account: string, { act = "", backend = "" } = {}): string {
  return address(`/admin/accounts/${encodeURIComponent(account)}${act === "" ? "" : `/${act}`}`, { backend });
}
