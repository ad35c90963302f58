/**
 * The files that set up a mail client by themselves.
 *
 * @module
 */

import { dnsLines } from "../profiles/dns_lines.ts";
import { type ProfileSettings, whyNoProfile } from "../profiles/settings.ts";
import type { Translate } from "./language.ts";
import { Card, Field, type Markup, Notice } from "./layout.tsx";

/** The card with them; where the configuration lacks something, what it is. */
export function DownloadsCard(
  { settings, address, mistake, t }: {
    readonly settings: ProfileSettings;
    readonly address: string;
    readonly mistake: string | undefined;
    readonly t: Translate;
  },
): Markup {
  const title = t("Files that fill it in", "自動設定ファイル");
  if (whyNoProfile(settings) !== null) {
    return (
      <Card title={title}>
        <Notice kind="info">{missingText(settings, t)}</Notice>
      </Card>
    );
  }
  const query = encodeURIComponent(address);
  return (
    <Card title={title}>
      <h3>iPhone, iPad, Mac</h3>
      <form method="post" action="/set-up/mobileconfig">
        <Field
          name="address"
          type="email"
          label={t("Your mail address", "メールアドレス")}
          hint={t(
            "The address that others see as yours",
            "差出人として表示されるアドレス",
          )}
          value={address}
          mistake={mistake}
          autocomplete="email"
          inputmode="email"
        />
        <button type="submit">
          {t("Make an app password and download the profile", "アプリパスワードを作り、構成プロファイルをダウンロード")}
        </button>
      </form>
      <p class="hint">
        {t(
          "The file holds a fresh app password for sending mail. Open it on the device, install it, and delete the file; the device asks for the password for reading mail.",
          "ファイルには送信用の新しいアプリパスワードが入っています。端末で開いてインストールしたら、ファイルは削除してください。受信用のパスワードは、端末で入力します。",
        )}
      </p>
      <p>
        <a href={`/profiles/mail.mobileconfig?address=${query}`} download="mail.mobileconfig">
          {t("Without a password: the device asks for both", "パスワードなしの構成プロファイル(端末で入力)")}
        </a>
      </p>
      <h3>Thunderbird</h3>
      <p>
        {t(
          "It finds the settings by itself from your address. To look at them or hand them on: ",
          "メールアドレスを入力すると、自動的に設定されます。内容を確認するには: ",
        )}
        <a href={`/mail/config-v1.1.xml?emailaddress=${query}`}>config-v1.1.xml</a>
      </p>
    </Card>
  );
}

/** For the administrator: the lines by which mail clients find all that by themselves. */
export function DnsCard({ settings, t }: { readonly settings: ProfileSettings; readonly t: Translate }): Markup {
  const lines = settings.domains.flatMap((domain) => dnsLines(settings, domain)).join("\n");
  return (
    <Card title={t("For administrators: lines for the DNS", "管理者向け: DNSに登録する行")}>
      <p>
        {t(
          "With these in the zones of your domains, mail clients find the servers from the address alone.",
          "ドメインのゾーンに登録すると、メールソフトがアドレスだけでサーバーを見つけられるようになります。",
        )}
      </p>
      <pre tabindex={0}><code>{lines}</code></pre>
      <button type="button" class="small copy" data-copy={lines} aria-label={t("Copy: DNS", "コピー: DNS")} hidden>
        {t("Copy", "コピー")}
      </button>
    </Card>
  );
}

function missingText({ imap, pop }: ProfileSettings, t: Translate): string {
  return imap === null && pop === null
    ? t(
      "There is no file yet: the server for reading mail is not configured here. The administrator sets imap or pop in [http.profiles].",
      "まだ用意できません。受信サーバーが設定されていないためです。管理者が設定ファイルの [http.profiles] に imap または pop を書くと、使えるようになります。",
    )
    : t(
      "There is no file yet: no port for mail clients is encrypted. The administrator gives a [[listener]] TLS and a port of its own.",
      "まだ用意できません。メールソフト用の暗号化されたポートがないためです。管理者が [[listener]] に TLS とポート番号を設定すると、使えるようになります。",
    );
}
