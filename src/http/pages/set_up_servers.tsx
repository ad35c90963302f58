/**
 * The settings of servers, each with a button that copies it.
 *
 * @module
 */

import type { ProfileSettings, SubmissionServer } from "../profiles/settings.ts";
import type { MailServer } from "../../config/config.ts";
import type { Translate } from "./language.ts";
import { Card, Copyable, type Markup, Notice } from "./layout.tsx";
import { authenticationText, securityText } from "./server_words.ts";

/** Where clients may log in without encryption. */
export interface PlainServer {
  readonly host: string;
  readonly port: number;
  readonly mechanisms: readonly string[];
}

/** All servers of a mail client. */
export function Servers(
  { settings: { submission, imap, pop }, account, t }: {
    readonly settings: ProfileSettings;
    readonly account: string;
    readonly t: Translate;
  },
): Markup {
  return (
    <>
      {submission.length === 0 && (
        <Notice kind="warn">
          {t(
            "This server has no port for mail clients that is encrypted, so there is nothing to set up from outside. Ask the administrator.",
            "メールソフト用の暗号化されたポートがないため、設定できる送信サーバーがありません。管理者にお問い合わせください。",
          )}
        </Notice>
      )}
      <div class="grid">
        {submission.map((server, at) => (
          <Server
            title={at === 0
              ? t("Outgoing mail (SMTP)", "送信サーバー(SMTP)")
              : t("If that is not possible", "上の設定が使えないとき")}
            server={server}
            account={account}
            t={t}
          />
        ))}
        {imap !== null && (
          <Server title={t("Incoming mail (IMAP)", "受信サーバー(IMAP)")} server={imap} account={account} t={t} />
        )}
        {pop !== null && (
          <Server title={t("Incoming mail (POP3)", "受信サーバー(POP3)")} server={pop} account={account} t={t} />
        )}
      </div>
      {imap === null && pop === null && (
        <p class="soft">
          {t(
            "Mail is read from another server, which this one does not know. Its settings come from the administrator.",
            "メールの受信は別のサーバーで行います。受信サーバーの設定は、管理者にお問い合わせください。",
          )}
        </p>
      )}
    </>
  );
}

function Server(
  { title, server, account, t }: {
    readonly title: string;
    readonly server: MailServer & Partial<SubmissionServer>;
    readonly account: string;
    readonly t: Translate;
  },
): Markup {
  const { host, port, tls, authentication = "password-cleartext" } = server;
  const label = (name: string) => `${title}, ${name}`;
  const names = {
    host: t("Server", "サーバー"),
    port: t("Port", "ポート"),
    user: t("User name", "ユーザー名"),
  };
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        <dt>{names.host}</dt>
        <dd>
          <Copyable value={host} label={label(names.host)} t={t} />
        </dd>
        <dt>{names.port}</dt>
        <dd>
          <Copyable value={String(port)} label={label(names.port)} t={t} />
        </dd>
        <dt>{t("Security", "接続の保護")}</dt>
        <dd>{securityText(tls)}</dd>
        <dt>{t("Authentication", "認証方式")}</dt>
        <dd>{authenticationText(authentication, t)}</dd>
        <dt>{names.user}</dt>
        <dd>
          <Copyable value={account} label={label(names.user)} t={t} />
        </dd>
      </dl>
    </section>
  );
}

/** What devices can use that cannot encrypt. */
export function PlainServers(
  { servers, networks, t }: {
    readonly servers: readonly PlainServer[];
    readonly networks: readonly string[];
    readonly t: Translate;
  },
): Markup {
  return (
    <Card title={t("Old devices without encryption", "暗号化できない古い機器")}>
      <p>
        {t(
          "Only for printers, scanners and the like that cannot encrypt, and only from these networks: ",
          "暗号化に対応していないプリンターやスキャナーなどで、次のネットワークからのみ使えます: ",
        )}
        <code>{networks.join(", ")}</code>
      </p>
      <div class="grid">
        {servers.map(({ host, port, mechanisms }) => (
          <dl>
            <dt>{t("Server", "サーバー")}</dt>
            <dd>
              <Copyable value={host} label={t("Server without encryption", "暗号化なしのサーバー")} t={t} />
            </dd>
            <dt>{t("Port", "ポート")}</dt>
            <dd>
              <Copyable value={String(port)} label={t("Port without encryption", "暗号化なしのポート")} t={t} />
            </dd>
            <dt>{t("Security", "接続の保護")}</dt>
            <dd>{t("none", "なし")}</dd>
            <dt>{t("Authentication", "認証方式")}</dt>
            <dd>{mechanisms.join(", ")}</dd>
          </dl>
        ))}
      </div>
    </Card>
  );
}
