/**
 * What the pages of accounts say.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { unreachable } from "../../../lib/result.ts";
import type { AccountRefusal, AddressRefusal, UnknownAccount } from "../../operations/accounts.ts";
import type { Translate } from "../language.ts";
import { LEAST_CHARACTERS, weaknessOf } from "../password_rules.ts";

/** Why an act on an account was not done. */
export function refusalText(
  refusal: AccountRefusal | AddressRefusal | UnknownAccount,
  t: Translate,
): string {
  switch (refusal.kind) {
    case "no-store":
      return t(
        "No backend of this server keeps its accounts here: they are made and changed where they are kept.",
        "このサーバーにはアカウントを保存するバックエンドがありません。アカウントの追加や変更は、それぞれの管理元で行ってください。",
      );
    case "which-store":
    case "unknown-store": {
      const names = refusal.backends.join(", ");
      return t(`Choose one of the account stores: ${names}.`, `アカウントの保存先を選んでください: ${names}`);
    }
    case "unavailable":
      return t(
        "The file of accounts cannot be used now; the log has the reason. Try again in a minute.",
        "アカウントのファイルを現在利用できません。理由はログにあります。しばらくしてから、もう一度お試しください。",
      );
    case "unknown-account":
      return t("There is no such account here.", "このアカウントはありません。");
    case "exists":
      return t("There is an account of this name already.", "同じ名前のアカウントがすでにあります。");
    case "bad-name":
      return t(
        "An account cannot have this name. Expected a name such as taro or taro@example.jp, without blanks and slashes.",
        "この名前は使えません。taro や taro@example.jp のように、空白や / を含まない名前を入力してください。",
      );
    case "bad-password":
      return t(
        "This password cannot be used: it is empty, too long, or has characters that no client could send.",
        "このパスワードは使えません。空か、長すぎるか、クライアントが送れない文字が含まれています。",
      );
    case "too-many":
      return t("An account has 100 addresses at most.", "アドレスは100個までです。");
    case "bad-address":
      return t(
        `This is no address: ${refusal.address}. Expected taro@example.jp, @example.jp for a whole domain, or *.`,
        `アドレスの形式ではありません: ${refusal.address}。taro@example.jp、ドメイン全体なら @example.jp、または * と入力してください。`,
      );
    case "taken":
      return t(
        `Another account has this address: ${refusal.address}.`,
        `別のアカウントのアドレスです: ${refusal.address}`,
      );
    default:
      return unreachable(refusal);
  }
}

/** What is wrong with a password that an administrator chose, or `null`: what guessers try first is refused here too. */
export function passwordMistake(password: string, account: string, t: Translate): string | null {
  if (weaknessOf(password, { account, old: "" }) === null) return null;
  return t(
    `Guessers try this one first. Expected ${LEAST_CHARACTERS} characters or more, and no name, common word or run of keys.`,
    `推測されやすいパスワードです。${LEAST_CHARACTERS}文字以上で、名前・よくある単語・キーの並びでないものにしてください。`,
  );
}

/** No `l` and `o`, no 0 and 1: it is read from one screen and typed into another. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const [GROUPS, GROUP_CHARACTERS] = [4, 4];

/** A password of 80 random bits. It has not the form of an app password, which is longer. */
export function freshPassword(): string {
  const octets = [...randomBytes(GROUPS * GROUP_CHARACTERS)];
  const characters = octets.map((octet) => ALPHABET[octet % ALPHABET.length]).join("");
  return characters.match(new RegExp(`.{${GROUP_CHARACTERS}}`, "g"))?.join("-") ?? "";
}
