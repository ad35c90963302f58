/**
 * The authentication log in plain words, for the person whose account it is about.
 *
 * @module
 */

import { networkOf } from "../../lib/network.ts";
import type { AuthenticationRecord } from "../../records/records.ts";
import type { Translate } from "./language.ts";

/** How a login came out. */
export interface LoginResult {
  readonly kind: "good" | "bad" | "warn";
  readonly text: string;
  /** Why, where it was not let in. */
  readonly why: string | null;
}

/** The mechanism of a sign-in to these pages. */
export const FORM = "FORM";
const PASSWD = "PASSWD";

/** How it came out, and why. */
export function loginResult(
  { result, reason }: Pick<AuthenticationRecord, "result" | "reason">,
  t: Translate,
): LoginResult {
  switch (result) {
    case "accepted":
      return { kind: "good", text: t("let in", "成功"), why: null };
    case "rejected":
      return { kind: "bad", text: t("refused", "拒否"), why: refusalText(reason, t) };
    case "too-weak":
      return {
        kind: "bad",
        text: t("refused", "拒否"),
        why: t(
          "An app password was used by a way to log in that it is not for.",
          "アプリパスワードが、許可されていない認証方式で使われました。",
        ),
      };
    case "delayed":
      return {
        kind: "warn",
        text: t("put off", "保留"),
        why: t(
          "There were too many wrong passwords before it, so it was not looked at.",
          "パスワードの間違いが続いたため、確認せずに断りました。",
        ),
      };
    case "unavailable":
      return {
        kind: "warn",
        text: t("not possible", "確認不能"),
        why: t(
          "The place where passwords are kept did not answer. It says nothing about the password.",
          "認証先が応答しませんでした。パスワードの正否とは関係ありません。",
        ),
      };
    case "malformed":
    case "cancelled":
      return {
        kind: "warn",
        text: t("broken off", "中断"),
        why: t("The mail client did not finish.", "メールソフトが途中でやめました。"),
      };
  }
}

/** By which way: a mail client with its mechanism, or a page. */
export function wayText(mechanism: string, t: Translate): string {
  if (mechanism === FORM) return t("these pages", "このサイト");
  if (mechanism === PASSWD) return t("change of the password on the server", "サーバー上でのパスワード変更");
  return t(`mail client, ${mechanism}`, `メールソフト(${mechanism})`);
}

/** Whether and how it was encrypted. */
export function tlsText(tls: string | null, t: Translate): string {
  if (tls === null) return t("not encrypted", "暗号化なし");
  return tls === "TLS" ? t("encrypted", "暗号化あり") : t(`encrypted, ${tls}`, `暗号化あり(${tls})`);
}

/**
 * The successes from a network (/24, /48) that no success before came from, by `seq`. `accepted` are successes, the newest first; of the
 * oldest nobody can tell.
 */
export function firstFromNetwork(
  accepted: readonly Pick<AuthenticationRecord, "seq" | "remote">[],
): ReadonlySet<number> {
  const first = new Map<string, number>();
  for (const { seq, remote } of accepted) first.set(networkOf(remote), seq);
  const oldest = accepted.at(-1);
  return new Set([...first.values()].filter((seq) => seq !== oldest?.seq));
}

function refusalText(reason: string, t: Translate): string {
  // Behind it stands what the administrator wants to know.
  const [why = ""] = reason.split("; ");
  switch (why) {
    case "wrong-secret":
    case "the proof fits no verifier":
      return t("Wrong password.", "パスワードが違います。");
    case "stale password":
      return t(
        "The password was the one before the last change: this device still has it.",
        "変更前の古いパスワードです。この機器の設定が更新されていません。",
      );
    case "unknown-user":
      return t("The user name was not written as it is here.", "ユーザー名の書き方が違います。");
    case "disabled":
      return t("The account was disabled.", "アカウントが無効になっていました。");
    case "expired":
      return t("The account or its password had expired.", "アカウントまたはパスワードの期限が切れていました。");
    case "must-change":
      return t("The password has to be changed first.", "先にパスワードの変更が必要です。");
    case "credential is not for this network":
      return t(
        "The app password is not for the network from which it was used.",
        "アプリパスワードが、許可されていないネットワークから使われました。",
      );
    case "credential has expired":
      return t("The app password has ended.", "アプリパスワードの期限が切れています。");
    case "credential is gone":
    case "credential was changed meanwhile":
      return t(
        "The password was changed or revoked at that moment.",
        "ちょうどそのとき、パスワードが変更または取り消されました。",
      );
    case "authorization identity is another account":
      return t("It wanted to act as another account.", "別のアカウントとしての利用を求めました。");
    default:
      return t("The login was not allowed.", "ログインが許可されていません。");
  }
}
