/**
 * What the pages of devices say, in both languages.
 *
 * @module
 */

import { type DeviceChannel, type DeviceSettings, explainDevice } from "../../../accounts/device.ts";
import type { Correction } from "../../../auth/enrolments.ts";
import type { WindowRefusal } from "../../operations/devices.ts";
import type { Translate } from "../language.ts";
import { refusalText } from "./account_words.ts";

/** A channel, in a sentence. */
export function channelText(channel: DeviceChannel, t: Translate): string {
  switch (channel) {
    case "cram-md5":
      return t("CRAM-MD5 without TLS, from its networks", "TLS なしの CRAM-MD5(登録した接続元から)");
    case "login":
      return t(
        "LOGIN or PLAIN without TLS, from its one address",
        "TLS なしの LOGIN / PLAIN(登録した1つのアドレスから)",
      );
    case "tls":
      return t("TLS alone", "TLS のみ");
  }
}

/** What has to be put right at the device; empty where nothing has. */
export function correctionText(correction: Correction, device: string, t: Translate): string {
  switch (correction) {
    case "none":
      return "";
    case "user-name":
      return t(`Set its user name to ${device}.`, `機器のユーザー名を ${device} に設定してください。`);
    case "password":
      return t("Its password is wrong: type it again.", "パスワードが違います。入力し直してください。");
    case "channel":
      return t(
        "The password is right: change its channel here.",
        "パスワードは正しいです。この画面で方式を変更してください。",
      );
    case "protocol":
      return t(
        "It breaks the exchange off: try another channel.",
        "認証が途中で止まりました。別の方式を試してください。",
      );
    case "try-again":
      return t("It cannot be judged now: let it try again.", "いま判定できません。もう一度送信してください。");
  }
}

/** Why something was not done. */
export function deviceRefusalText(refusal: WindowRefusal, t: Translate): string {
  switch (refusal.kind) {
    case "no-store":
    case "which-store":
    case "unknown-store":
    case "unavailable":
      return refusalText(refusal, t);
    case "no-window":
      return t("No window is open.", "登録の受付は開いていません。");
    case "nothing-found":
      return t("No login with its password has come yet.", "正しいパスワードのログインはまだありません。");
    case "bad-window":
    case "bad-network":
      return t(
        "A network is an address such as 192.0.2.7, or 192.0.2.0/24.",
        "接続元は 192.0.2.7 や 192.0.2.0/24 の形で入力してください。",
      );
    case "bad-sender":
      return t(
        "It sends as one address, such as scanner@example.jp.",
        "差出人は1つのメールアドレスです(例 scanner@example.jp)。",
      );
    case "bad-recipient":
      return t("A recipient is an address, or @example.jp.", "宛先はメールアドレスか @example.jp の形です。");
    case "bad-per-day":
      return t("Mails in a day are a number from 1.", "1日の通数は1以上の数です。");
    case "one-address":
      return t("LOGIN without TLS is for one address alone.", "TLS なしの LOGIN は1つのアドレスだけに許されます。");
    case "exists":
      return t("An account has this name.", "この名前は使われています。");
    default:
      return t(`That cannot be: ${explainDevice(refusal)}.`, `設定できません: ${explainDevice(refusal)}`);
  }
}

/** The settings that a form holds. */
export function settingsOf(form: ((name: string) => string) | null): DeviceSettings {
  const words = (name: string) => (form?.(name) ?? "").split(/[\s,]+/).filter((word) => word !== "");
  const perDay = form?.("per-day").trim() ?? "";
  const channel = form?.("channel");
  return {
    sender: form?.("from").trim() ?? "",
    networks: words("networks"),
    recipients: words("recipients"),
    perDay: perDay === "" ? null : /^\d{1,9}$/.test(perDay) ? Number(perDay) : NaN,
    channel: channel === "cram-md5" || channel === "login" ? channel : "tls",
    repair: form?.("repair") === "yes",
  };
}
