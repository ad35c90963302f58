/**
 * The authentication log of all accounts.
 *
 * @module
 */

import { Hono } from "hono";
import { isIP } from "node:net";
import { canonicalName } from "../../../accounts/account_name.ts";
import { canonicalAddress } from "../../../lib/network.ts";
import type { AuthenticationEvent, AuthenticationFilter } from "../../../records/records.ts";
import { MECHANISMS } from "../../../sasl/mechanisms.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { resultText } from "../../login_words.ts";
import type { SidecarParts } from "../../parts.ts";
import type { Translate } from "../language.ts";
import { Choice, Field, type Markup, page } from "../layout.tsx";
import type { PageContext, PageEnv } from "../page_env.ts";
import { LoginTable } from "./login_view.tsx";
import { address, PAGE_ROWS, Pager } from "./parts.tsx";

const RESULTS: readonly AuthenticationEvent["result"][] = [
  ...["accepted", "rejected", "too-weak", "delayed", "unavailable", "malformed", "cancelled"] as const,
];
/** Ways that are none of SASL's: the sign-in of the pages, and the change of a password on this machine. */
const MECHANISM_NAMES = [...MECHANISMS.map(({ name }) => name), "FORM", "PASSWD"];

/** What was asked for, as it was typed. */
interface Asked {
  readonly account: string;
  readonly remote: string;
  readonly result: string;
  readonly mechanism: string;
  readonly since: string;
}

/** `/admin/logins`. */
export function loginsRoutes(parts: Pick<SidecarParts, "records" | "current">): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/logins", (context) => loginsPage(context, parts));
  return routes;
}

function loginsPage(
  context: PageContext,
  { records, current }: Pick<SidecarParts, "records" | "current">,
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const query = (name: string) => (context.req.query(name) ?? "").trim();
  const asked: Asked = {
    ...{ account: query("account"), remote: query("remote"), result: query("result") },
    ...{ mechanism: query("mechanism"), since: query("since") },
  };
  const { filter, mistakes } = readFilter(asked, { defaultRealm: current().config.defaultRealm, t });
  const bad = Object.keys(mistakes).length > 0;
  const before = readSeq(query("before"));
  const found = bad ? [] : records.authentications.list(filter, { before, count: PAGE_ROWS + 1 });
  const rows = found.slice(0, PAGE_ROWS);
  const link = (seq: number | null) => address("/admin/logins", { ...asked, before: seq });
  return page(context, {
    title: t("All logins", "全ログイン"),
    status: bad ? 422 : 200,
    main: (
      <>
        <FilterForm asked={asked} mistakes={mistakes} t={t} />
        <LoginTable
          records={rows}
          options={{ t, language, current: current() }}
          empty={bad
            ? t("Mend what is marked above.", "上の印の付いた項目を直してください。")
            : t("No login fits.", "該当するログインはありません。")}
        />
        <Pager
          t={t}
          first={before === null ? null : link(null)}
          next={found.length > PAGE_ROWS ? link(rows.at(-1)?.seq ?? null) : null}
        />
      </>
    ),
  });
}

type Mistakes = Partial<Record<keyof Asked, string>>;

function FilterForm(
  { asked, mistakes, t }: { readonly asked: Asked; readonly mistakes: Mistakes; readonly t: Translate },
): Markup {
  const each = t("All", "すべて");
  return (
    <form method="get" action="/admin/logins" class="row">
      <Field
        name="account"
        label={t("Account or name", "アカウントまたは名前")}
        type="search"
        value={asked.account}
        mistake={mistakes.account}
        required={false}
      />
      <Field
        name="remote"
        label={t("Address", "接続元アドレス")}
        type="search"
        value={asked.remote}
        mistake={mistakes.remote}
        required={false}
      />
      <Choice
        name="result"
        label={t("Result", "結果")}
        value={asked.result}
        options={[["", each], ...RESULTS.map((result) => [result, resultText(result, t)] as const)]}
      />
      <Choice
        name="mechanism"
        label={t("Mechanism", "認証方式")}
        value={asked.mechanism}
        options={[["", each], ...MECHANISM_NAMES.map((name) => [name, mechanismText(name, t)] as const)]}
      />
      <Field
        name="since"
        label={t("Since", "この日以降")}
        type="date"
        value={asked.since}
        mistake={mistakes.since}
        required={false}
      />
      <button type="submit">{t("Show", "表示")}</button>
    </form>
  );
}

function mechanismText(name: string, t: Translate): string {
  if (name === "FORM") return t("FORM (these pages)", "FORM(このページ)");
  return name === "PASSWD" ? t("PASSWD (command passwd)", "PASSWD(passwd コマンド)") : name;
}

function readFilter(
  { account, remote, result, mechanism, since }: Asked,
  { defaultRealm, t }: { readonly defaultRealm: string; readonly t: Translate },
): { readonly filter: AuthenticationFilter; readonly mistakes: Mistakes } {
  const user = account === "" ? null : parseUserName(account, { defaultRealm });
  const from = canonicalAddress(remote);
  const begins = since === "" ? null : startOfDay(since);
  const mistakes: Mistakes = {
    ...account !== "" && user === null && {
      account: t("Expected a name such as taro or taro@example.jp", "taro や taro@example.jp のように入力してください"),
    },
    ...remote !== "" && isIP(from) === 0 && remote !== "local" && {
      remote: t("Expected an IP address, or local", "IP アドレスまたは local を入力してください"),
    },
    ...since !== "" && begins === null && {
      since: t("Expected a day such as 2026-11-24", "2026-11-24 のように日付を入力してください"),
    },
  };
  const ending = RESULTS.find((each) => each === result);
  return {
    filter: {
      ...user !== null && { account: canonicalName(user).name },
      ...remote !== "" && { remote: remote === "local" ? remote : from },
      ...ending !== undefined && { result: ending },
      ...MECHANISM_NAMES.includes(mechanism) && { mechanism },
      ...begins !== null && { since: begins },
    },
    mistakes,
  };
}

/** Midnight in the server's zone. */
function startOfDay(day: string): number | null {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day)?.map(Number) ?? [];
  if (year === undefined || month === undefined || date === undefined) return null;
  const at = new Date(year, month - 1, date);
  return at.getMonth() === month - 1 && at.getDate() === date ? at.getTime() : null;
}

function readSeq(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
