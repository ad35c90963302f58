/**
 * Logins as administrators see them: the list, and one of them step by step.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { AuthenticationRecord } from "../../../records/records.ts";
import { plainReason, resultText } from "../../login_words.ts";
import { findFailure, type LoginFacts, type LoginStep, loginSteps } from "../../login_steps.ts";
import type { Current } from "../../parts.ts";
import type { Language, Translate } from "../language.ts";
import { type Column, type Markup, Table, When } from "../layout.tsx";
import { factsOf, type LoggedLogin, replyTo } from "./login_facts.ts";
import { accountAddress, address, State } from "./parts.tsx";

/** In which words, and by which configuration. */
export interface LoginViewOptions {
  readonly t: Translate;
  readonly language: Language;
  readonly current: Pick<Current, "config" | "offered">;
}

/** The list, the newest first; each opens to its steps. */
export function LoginTable(
  { records, options, empty, named = true }: {
    readonly records: readonly AuthenticationRecord[];
    readonly options: LoginViewOptions;
    readonly empty: string;
    /** Whether each row tells whose login it is. */
    readonly named?: boolean;
  },
): Markup {
  const { t, language } = options;
  const who: Column<AuthenticationRecord> = { head: t("Account", "アカウント"), cell: (record) => whose(record, t) };
  return (
    <Table
      caption={t("Logins", "ログイン")}
      rows={records}
      empty={empty}
      columns={[
        { head: t("When", "日時"), cell: ({ at }) => <When at={at} language={language} /> },
        ...named ? [who] : [],
        {
          head: t("From", "接続元"),
          cell: ({ remote, listener }) => (
            <>
              <a class="address" href={address("/admin/logins", { remote })}>{remote}</a>
              <br />
              <span class="soft">{listener}</span>
            </>
          ),
        },
        {
          head: t("How", "方式"),
          cell: ({ mechanism, tls }) => (
            <>
              {mechanism}
              <br />
              <span class="soft whole">{tls ?? t("without TLS", "TLS なし")}</span>
            </>
          ),
        },
        { head: t("Result", "結果"), cell: (record) => <Ending record={record} options={options} /> },
      ]}
    />
  );
}

function whose({ account, authcid, authzid }: AuthenticationRecord, t: Translate): Child {
  const name = account ?? authcid;
  return (
    <>
      {name === null
        ? <span class="soft">{t("no name", "名前なし")}</span>
        : <a class="address" href={accountAddress(name)}>{name}</a>}
      {account !== null && authcid !== null && authcid !== account && (
        <>
          <br />
          <span class="soft">{t(`as ${authcid}`, `入力: ${authcid}`)}</span>
        </>
      )}
      {authzid !== null && (
        <>
          <br />
          <span class="soft">{t(`for ${authzid}`, `操作対象: ${authzid}`)}</span>
        </>
      )}
    </>
  );
}

function Ending(
  { record, options }: { readonly record: AuthenticationRecord; readonly options: LoginViewOptions },
): Markup {
  const { t } = options;
  const { result, reason } = record;
  if (result === "accepted") {
    return (
      <details>
        <summary>
          <State kind="good">{resultText(result, t)}</State>
        </summary>
        <Why login={record} options={options} />
      </details>
    );
  }
  return (
    <details>
      <summary>
        <State kind={result === "unavailable" || result === "delayed" ? "warn" : "bad"}>{resultText(result, t)}</State>
        {": "}
        {plainReason(reason, t)}
        {t(" – why?", " – 詳しく")}
      </summary>
      <Why login={record} options={options} />
    </details>
  );
}

/** One login step by step, and what the client was told. */
export function Why(
  { login, options, facts = factsOf(login, options.current) }: {
    readonly login: LoggedLogin;
    readonly options: LoginViewOptions;
    readonly facts?: LoginFacts;
  },
): Markup {
  const { t, current } = options;
  const [failure, reply] = [findFailure(facts, t), replyTo(login, current)];
  return (
    <>
      {failure !== null && (
        <p>
          {t("It fails at the step ", "失敗した段階: ")}
          <strong>{stepText(failure.step, t)}</strong>
          {": "}
          {failure.detail}
        </p>
      )}
      <ol class="steps">
        {loginSteps(facts, failure, t).map((step) => <Step step={step} t={t} />)}
      </ol>
      <p class="soft">
        {t("In the log: ", "ログの記録: ")}
        <code>{login.reason}</code>
        {t(`, ${login.ms} ms, id `, `、${login.ms} ms、ID `)}
        <code>{login.id}</code>
        {reply !== null && (
          <>
            <br />
            {t("The client is told: ", "クライアントへの応答: ")}
            <code>{reply}</code>
          </>
        )}
      </p>
    </>
  );
}

function Step({ step: { step, result, detail }, t }: { readonly step: LoginStep; readonly t: Translate }): Markup {
  return (
    <li>
      <strong>{stepText(step, t)}</strong>
      {": "}
      <StepState result={result} reached={detail !== ""} t={t} />
      {detail !== "" && <span class="soft">{` ${detail}`}</span>}
    </li>
  );
}

function StepState(
  { result, reached, t }: { readonly result: LoginStep["result"]; readonly reached: boolean; readonly t: Translate },
): Markup {
  switch (result) {
    case "ok":
      return <State kind="good">{t("yes", "可")}</State>;
    case "no":
      return <State kind="warn">{t("no", "否")}</State>;
    case "FAILED":
      return <State kind="bad">{t("failed here", "ここで失敗")}</State>;
    case "warning":
      return <State kind="warn">{t("look at it", "要確認")}</State>;
    case "none":
      return <span class="soft">{reached ? t("not asked", "問い合わせなし") : t("not reached", "未到達")}</span>;
  }
}

const STEPS: ReadonlyMap<string, readonly [en: string, ja: string]> = new Map([
  ["mechanism", ["mechanism", "認証方式"]],
  ["name", ["user name", "ユーザー名"]],
  ["realm", ["realm", "レルム"]],
  ["user", ["user", "ユーザー"]],
  ["password", ["password", "パスワード"]],
  ["account", ["account", "アカウントの状態"]],
  ["relay", ["relaying", "中継"]],
]);

function stepText(step: string, t: Translate): string {
  const words = STEPS.get(step);
  return words === undefined ? step.replace(/^backend /, t("backend ", "バックエンド ")) : t(...words);
}
