/**
 * Step by step, for the mail clients that most people have.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { ProfileSettings, SubmissionServer } from "../profiles/settings.ts";
import { whyNoProfile } from "../profiles/settings.ts";
import type { Translate } from "./language.ts";
import type { Markup } from "./layout.tsx";
import { authenticationText, securityText } from "./server_words.ts";

interface GuideParts {
  readonly settings: ProfileSettings;
  readonly account: string;
  /** Whether some networks may log in without encryption. */
  readonly hasPlain: boolean;
  readonly t: Translate;
}

/** All of them. */
export function Guides(parts: GuideParts): Markup {
  const { settings, account, hasPlain, t } = parts;
  const [server] = settings.submission;
  return (
    <>
      {server !== undefined && <Thunderbird server={server} account={account} t={t} />}
      {server !== undefined && <Outlook server={server} account={account} t={t} />}
      {server !== undefined && <Apple settings={settings} server={server} account={account} t={t} />}
      {server !== undefined && <Android server={server} account={account} t={t} />}
      <Printers server={server} account={account} hasPlain={hasPlain} t={t} />
      {server !== undefined && <Msmtp server={server} account={account} t={t} />}
    </>
  );
}

interface ClientParts {
  readonly server: SubmissionServer;
  readonly account: string;
  readonly t: Translate;
}

function Guide({ title, children }: { readonly title: string; readonly children?: Child }): Markup {
  return (
    <details class="card">
      <summary>{title}</summary>
      {children}
    </details>
  );
}

function Thunderbird({ server, account, t }: ClientParts): Markup {
  return (
    <Guide title="Thunderbird">
      <ol>
        <li>
          {t(
            "Settings, Account Settings, Outgoing Server (SMTP), Add; with a new account it is enough to type name, address and password, and Thunderbird looks for the rest.",
            "「アカウント設定」→「送信(SMTP)サーバー」→「追加」を開きます。新しいアカウントなら、名前・メールアドレス・パスワードを入力するだけで、残りは自動で設定されます。",
          )}
        </li>
        <li>
          {t("Server name ", "サーバー名: ")}
          <code>{server.host}</code>
          {t(", port ", "、ポート番号: ")}
          <code>{server.port}</code>
          {t(
            `, connection security ${securityText(server.tls)}, authentication: ${
              authenticationText(server.authentication, t)
            }.`,
            `、接続の保護: ${securityText(server.tls)}、認証方式: ${authenticationText(server.authentication, t)}`,
          )}
        </li>
        <li>
          {t("User name ", "ユーザー名: ")}
          <code>{account}</code>
        </li>
        <li>{passwordStep(t)}</li>
      </ol>
    </Guide>
  );
}

function Outlook({ server, account, t }: ClientParts): Markup {
  return (
    <Guide title="Outlook (Windows)">
      <ol>
        <li>
          {t(
            "File, Add Account: type your address, choose Advanced options and set up the account manually, as IMAP or POP.",
            "「ファイル」→「アカウントの追加」でメールアドレスを入力し、「詳細オプション」から手動で設定(IMAP または POP)を選びます。",
          )}
        </li>
        <li>
          {t("Outgoing mail: server ", "送信メール: サーバー ")}
          <code>{server.host}</code>
          {t(", port ", "、ポート ")}
          <code>{server.port}</code>
          {t(
            `, encryption method ${securityText(server.tls)}.`,
            `、暗号化方法 ${securityText(server.tls)}`,
          )}
        </li>
        <li>
          {t(
            "Leave Secure Password Authentication (SPA) off, and let the outgoing server log in. User name: ",
            "「セキュリティで保護されたパスワード認証(SPA)」はオフのままにし、送信サーバーの認証を有効にします。ユーザー名: ",
          )}
          <code>{account}</code>
        </li>
        <li>{passwordStep(t)}</li>
      </ol>
    </Guide>
  );
}

function Apple({ settings, server, account, t }: ClientParts & { readonly settings: ProfileSettings }): Markup {
  return (
    <Guide title={t("iPhone, iPad, Mac", "iPhone・iPad・Mac")}>
      {whyNoProfile(settings) === null && (
        <ol>
          <li>
            {t(
              "Open this page on the device and download the profile above.",
              "端末でこのページを開き、上の「自動設定ファイル」から構成プロファイルをダウンロードします。",
            )}
          </li>
          <li>
            {t(
              "iPhone and iPad: Settings, Profile Downloaded, Install. Mac: open the file, then System Settings, General, Device Management, Install.",
              "iPhone・iPad:「設定」→「プロファイルがダウンロードされました」→「インストール」。Mac:ファイルを開き、「システム設定」→「一般」→「デバイス管理」で「インストール」。",
            )}
          </li>
          <li>
            {t(
              "The device says that the profile is not signed. Install it only if you have just downloaded it here.",
              "「未署名」と表示されます。いまこのページからダウンロードしたものだけをインストールしてください。",
            )}
          </li>
        </ol>
      )}
      <p>
        {t(
          "By hand: Mail, Accounts, your account, outgoing server.",
          "手動の場合:「メール」→「アカウント」→ 対象のアカウント →「SMTP」(送信用サーバー)",
        )}
      </p>
      <ul>
        <li>
          {t("Host name ", "ホスト名: ")}
          <code>{server.host}</code>
          {t(", port ", "、ポート: ")}
          <code>{server.port}</code>
          {t(", use SSL: on, authentication: password", "、SSLを使用: オン、認証: パスワード")}
        </li>
        <li>
          {t("User name ", "ユーザー名: ")}
          <code>{account}</code>
        </li>
        <li>{passwordStep(t)}</li>
      </ul>
    </Guide>
  );
}

function Android({ server, account, t }: ClientParts): Markup {
  return (
    <Guide title="Android">
      <ol>
        <li>
          {t(
            "In Gmail: Settings, Add account, Other; in Thunderbird for Android: Add account. Type your address and choose the manual set-up.",
            "Gmail アプリ:「設定」→「アカウントを追加」→「その他」。Android 版 Thunderbird:「アカウントを追加」。メールアドレスを入力し、手動設定を選びます。",
          )}
        </li>
        <li>
          {t("Outgoing server ", "送信サーバー: ")}
          <code>{server.host}</code>
          {t(", port ", "、ポート: ")}
          <code>{server.port}</code>
          {t(
            `, security ${securityText(server.tls)}, require sign-in.`,
            `、セキュリティの種類: ${securityText(server.tls)}、ログインが必要: オン`,
          )}
        </li>
        <li>
          {t("User name ", "ユーザー名: ")}
          <code>{account}</code>
        </li>
        <li>{passwordStep(t)}</li>
      </ol>
    </Guide>
  );
}

function Printers(
  { server, account, hasPlain, t }: {
    readonly server: SubmissionServer | undefined;
    readonly account: string;
    readonly hasPlain: boolean;
    readonly t: Translate;
  },
): Markup {
  return (
    <Guide title={t("Printers and scanners", "プリンター・スキャナー(複合機)")}>
      <ul>
        <li>
          {t("Make an ", "この機器専用の")}
          <a href="/app-passwords">{t("app password", "アプリパスワード")}</a>
          {t(
            " for the device, limited to the network where it stands: it is kept in the device and can often be read there.",
            "を、設置場所のネットワークに限定して作ってください。機器に保存されたパスワードは、読み出せることが多いためです。",
          )}
        </li>
        {server !== undefined && (
          <li>
            {t("SMTP server ", "SMTPサーバー: ")}
            <code>{server.host}</code>
            {t(", port ", "、ポート: ")}
            <code>{server.port}</code>
            {`, ${securityText(server.tls)}`}
            {t("; SMTP authentication on, user name ", "、SMTP認証: オン、ユーザー名: ")}
            <code>{account}</code>
          </li>
        )}
        <li>
          {t(
            "The way to log in may be called PLAIN, LOGIN or CRAM-MD5. With encryption each is fine; choose one that the device and the app password both allow.",
            "認証方式は PLAIN、LOGIN、CRAM-MD5 などの名前で表示されます。暗号化していればどれでも構いません。機器とアプリパスワードの両方で使えるものを選んでください。",
          )}
        </li>
        <li>
          {hasPlain
            ? t(
              "A device that fails with encryption (it may know only old TLS): use the settings for old devices above, in the networks named there.",
              "暗号化で接続できない機器(古いTLSのみ対応など)は、上の「暗号化できない古い機器」の設定を、そこに書かれたネットワークから使ってください。",
            )
            : t(
              "A device that fails with encryption may know only old TLS: this server takes TLS 1.2 and 1.3. Ask the administrator for a way for old devices.",
              "暗号化で接続できない機器は、古いTLSにしか対応していない可能性があります(このサーバーはTLS 1.2と1.3に対応)。古い機器の接続方法は、管理者にお問い合わせください。",
            )}
        </li>
        <li>
          {t("As the sender address take your own.", "差出人のアドレスには、ご自身のアドレスを設定してください。")}
        </li>
      </ul>
    </Guide>
  );
}

function Msmtp({ server, account, t }: ClientParts): Markup {
  const lines = [
    "# ~/.config/msmtp/config (mode 600)",
    "account dokodemo",
    `host ${server.host}`,
    `port ${server.port}`,
    "tls on",
    `tls_starttls ${server.tls === "starttls" ? "on" : "off"}`,
    "auth on",
    `user ${account}`,
    `from ${account}`,
    'passwordeval "cat ~/.config/msmtp/app-password"',
    "account default : dokodemo",
  ].join("\n");
  return (
    <Guide title={t("msmtp (servers, scripts)", "msmtp(サーバー・スクリプト)")}>
      <p>
        {t(
          "Write an app password into ~/.config/msmtp/app-password (mode 600), and this into the configuration:",
          "アプリパスワードを ~/.config/msmtp/app-password に保存し(モード600)、設定ファイルに次のように書きます。",
        )}
      </p>
      <pre tabindex={0}><code>{lines}</code></pre>
      <button type="button" class="small copy" data-copy={lines} aria-label={t("Copy: msmtp", "コピー: msmtp")} hidden>
        {t("Copy", "コピー")}
      </button>
    </Guide>
  );
}

function passwordStep(t: Translate): string {
  return t(
    "Password: an app password for this device, with its hyphens.",
    "パスワード: この端末用のアプリパスワード(ハイフンも含む)",
  );
}
