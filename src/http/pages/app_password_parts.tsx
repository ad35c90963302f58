/**
 * How app passwords are shown: the list, and a fresh one.
 *
 * @module
 */

import type { Credential } from "../../accounts/account_store.ts";
import type { MadeAppPassword } from "../../auth/app_password_admin.ts";
import type { Config } from "../../config/config.ts";
import { profileSettings } from "../profiles/settings.ts";
import type { Language, Translate } from "./language.ts";
import { ActionButton, Card, type Markup, Notice, Table, When } from "./layout.tsx";
import { securityText } from "./server_words.ts";

/** The list, each with a button that revokes it. */
export function AppPasswordTable(
  { credentials, now, t, language }: {
    readonly credentials: readonly Credential[];
    readonly now: number;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  return (
    <Table
      caption={t("Your app passwords", "作成済みのアプリパスワード")}
      rows={credentials}
      empty={t("You have no app password yet.", "アプリパスワードはまだありません。")}
      columns={[
        { head: t("For", "用途"), cell: ({ label }) => <strong>{label}</strong> },
        {
          head: t("Last used", "最終使用"),
          cell: ({ lastUsed }) =>
            lastUsed === null
              ? <span class="whole">{t("never", "未使用")}</span>
              : <When at={lastUsed} language={language} />,
        },
        { head: t("Made", "作成"), cell: ({ created }) => <When at={created} language={language} /> },
        {
          head: t("Ends", "有効期限"),
          cell: ({ expires }) => <Expiry expires={expires} now={now} t={t} language={language} />,
        },
        {
          head: t("Networks", "ネットワーク"),
          cell: ({ networks }) =>
            networks.length === 0 ? <span class="whole">{t("all", "制限なし")}</span> : networks.join(", "),
        },
        {
          head: t("Ways to log in", "認証方式"),
          cell: ({ mechanisms }) =>
            mechanisms === null ? <span class="whole">{t("all", "制限なし")}</span> : mechanisms.join(", "),
        },
        {
          head: t("Revoke", "取り消し"),
          cell: ({ id, label }) => (
            <ActionButton
              action={`/app-passwords/${encodeURIComponent(id)}/revoke`}
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

function Expiry(
  { expires, now, t, language }: Pick<Credential, "expires"> & {
    readonly now: number;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  if (expires === null) return <span class="whole">{t("never", "なし")}</span>;
  const isOver = !(Date.parse(expires) > now);
  return (
    <>
      {isOver && <span class="state bad">{t("over since ", "期限切れ ")}</span>}
      <When at={expires} language={language} />
    </>
  );
}

/** A fresh one, with what to type where. Nobody can show it again. */
export function FreshAppPassword(
  { made, config, t, language }: {
    readonly made: MadeAppPassword;
    readonly config: Config;
    readonly t: Translate;
    readonly language: Language;
  },
): Markup {
  const { account, credential, password } = made;
  const [server] = profileSettings(config).submission;
  return (
    <>
      <Notice kind="warn">
        {t(
          "Type it into the device now. It is shown this once: leave or reload this page and it is gone, and you make a new one.",
          "今すぐ端末に入力してください。表示は今回限りです。ページを離れたり再読み込みしたりすると、二度と表示できません(作り直しはできます)。",
        )}
      </Notice>
      <Card title={credential.label}>
        <code class="secret" id="app-password">{password}</code>
        <p>
          <button type="button" class="small copy" data-copy={password} hidden>{t("Copy", "コピー")}</button>
        </p>
        <dl>
          <dt>{t("User name", "ユーザー名")}</dt>
          <dd>
            <code>{account.name}</code>
          </dd>
          <dt>{t("Password", "パスワード")}</dt>
          <dd>{t("the app password above, with its hyphens", "上のアプリパスワード(ハイフンも含めて入力)")}</dd>
          {server !== undefined && (
            <>
              <dt>{t("Server for outgoing mail", "送信サーバー(SMTP)")}</dt>
              <dd>
                <code>{server.host}</code>
                {t(", port ", "、ポート ")}
                <code>{server.port}</code>, {securityText(server.tls)}
              </dd>
            </>
          )}
          <dt>{t("Ends", "有効期限")}</dt>
          <dd>
            {credential.expires === null
              ? t("never, until you revoke it", "なし(取り消すまで有効)")
              : <When at={credential.expires} language={language} />}
          </dd>
        </dl>
        <p>
          <a href="/set-up">{t("All settings for mail clients", "メールソフトの設定一覧")}</a>
        </p>
      </Card>
    </>
  );
}
