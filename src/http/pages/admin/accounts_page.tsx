/**
 * The accounts of our own store: the list, and a new one.
 *
 * @module
 */

import { Hono } from "hono";
import type { AccountRecord } from "../../../accounts/account_store.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import {
  accountOperations,
  type AccountPage,
  type AccountRefusal,
  type AccountSearch,
} from "../../operations/accounts.ts";
import type { SidecarParts } from "../../parts.ts";
import { readForm } from "../form.ts";
import type { Language, Translate } from "../language.ts";
import { Card, Choice, Field, type Markup, Notice, page, Table, When } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { FreshPassword } from "./account_view.tsx";
import { freshPassword, passwordMistake, refusalText } from "./account_words.ts";
import { accountAddress, address, PAGE_ROWS, Pager, State } from "./parts.tsx";

/** What is needed. */
export type AccountsParts = Pick<SidecarParts, "records" | "limits" | "current" | "log" | "now">;

const NEW = "/admin/accounts/new";

/** `/admin/accounts` and `/admin/accounts/new`. */
export function accountsRoutes(parts: AccountsParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/accounts", (context) => listPage(context, parts));
  routes.get(NEW, (context) => newPage(context, { parts, typed: { user: "", backend: "" }, mistakes: {} }));
  routes.post(NEW, (context) => make(context, parts));
  return routes;
}

async function listPage(context: PageContext, parts: AccountsParts): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const query = (name: string) => (context.req.query(name) ?? "").trim();
  const [search, realm, after, backend] = [
    query("search"),
    query("realm"),
    query("after"),
    chosenStore(context, parts),
  ];
  const wanted: AccountSearch = { ...realm !== "" && { realm }, ...search !== "" && { search } };
  const page0 = { after: after === "" ? null : after, count: PAGE_ROWS };
  const found = await accountOperations(parts, actorOf(context), backend).list(wanted, page0);
  const link = (behind: string | null) => address("/admin/accounts", { search, realm, backend, after: behind });
  return await page(context, {
    title: t("Accounts", "アカウント"),
    status: found.ok || found.problem.kind !== "unavailable" ? 200 : 503,
    main: (
      <>
        {context.req.query("done") === "delete" && (
          <Notice kind="good">{t("The account is deleted.", "アカウントを削除しました。")}</Notice>
        )}
        <form method="get" action="/admin/accounts" class="row">
          <Field
            name="search"
            type="search"
            label={t("Part of a name or address", "名前・アドレスの一部")}
            value={search}
            required={false}
          />
          <Field name="realm" type="search" label={t("Realm", "レルム")} value={realm} required={false} />
          <StoreChoice parts={parts} value={backend} t={t} />
          <button type="submit">{t("Show", "表示")}</button>
        </form>
        <p>
          <a class="button" href={address(NEW, { backend })}>{t("New account", "アカウントの追加")}</a>
        </p>
        {found.ok
          ? <AccountTable found={found.value} backend={backend} parts={parts} t={t} language={language} />
          : <Notice kind="warn">{refusalText(found.problem, t)}</Notice>}
        <Pager
          t={t}
          first={after === "" ? null : link(null)}
          next={found.ok && found.value.next !== null ? link(found.value.next) : null}
        />
        <ForeignBackends parts={parts} t={t} />
      </>
    ),
  });
}

function AccountTable(
  { found: { items }, backend, parts: { records }, t, language }: {
    readonly found: AccountPage;
    readonly backend: string | undefined;
    readonly parts: AccountsParts;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <Table
      caption={t("Accounts", "アカウント")}
      rows={items}
      empty={t("There is no such account.", "該当するアカウントはありません。")}
      columns={[
        {
          head: t("Account", "アカウント"),
          cell: ({ name }) => (
            <>
              <a href={accountAddress(name, { backend })}>{name}</a>
              {records.administrators.has(name) && <span class="soft">{t(" (administrator)", "(管理者)")}</span>}
            </>
          ),
        },
        {
          head: t("State", "状態"),
          cell: ({ disabled }) =>
            disabled
              ? <State kind="bad">{t("disabled", "無効")}</State>
              : <State kind="good">{t("active", "有効")}</State>,
        },
        {
          head: t("Last login", "最終ログイン"),
          cell: (account) => {
            const last = lastUsed(account);
            return last === null ? t("never", "なし") : <When at={last} language={language} />;
          },
        },
        {
          head: t("App passwords", "アプリパスワード"),
          numeric: true,
          cell: ({ credentials }) => credentials.filter(({ kind }) => kind === "app-password").length,
        },
        { head: t("Made", "作成日時"), cell: ({ created }) => <When at={created} language={language} /> },
      ]}
    />
  );
}

function lastUsed({ credentials }: AccountRecord): string | null {
  return credentials.map(({ lastUsed }) => lastUsed).filter((at) => at !== null).toSorted().at(-1) ?? null;
}

/** Backends whose accounts are not in the list. */
function ForeignBackends({ parts, t }: { readonly parts: AccountsParts; readonly t: Translate }): Markup {
  const { backends, stores } = parts.current();
  const foreign = backends.filter(({ name }) => !stores.has(name)).map(({ name }) => name).join(", ");
  return (
    <>
      {foreign !== "" && (
        <p class="hint">
          {t(
            `Accounts of ${foreign} are kept elsewhere and not listed. Their logins are in the list of all logins.`,
            `${foreign} のアカウントは別の場所で管理されているため、ここには表示されません。ログインは「全ログイン」で確認できます。`,
          )}
        </p>
      )}
    </>
  );
}

interface Typed {
  readonly user: string;
  readonly backend: string;
}

interface Mistakes {
  readonly user?: string;
  readonly password?: string;
  readonly other?: string;
}

function newPage(
  context: PageContext,
  { parts, typed, mistakes, status = 200 }: {
    readonly parts: AccountsParts;
    readonly typed: Typed;
    readonly mistakes: Mistakes;
    readonly status?: 200 | 409 | 422 | 503;
  },
): Response | Promise<Response> {
  const t = context.get("t");
  const { defaultRealm } = parts.current().config;
  const backend = typed.backend === "" ? chosenStore(context, parts) : typed.backend;
  return page(context, {
    title: t("New account", "アカウントの追加"),
    status,
    main: (
      <div class="narrow">
        {mistakes.other !== undefined && <Notice kind="bad">{mistakes.other}</Notice>}
        <Card>
          <form method="post" action={NEW}>
            <Field
              name="user"
              label={t("User name", "ユーザー名")}
              hint={t(
                `Such as taro, which is taro@${defaultRealm}, or taro@example.jp`,
                `taro と入力すると taro@${defaultRealm} になります。taro@example.jp のようにも入力できます`,
              )}
              value={typed.user}
              mistake={mistakes.user}
              autofocus
            />
            <PasswordField t={t} mistake={mistakes.password} />
            <StoreChoice parts={parts} value={backend} t={t} />
            <button type="submit">{t("Add the account", "アカウントを追加する")}</button>
          </form>
        </Card>
        <p>
          <a href="/admin/accounts">{t("Back to the accounts", "アカウントの一覧に戻る")}</a>
        </p>
      </div>
    ),
  });
}

async function make(context: PageContext, parts: AccountsParts): Promise<Response> {
  const t = context.get("t");
  const form = await readForm(context);
  const typed = { user: form?.("user").trim() ?? "", backend: form?.("backend") ?? "" };
  const chosen = form?.("password") ?? "";
  const again = (mistakes: Mistakes, status: 409 | 422 | 503 = 422) =>
    newPage(context, { parts, typed, mistakes, status });
  const user = parseUserName(typed.user, parts.current().config);
  if (user === null) return await again({ user: refusalText({ kind: "bad-name" }, t) });
  const weak = chosen === "" ? null : passwordMistake(chosen, `${user.local}@${user.realm}`, t);
  if (weak !== null) return await again({ password: weak });
  const password = chosen === "" ? freshPassword() : chosen;
  const backend = typed.backend === "" ? undefined : typed.backend;
  const added = await accountOperations(parts, actorOf(context), backend).add(user, password);
  if (!added.ok) return await again(...mistakeOf(added.problem, t));
  const { name } = added.value;
  if (chosen !== "") return context.redirect(address(accountAddress(name), { backend, done: "added" }), 303);
  return await page(context, {
    title: t("The account is added", "アカウントを追加しました"),
    main: <FreshPassword account={name} password={password} back={accountAddress(name, { backend })} t={t} />,
  });
}

function mistakeOf(refusal: AccountRefusal, t: Translate): [Mistakes, 409 | 422 | 503] {
  const text = refusalText(refusal, t);
  switch (refusal.kind) {
    case "exists":
      return [{ user: text }, 409];
    case "bad-name":
    case "unknown-account":
      return [{ user: text }, 422];
    case "bad-password":
      return [{ password: text }, 422];
    case "unavailable":
      return [{ other: text }, 503];
    default:
      return [{ other: text }, 422];
  }
}

/** For a new password; left empty, one is made. */
export function PasswordField(
  { t, mistake }: { readonly t: Translate; readonly mistake: string | undefined },
): Markup {
  return (
    <Field
      name="password"
      type="password"
      label={t("Password", "パスワード")}
      hint={t(
        "Leave it empty, and a good one is made and shown once.",
        "空のままにすると、安全なパスワードを作成して一度だけ表示します。",
      )}
      autocomplete="new-password"
      required={false}
      mistake={mistake}
    />
  );
}

/** The stores that there are; where it is one, nothing is to choose. */
function StoreChoice(
  { parts, value, t }: { readonly parts: AccountsParts; readonly value: string | undefined; readonly t: Translate },
): Markup {
  const { stores } = parts.current();
  const names = [...stores.keys()];
  return (
    <>
      {new Set(stores.values()).size > 1 && (
        <Choice
          name="backend"
          label={t("Account store", "アカウントの保存先")}
          value={value}
          options={names.map((name) => [name, name] as const)}
        />
      )}
    </>
  );
}

/** The store that was asked for, else the first where there are several; `undefined` where there is nothing to choose. */
export function chosenStore(context: PageContext, parts: AccountsParts): string | undefined {
  const { stores } = parts.current();
  const asked = context.req.query("backend") ?? "";
  if (asked !== "") return asked;
  return new Set(stores.values()).size > 1 ? stores.keys().next().value : undefined;
}
