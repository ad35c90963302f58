/**
 * The page of one account, and what is done there.
 *
 * @module
 */

import { Hono } from "hono";
import { canonicalName } from "../../../accounts/account_name.ts";
import type { AccountRecord, Credential } from "../../../accounts/account_store.ts";
import type { UserName } from "../../../backend.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { type AccountOperations, accountOperations, type AddressRefusal } from "../../operations/accounts.ts";
import { appPasswordOperations } from "../../operations/app_passwords.ts";
import type { SidecarParts } from "../../parts.ts";
import { queueOperations } from "../../queue_operations.ts";
import { readForm } from "../form.ts";
import type { Translate } from "../language.ts";
import { Card, type Markup, Notice, page } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv, signedIn } from "../page_env.ts";
import { StaleClients } from "../stale_clients.tsx";
import { AccountState, AccountTraces, CredentialTable, FreshPassword } from "./account_view.tsx";
import { freshPassword, passwordMistake, refusalText } from "./account_words.ts";
import { chosenStore, PasswordField } from "./accounts_page.tsx";
import { HoldNotice, limitsAddress, LimitsTable } from "./limits_page.tsx";
import { accountAddress, address, confirmation, nothingHere } from "./parts.tsx";

/** What is needed. */
export type AccountPageParts = Pick<SidecarParts, "records" | "limits" | "current" | "log" | "now" | "spool">;

const ROWS = 10;
const ADDRESSES_MOST_CHARACTERS = 12_000;

/** Whose page it is, and what works on it. */
interface Subject {
  readonly user: UserName;
  /** Canonical. */
  readonly name: string;
  readonly backend: string | undefined;
  readonly accounts: AccountOperations;
}

/** What was typed and not taken. */
interface Mistakes {
  readonly password?: string;
  readonly addresses?: { readonly typed: string; readonly text: string };
}

/** `/admin/accounts/ACCOUNT` and below. */
export function accountRoutes(parts: AccountPageParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const path = "/admin/accounts/:account";

  /** Runs with the account of the address, or says that there is none. */
  const about =
    (work: (context: PageContext, subject: Subject) => Promise<Response>) => async (context: PageContext) => {
      const user = parseUserName(context.req.param("account") ?? "", parts.current().config);
      if (user === null) return await unknown(context);
      const backend = chosenStore(context, parts);
      const accounts = accountOperations(parts, actorOf(context), backend);
      return await work(context, { user, name: canonicalName(user).name, backend, accounts });
    };

  routes.get(path, about((context, subject) => show(context, { parts, subject })));
  for (const act of ["disable", "enable"] as const) {
    routes.post(
      `${path}/${act}`,
      about(async (context, subject) => {
        if (isOwn(context, subject)) return await refuseOwn(context, subject);
        const set = await subject.accounts.setDisabled(subject.user, act === "disable");
        return set.ok ? done(context, subject, act) : await refuse(context, refusalText(set.problem, context.get("t")));
      }),
    );
  }
  routes.post(`${path}/password`, about((context, subject) => setPassword(context, { parts, subject })));
  routes.post(`${path}/addresses`, about((context, subject) => setAddresses(context, { parts, subject })));
  routes.post(
    `${path}/credentials/:credential/revoke`,
    about(async (context, subject) => {
      const credential = context.req.param("credential") ?? "";
      const revoked = await appPasswordOperations(parts, actorOf(context)).revoke(subject.user, credential);
      return done(context, subject, revoked.ok ? "revoked" : revoked.problem);
    }),
  );
  routes.get(`${path}/delete`, about((context, subject) => askDelete(context, subject)));
  routes.post(
    `${path}/delete`,
    about(async (context, subject) => {
      if (isOwn(context, subject)) return await refuseOwn(context, subject);
      const removed = await subject.accounts.remove(subject.user);
      if (!removed.ok) return await refuse(context, refusalText(removed.problem, context.get("t")));
      const { backend } = subject;
      return context.redirect(address("/admin/accounts", { backend, done: "delete" }), 303);
    }),
  );
  return routes;
}

interface View {
  readonly parts: AccountPageParts;
  readonly subject: Subject;
  readonly mistakes?: Mistakes;
}

async function show(context: PageContext, { parts, subject, mistakes = {} }: View): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const { user, backend } = subject;
  const found = await subject.accounts.show(user);
  if (!found.ok && found.problem.kind === "unavailable") {
    return await refuse(context, refusalText(found.problem, t), 503);
  }
  const record = found.ok ? found.value : null;
  const name = record?.name ?? subject.name;
  const logins = parts.records.authentications.list({ account: name }, { before: null, count: ROWS });
  const credentials = record?.credentials ?? await foreignCredentials(context, { parts, subject });
  if (credentials === null && logins.length === 0) return await unknown(context);
  const queue = queueOperations(parts.spool, { by: "", log: parts.log, routing: () => parts.current().config });
  const { items } = await queue.list({ account: name }, { after: null, count: ROWS });
  const options = { t, language, current: parts.current() };
  return await page(context, {
    title: name,
    status: Object.keys(mistakes).length > 0 ? 422 : 200,
    main: (
      <>
        <DoneNotice context={context} />
        {record === null ? <ForeignNotice t={t} /> : (
          <>
            <AccountState
              record={record}
              administrator={parts.records.administrators.has(name)}
              own={isOwn(context, subject)}
              backend={backend}
              options={options}
            />
            <PasswordCard subject={subject} own={isOwn(context, subject)} mistake={mistakes.password} t={t} />
            <AddressCard record={record} subject={subject} mistake={mistakes.addresses} t={t} />
          </>
        )}
        {credentials !== null && (
          <Card title={t("What it can log in with", "ログインに使えるもの")}>
            <CredentialTable account={name} credentials={credentials} backend={backend} options={options} />
          </Card>
        )}
        <StaleClients clients={parts.records.authentications.staleClients(name)} t={t} language={language} />
        <HoldNotice hold={parts.limits.holdOf(name)} t={t} />
        <Card title={t("What it has sent", "送信の状況")}>
          <LimitsTable limits={parts.limits.show(name)} t={t} language={language} />
          <p>
            <a href={limitsAddress(name)}>{t("Its limits", "送信の上限を変更")}</a> ·{" "}
            <a href={address("/admin/holds", { account: name })}>{t("Put it on hold", "保留にする")}</a>
          </p>
        </Card>
        <AccountTraces account={name} logins={logins} mails={items} options={options} />
      </>
    ),
  });
}

/** Those of an account of another backend that are kept here; `null`: nobody knows the account, or it cannot be told. */
async function foreignCredentials(
  context: PageContext,
  { parts, subject }: View,
): Promise<readonly Credential[] | null> {
  const listed = await appPasswordOperations(parts, actorOf(context)).list(subject.user);
  return listed.ok ? listed.value : null;
}

async function setPassword(context: PageContext, { parts, subject }: View): Promise<Response> {
  const t = context.get("t");
  const { user, name, backend, accounts } = subject;
  if (isOwn(context, subject)) return await refuseOwn(context, subject);
  const chosen = (await readForm(context))?.("password") ?? "";
  const weak = chosen === "" ? null : passwordMistake(chosen, name, t);
  if (weak !== null) return await show(context, { parts, subject, mistakes: { password: weak } });
  const password = chosen === "" ? freshPassword() : chosen;
  const set = await accounts.setPassword(user, password);
  if (!set.ok) {
    const text = refusalText(set.problem, t);
    if (set.problem.kind !== "bad-password") return await refuse(context, text);
    return await show(context, { parts, subject, mistakes: { password: text } });
  }
  if (chosen !== "") return done(context, subject, "password");
  return await page(context, {
    title: t("The password is set", "パスワードを設定しました"),
    main: <FreshPassword account={set.value.name} password={password} back={accountAddress(name, { backend })} t={t} />,
  });
}

async function setAddresses(context: PageContext, { parts, subject }: View): Promise<Response> {
  const t = context.get("t");
  const typed = ((await readForm(context))?.("addresses") ?? "").slice(0, ADDRESSES_MOST_CHARACTERS);
  const set = await subject.accounts.setAddresses(subject.user, typed.split(/[\s,]+/).filter((each) => each !== ""));
  if (set.ok) return done(context, subject, "addresses");
  const text = refusalText(set.problem, t);
  if (!isAboutAddresses(set.problem)) return await refuse(context, text);
  return await show(context, { parts, subject, mistakes: { addresses: { typed, text } } });
}

function isAboutAddresses({ kind }: AddressRefusal): boolean {
  return kind === "bad-address" || kind === "taken" || kind === "too-many";
}

function PasswordCard(
  { subject: { name, backend }, own, mistake, t }: {
    readonly subject: Subject;
    readonly own: boolean;
    readonly mistake: string | undefined;
    readonly t: Translate;
  },
): Markup {
  return (
    <Card title={t("Set a new password", "パスワードの再設定")}>
      {own
        ? (
          <p>
            <a href="/password">{t("Change your own password", "ご自身のパスワードを変更する")}</a>
          </p>
        )
        : (
          <form method="post" action={accountAddress(name, { act: "password", backend })} class="narrow">
            <p>
              {t(
                "The old one stops working at once, and whoever is signed in to these pages has to sign in again. App passwords stay.",
                "古いパスワードはすぐに使えなくなり、このページへのサインインもやり直しになります。アプリパスワードはそのままです。",
              )}
            </p>
            <PasswordField t={t} mistake={mistake} />
            <button type="submit">{t("Set the password", "パスワードを設定する")}</button>
          </form>
        )}
    </Card>
  );
}

function AddressCard(
  { record, subject: { name, backend }, mistake, t }: {
    readonly record: AccountRecord;
    readonly subject: Subject;
    readonly mistake: Mistakes["addresses"];
    readonly t: Translate;
  },
): Markup {
  const described = mistake === undefined ? "addresses-hint" : "addresses-hint addresses-mistake";
  return (
    <Card title={t("Addresses", "メールアドレス")}>
      <form method="post" action={accountAddress(name, { act: "addresses", backend })}>
        <div class="field">
          <label for="addresses">{t("Addresses beside its name, one in a line", "名前以外のアドレス(1行に1つ)")}</label>
          <textarea
            id="addresses"
            name="addresses"
            rows={Math.min(10, record.addresses.length + 2)}
            spellcheck={false}
            autocapitalize="none"
            aria-describedby={described}
            aria-invalid={mistake === undefined ? undefined : "true"}
          >
            {mistake?.typed ?? record.addresses.join("\n")}
          </textarea>
          <p class="hint" id="addresses-hint">
            {t(
              "It may send as these, and mail to them is for it. @example.jp is a whole domain, * is every address.",
              "差出人として使え、宛てられたメールを受け取るアドレスです。@example.jp はドメイン全体、* はすべてのアドレスを表します。",
            )}
          </p>
          {mistake !== undefined && <p class="mistake" id="addresses-mistake">{mistake.text}</p>}
        </div>
        <button type="submit">{t("Save the addresses", "アドレスを保存する")}</button>
      </form>
    </Card>
  );
}

function ForeignNotice({ t }: { readonly t: Translate }): Markup {
  return (
    <Notice kind="info">
      {t(
        "This account is not in the account store of this server: its password and its state are managed where it is kept, or it does not exist.",
        "このサーバーが管理するアカウントではありません。パスワードや状態は管理元で変更してください。存在しない名前の場合もあります。",
      )}
    </Notice>
  );
}

async function askDelete(context: PageContext, subject: Subject): Promise<Response> {
  const t = context.get("t");
  const { user, backend, accounts } = subject;
  const found = await accounts.show(user);
  if (!found.ok) return await refuse(context, refusalText(found.problem, t));
  const { name } = found.value;
  return await confirmation(context, {
    title: t(`Delete ${name}?`, `${name} を削除しますか`),
    text: (
      <p>
        {t(
          "Its passwords and app passwords, sessions and its part of the log of logins go with it. Its mail in the queue is still delivered, and the audit log stays. This cannot be taken back; to keep somebody out for a while, disable the account.",
          "パスワード、アプリパスワード、セッション、ログイン履歴も削除されます。キュー内のメールは配達され、監査記録は残ります。元に戻すことはできません。一時的に使えなくするだけなら、アカウントを無効にしてください。",
        )}
      </p>
    ),
    action: accountAddress(name, { act: "delete", backend }),
    button: t("Delete the account", "アカウントを削除する"),
    back: accountAddress(name, { backend }),
  });
}

function isOwn(context: PageContext, { name }: Subject): boolean {
  return signedIn(context).account === name;
}

function refuseOwn(context: PageContext, subject: Subject): Response {
  return done(context, subject, "own");
}

function done(context: PageContext, { name, backend }: Subject, word: string): Response {
  return context.redirect(address(accountAddress(name), { backend, done: word }), 303);
}

async function refuse(context: PageContext, text: string, status: 409 | 503 = 409): Promise<Response> {
  return await page(context, {
    title: context.get("t")("Nothing was done", "実行できませんでした"),
    status,
    main: <Notice kind="bad">{text}</Notice>,
  });
}

async function unknown(context: PageContext): Promise<Response> {
  const text = refusalText({ kind: "unknown-account" }, context.get("t"));
  return await nothingHere(context, { text, back: "/admin/accounts" });
}

function DoneNotice({ context }: { readonly context: PageContext }): Markup {
  const t = context.get("t");
  const texts: ReadonlyMap<string, string> = new Map([
    ["added", t("The account is added.", "アカウントを追加しました。")],
    [
      "disable",
      t("The account is disabled: it cannot log in.", "アカウントを無効にしました。ログインできなくなります。"),
    ],
    ["enable", t("The account is enabled again.", "アカウントを有効に戻しました。")],
    ["password", t("The password is set.", "パスワードを設定しました。")],
    ["addresses", t("The addresses are saved.", "アドレスを保存しました。")],
    ["revoked", t("The app password is revoked.", "アプリパスワードを取り消しました。")],
  ]);
  const refusals: ReadonlyMap<string, string> = new Map([
    ["unknown-credential", t("There is no such app password any more.", "このアプリパスワードはすでにありません。")],
    ["unavailable", t("It could not be done now. Try again.", "現在実行できません。もう一度お試しください。")],
    ["own", t("Not on your own account.", "ご自身のアカウントには実行できません。")],
  ]);
  const word = context.req.query("done") ?? "";
  const [good, bad] = [texts.get(word), refusals.get(word)];
  return (
    <>
      {good !== undefined && <Notice kind="good">{good}</Notice>}
      {bad !== undefined && <Notice kind="bad">{bad}</Notice>}
    </>
  );
}
