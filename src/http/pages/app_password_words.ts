/**
 * What pages say about app passwords.
 *
 * @module
 */

import type { AppPasswordRefusal } from "../../auth/app_password_admin.ts";
import type { Translate } from "./language.ts";

/** Fields of the form in which a new app password is asked for. */
export type AppPasswordField = "label" | "networks" | "mechanisms" | "expires";

/** The field that a refusal is about, or `null`. */
export function fieldOf({ kind }: AppPasswordRefusal): AppPasswordField | null {
  switch (kind) {
    case "bad-label":
    case "label-taken":
      return "label";
    case "bad-networks":
      return "networks";
    case "bad-mechanisms":
      return "mechanisms";
    case "bad-expires":
      return "expires";
    default:
      return null;
  }
}

/** Why there is no app password, for its owner. What only the administrator can mend is said without details. */
export function refusalText(refusal: AppPasswordRefusal, t: Translate): string {
  switch (refusal.kind) {
    case "bad-label":
      return t("Give it a name of 1 to 64 characters.", "名前を1〜64文字で入力してください。");
    case "label-taken":
      return t(
        "You have an app password of this name. Choose another name, or revoke that one first.",
        "同じ名前のアプリパスワードがあります。別の名前にするか、先にそちらを取り消してください。",
      );
    case "bad-networks":
      return t(
        "Write one address or network in each line, 20 at most, such as 192.0.2.10 or 192.0.2.0/24.",
        "IPアドレスまたはネットワークを1行に1つ、20行までで入力してください。例: 192.0.2.10、192.0.2.0/24",
      );
    case "bad-mechanisms":
      return t("Choose from those that are listed.", "一覧にあるものから選んでください。");
    case "bad-expires":
      return t("Choose a time in the future.", "将来の期限を選んでください。");
    case "too-many":
      return t(
        "You have 50 app passwords, and that is the most. Revoke one that you do not use any more.",
        "アプリパスワードは50個までです。使っていないものを取り消してください。",
      );
    case "no-lookup":
      return t(
        "Your account is kept in a place that this server can ask for nothing but whether a password is right. It could not tell whether your account is still there, so there are no app passwords for it: use your own password.",
        "アカウントの管理元に対して、このサーバーはパスワードの正否しか確認できません。アカウントが有効かどうかを確認できないため、アプリパスワードは作れません。ご自身のパスワードをお使いください。",
      );
    case "required":
      return t(
        "Each of your logins has to be agreed to by a system that cannot be shown an app password. So there are none for your account: use your own password.",
        "ログインのたびに別のシステムの承認が必要で、そのシステムではアプリパスワードを使えません。ご自身のパスワードをお使いください。",
      );
    case "bad-name":
      return t(
        "Your account has a name that no app password can be kept for. Ask the administrator.",
        "このアカウント名では、アプリパスワードを保存できません。管理者にお問い合わせください。",
      );
    case "unknown-account":
    case "not-allowed":
      return t(
        "Your account may not log in any more, says the place where it is kept. Ask the administrator.",
        "アカウントの管理元によると、このアカウントは現在ログインできません。管理者にお問い合わせください。",
      );
    case "unavailable":
      return t(
        "It cannot be told at the moment: the place where your account is kept does not answer. Try again in a few minutes.",
        "アカウントの管理元が応答しないため、現在は確認できません。数分後に、もう一度お試しください。",
      );
  }
}
