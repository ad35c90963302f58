/**
 * What the log says of a login, in the words of both languages. What is not known here, such as the words of a backend, stays as it is.
 *
 * @module
 */

import type { AuthenticationEvent } from "../records/records.ts";
import type { Translate } from "./pages/language.ts";

/** Reasons as the log has them, and the same in plain words. */
const REASONS: ReadonlyMap<string, readonly [en: string, ja: string]> = new Map([
  ["password", ["the password is right", "パスワードが正しい"]],
  ["verifier", ["the answer to the challenge is right", "チャレンジへの応答が正しい"]],
  ["unknown-user", ["nobody knows this name", "この名前のアカウントはない"]],
  ["wrong-secret", ["the password is wrong", "パスワードが違う"]],
  ["stale password", ["the password was replaced some days ago", "変更前の古いパスワード"]],
  ["the proof fits no verifier", ["the answer to the challenge is wrong", "チャレンジへの応答が検証値と一致しない"]],
  ["no verifier is stored", [
    "nothing is stored that this mechanism could be checked with",
    "この認証方式の検証値が保存されていない",
  ]],
  ["disabled", ["the account is disabled", "アカウントが無効"]],
  ["expired", ["the account has expired", "アカウントの期限切れ"]],
  ["must-change", ["the password has to be changed first", "パスワードの変更が必要"]],
  ["not-allowed", ["the account may not log in here", "ログインが許可されていない"]],
  ["account is gone", ["the account was deleted", "アカウントが削除された"]],
  ["credential is gone", ["the password was revoked", "パスワードが取り消された"]],
  ["credential was changed meanwhile", ["the password was changed meanwhile", "認証中にパスワードが変更された"]],
  ["credential is not for this mechanism", [
    "this password is not for this mechanism",
    "このパスワードはこの認証方式では使えない",
  ]],
  ["credential is not for this network", [
    "this password is not for this network",
    "このパスワードはこの接続元からは使えない",
  ]],
  ["credential has expired", ["this password has expired", "このパスワードは期限切れ"]],
  ["authorization identity is another account", [
    "it wanted to act as another account",
    "別のアカウントとして操作しようとした",
  ]],
  ["authorization identity cannot be looked up now", [
    "whom it wanted to act as cannot be looked up now",
    "操作対象のアカウントを現在確認できない",
  ]],
  ["the account cannot be looked at now", ["the account cannot be looked at now", "アカウントを現在確認できない"]],
  ["too many wrong secrets, the slot is taken", [
    "too many wrong passwords came before it",
    "パスワードの間違いが続いたため待機中",
  ]],
  ["network is guessing, too many replies wait", [
    "too many wrong passwords from its network",
    "接続元からの総当たりが多く、応答待ちが上限に達した",
  ]],
  ["not a user name", ["this is no user name", "ユーザー名の形式ではない"]],
  ["not a password", ["the password has characters that none can have", "パスワードに使えない文字がある"]],
  ["the client gave up", ["the client gave up", "クライアントが中止した"]],
  ["the client saw no -PLUS mechanism, but it was offered", [
    "somebody may have hidden the -PLUS mechanisms from the client",
    "-PLUS の方式が途中で隠された疑いがある",
  ]],
  ["the client is bound to another channel", [
    "the client is bound to another TLS connection",
    "クライアントが別の TLS 接続に結び付いている",
  ]],
  ["connection refused", ["connection refused", "接続を拒否された"]],
  ["given up by the client", ["given up by the client", "クライアントが切断した"]],
]);

/** Answers of backends: what stands before the colon, and before a comma behind it. */
const ANSWERS: ReadonlyMap<string, string> = new Map([
  ["accepted", "承認"],
  ["verifiers", "検証値を返した"],
  ["rejected", "拒否"],
  ["unavailable", "応答なし"],
  ["skipped", "対象外"],
  ["other realms", "ほかのレルムの担当"],
  ["no passwords", "パスワードの照合に対応していない"],
  ["cache", "記憶した結果"],
]);

const ADVICE_REGEXP = /^(`[^`]*`) exists(?: in (?:realm|the realms) (.+?))?, the client said (.+)$/s;
const WAITS_REGEXP = /^network is guessing, reply waits ([\d.]+) s$/;
const DEADLINE_REGEXP = /^no answer within (\d+) ms$/;

/** A reason without what the log has behind it. */
export function reasonHead(reason: string): string {
  return reason.split("; ", 1)[0] ?? "";
}

/** The reason of an end in plain words, without what stands behind it in the log. */
export function plainReason(reason: string, t: Translate): string {
  const head = reasonHead(reason);
  return t(REASONS.get(head)?.[0] ?? head, japaneseReason(head));
}

/** The reason of an end as the log has it, and in Japanese; what stands behind a semicolon in the log is told too. */
export function reasonText(reason: string, t: Translate): string {
  return t(reason, reason.split("; ").map(japaneseReason).join("。"));
}

/** What the realm doctor has found about a name that nobody knows in its realm; `null`: nothing. */
export function adviceOf(reason: string): { readonly wrong: "realm" | "case"; readonly text: string } | null {
  const text = reason.slice(reasonHead(reason).length).split("; ").find((part) => ADVICE_REGEXP.test(part));
  if (text === undefined) return null;
  return { wrong: ADVICE_REGEXP.exec(text)?.[2] === undefined ? "case" : "realm", text };
}

/** What the realm doctor has found, in words. */
export function adviceText(text: string, t: Translate): string {
  const [, quoted, realms, said] = ADVICE_REGEXP.exec(text) ?? [];
  if (quoted === undefined || said === undefined) return text;
  const name = `「${quoted.slice(1, -1)}」`;
  const where = realms === undefined ? `${name} ならあります` : `${name} はレルム ${realms} にあります`;
  const given = said.replace(/, or no realm$/, ", またはレルムなし")
    .replace(/^no realm, which stands for /, "レルムなし = ").replaceAll("`", "");
  return t(text, `${where}(クライアントの指定: ${given})`);
}

/** The answer of one backend in words: `rejected:wrong-secret` as `rejected: wrong-secret`. */
export function answerText(answer: string, t: Translate): string {
  const [, kind = answer, rest = ""] = /^([a-z]+):(.*)$/s.exec(answer) ?? [];
  const [, why = rest, note = ""] = /^([a-z-]+)(, .*)$/s.exec(rest) ?? [];
  const japanese = [kind, ...rest === "" ? [] : [why]].map((each) => ANSWERS.get(each) ?? japaneseReason(each));
  return t(answer.replace(":", ": "), japanese.join(": ") + note);
}

/** How a login ended, in a word or two. */
export function resultText(result: AuthenticationEvent["result"], t: Translate): string {
  switch (result) {
    case "accepted":
      return t("Accepted", "成功");
    case "rejected":
      return t("Refused", "拒否");
    case "too-weak":
      return t("Mechanism not allowed", "方式が不可");
    case "delayed":
      return t("Held back", "待機");
    case "unavailable":
      return t("Outage", "障害");
    case "malformed":
      return t("Malformed", "形式の誤り");
    case "cancelled":
      return t("Cancelled", "中止");
  }
}

function japaneseReason(reason: string): string {
  const waits = WAITS_REGEXP.exec(reason)?.[1];
  if (waits !== undefined) return `接続元からの総当たりのため応答を ${waits} 秒遅らせた`;
  const deadline = DEADLINE_REGEXP.exec(reason)?.[1];
  if (deadline !== undefined) return `${deadline} ms 以内に応答がない`;
  if (ADVICE_REGEXP.test(reason)) return adviceText(reason, (_, ja) => ja);
  return REASONS.get(reason)?.[1] ?? reason;
}
