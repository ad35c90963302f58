/**
 * One account as administrators see it.
 *
 * @module
 */

import type { AccountRecord, Credential } from "../../../accounts/account_store.ts";
import type { AuthenticationRecord } from "../../../records/records.ts";
import type { QueueItem } from "../../queue_item.ts";
import type { Translate } from "../language.ts";
import { ActionButton, Card, type Markup, Notice, Table, When } from "../layout.tsx";
import { LoginTable, type LoginViewOptions } from "./login_view.tsx";
import { accountAddress, address, State } from "./parts.tsx";
import { QueueTable } from "./queue_view.tsx";

/** A password that is shown this once. */
export function FreshPassword(
  { account, password, back, t }: {
    readonly account: string;
    readonly password: string;
    readonly back: string;
    readonly t: Translate;
  },
): Markup {
  return (
    <Card title={account}>
      <Notice kind="good">
        {t(
          "This is the password. It is shown this once: give it to the person now, by a safe way, and tell them to change it.",
          "パスワードは次のとおりです。表示は今回限りです。安全な方法で本人に渡し、変更するように伝えてください。",
        )}
      </Notice>
      <code class="secret">{password}</code>
      <p>
        <button
          type="button"
          class="small copy"
          data-copy={password}
          aria-label={t("Copy: password", "コピー: パスワード")}
          hidden
        >
          {t("Copy", "コピー")}
        </button>
      </p>
      <p>
        <a href={back}>{t("To the account", "アカウントのページへ")}</a>
      </p>
    </Card>
  );
}

/** State, dates, and what is amiss. */
export function AccountState(
  { record, administrator, own, backend, options: { t, language } }: {
    readonly record: AccountRecord;
    readonly administrator: boolean;
    /** Whether it is that of whoever looks. */
    readonly own: boolean;
    readonly backend: string | undefined;
    readonly options: LoginViewOptions;
  },
): Markup {
  const { name, disabled, created, changed, schemes } = record;
  return (
    <Card title={t("State", "状態")}>
      <dl>
        <dt>{t("State", "状態")}</dt>
        <dd>
          {disabled
            ? <State kind="bad">{t("disabled", "無効")}</State>
            : <State kind="good">{t("active", "有効")}</State>}
          {administrator && t(", an administrator", "、管理者")}
        </dd>
        <dt>{t("Made", "作成日時")}</dt>
        <dd>
          <When at={created} language={language} />
        </dd>
        <dt>{t("Last change", "最終変更")}</dt>
        <dd>
          <When at={changed} language={language} />
        </dd>
        <dt>{t("Can log in by", "使える検証方式")}</dt>
        <dd>{["PLAIN, LOGIN", ...schemes.map((scheme) => scheme.toUpperCase())].join(", ")}</dd>
      </dl>
      <Warnings record={record} t={t} />
      {own
        ? (
          <p class="hint">
            {t(
              "This is your own account: only another administrator, or a command on the server, disables or deletes it.",
              "ご自身のアカウントです。無効化や削除は、ほかの管理者か、サーバー上のコマンドで行います。",
            )}
          </p>
        )
        : (
          <>
            <ActionButton
              action={accountAddress(name, { act: disabled ? "enable" : "disable", backend })}
              text={disabled ? t("Enable it", "有効にする") : t("Disable it", "無効にする")}
              about={name}
            />
            <a class="button small" href={accountAddress(name, { act: "delete", backend })}>{t("Delete …", "削除…")}</a>
          </>
        )}
    </Card>
  );
}

function Warnings(
  { record: { imported, missingRealms, legacyVerifiers }, t }: {
    readonly record: AccountRecord;
    readonly t: Translate;
  },
): Markup {
  const realms = missingRealms.join(", ");
  return (
    <>
      {imported && (
        <Notice kind="info">
          {t(
            "Its password was imported as a hash: until the first login by PLAIN or LOGIN, other mechanisms do not work.",
            "パスワードはハッシュとして取り込まれています。PLAIN か LOGIN で一度ログインするまで、ほかの認証方式は使えません。",
          )}
        </Notice>
      )}
      {realms !== "" && (
        <Notice kind="info">
          {t(
            `For DIGEST-MD5 in ${realms} the password has to be set anew.`,
            `${realms} で DIGEST-MD5 を使うには、パスワードを設定し直してください。`,
          )}
        </Notice>
      )}
      {legacyVerifiers && (
        <p class="hint">
          {t(
            "It has verifiers for CRAM-MD5 or DIGEST-MD5, which are weak if the file of accounts is stolen.",
            "CRAM-MD5・DIGEST-MD5 用の検証値があります。アカウントのファイルが盗まれた場合に弱い方式です。",
          )}
        </p>
      )}
    </>
  );
}

/** All that the account can log in with. */
export function CredentialTable(
  { account, credentials, backend, options: { t, language } }: {
    readonly account: string;
    readonly credentials: readonly Credential[];
    readonly backend: string | undefined;
    readonly options: LoginViewOptions;
  },
): Markup {
  return (
    <Table
      caption={t("Passwords of the account", "アカウントのパスワード")}
      rows={credentials}
      empty={t("There is none.", "ありません。")}
      columns={[
        {
          head: t("Kind", "種類"),
          cell: ({ kind, label }) => (
            <>
              {kind === "password" ? t("main password", "本体のパスワード") : t("app password", "アプリパスワード")}
              {kind !== "password" && label !== "" && (
                <>
                  <br />
                  <strong>{label}</strong>
                </>
              )}
            </>
          ),
        },
        {
          head: t("Only from", "接続元の制限"),
          cell: ({ networks }) => networks.length === 0 ? t("everywhere", "なし") : networks.join(", "),
        },
        {
          head: t("Only by", "方式の制限"),
          cell: ({ mechanisms }) => mechanisms === null ? t("each mechanism", "なし") : mechanisms.join(", "),
        },
        {
          head: t("Until", "期限"),
          cell: ({ expires }) => expires === null ? t("no end", "なし") : <When at={expires} language={language} />,
        },
        {
          head: t("Last used", "最終使用"),
          cell: ({ lastUsed }) => lastUsed === null ? t("never", "なし") : <When at={lastUsed} language={language} />,
        },
        {
          head: t("Act", "操作"),
          cell: ({ kind, id, label }) =>
            kind === "app-password" && (
              <ActionButton
                action={accountAddress(account, { act: `credentials/${encodeURIComponent(id)}/revoke`, backend })}
                text={t("Revoke", "取り消す")}
                about={label}
                danger
              />
            ),
        },
      ]}
    />
  );
}

/** Its last logins and its mails in the queue, with the ways to all of them. */
export function AccountTraces(
  { account, logins, mails, options }: {
    readonly account: string;
    readonly logins: readonly AuthenticationRecord[];
    readonly mails: readonly QueueItem[];
    readonly options: LoginViewOptions;
  },
): Markup {
  const { t, language } = options;
  return (
    <>
      <Card title={t("Last logins", "最近のログイン")}>
        <LoginTable
          records={logins}
          options={options}
          named={false}
          empty={t("Nobody has tried to log in as this account.", "このアカウントでのログインはありません。")}
        />
        <p>
          <a href={address("/admin/logins", { account })}>
            {t("All logins of the account", "このアカウントの全ログイン")}
          </a>
        </p>
      </Card>
      <Card title={t("Mails in the queue", "キュー内のメール")}>
        <QueueTable
          items={mails}
          t={t}
          language={language}
          empty={t("None of its mails waits.", "待機中のメールはありません。")}
        />
        <p>
          <a href={address("/admin/queue", { account })}>{t("All mails of the account", "このアカウントの全メール")}</a>
        </p>
      </Card>
    </>
  );
}
