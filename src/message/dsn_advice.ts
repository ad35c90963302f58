/**
 * What the reader of a bounce can do, by the enhanced status code (RFC 3463, RFC 5248).
 *
 * @module
 */

/** The languages that reports are written in. */
export type ReportLanguage = "en" | "ja";

type Advice = Readonly<Record<ReportLanguage, string>>;

/** By the whole code, else by its subject. */
const ADVICE: ReadonlyMap<string, Advice> = new Map([
  ["5.1.1", {
    en: "Check the part before the @ for typing mistakes, then send the mail again.",
    ja: "宛先の @ より前の部分に入力の誤りがないか確認し、もう一度送信してください。",
  }],
  ["5.1.2", {
    en: "Check the part behind the @ for typing mistakes, then send the mail again.",
    ja: "宛先の @ より後の部分に入力の誤りがないか確認し、もう一度送信してください。",
  }],
  ["5.1.10", {
    en: "The domain of the address takes no mail at all. Check the part behind the @, or look for another address.",
    ja: "宛先のドメインはメールを一切受け取りません。@ より後の部分を確認するか、別の宛先をお使いください。",
  }],
  ["5.1", {
    en: "Check the address for typing mistakes, then send the mail again.",
    ja: "宛先に入力の誤りがないか確認し、もう一度送信してください。",
  }],
  ["5.2.1", {
    en: "The mailbox is closed for now. Reach this person in another way.",
    ja: "宛先のメールボックスは現在使えません。別の方法でご連絡ください。",
  }],
  ["5.2.2", {
    en: "The mailbox is full. Reach this person in another way, or send the mail again later.",
    ja: "宛先のメールボックスがいっぱいです。別の方法でご連絡いただくか、後でもう一度送信してください。",
  }],
  ["5.2.3", {
    en: "The mail is too large for this mailbox. Send it without attachments, or in smaller parts.",
    ja: "メールが宛先のメールボックスには大きすぎます。添付ファイルを外すか、分けて送信してください。",
  }],
  ["5.3.4", {
    en: "The mail is too large for the next server. Send it without attachments, or in smaller parts.",
    ja: "メールが相手のサーバーには大きすぎます。添付ファイルを外すか、分けて送信してください。",
  }],
  ["5.4.4", {
    en: "This server has no way to the domain of the address. Check the address, then ask your postmaster.",
    ja: "このサーバーから宛先のドメインへの経路がありません。宛先を確認し、メール管理者にお問い合わせください。",
  }],
  ["5.4.6", {
    en: "The mail goes round in a circle. Send this report to your postmaster.",
    ja: "メールが転送を繰り返しています。この通知をメール管理者にお送りください。",
  }],
  ["5.4.7", {
    en:
      "The next server could not take the mail for too long. Send it again later, or reach this person in another way.",
    ja: "相手のサーバーが長い間メールを受け取れませんでした。後でもう一度送信するか、別の方法でご連絡ください。",
  }],
  ["5.6.3", {
    en:
      "The next server takes plain text of 7 bits only. Let your mail program encode the mail (quoted-printable or base64).",
    ja:
      "相手のサーバーは 7 ビットのメールしか受け取れません。メールソフトの設定で quoted-printable か base64 を選び、もう一度送信してください。",
  }],
  ["5.6.7", {
    en:
      "The next server does not take addresses or header fields beyond ASCII. Use an address in plain letters, if there is one.",
    ja:
      "相手のサーバーは英数字以外を含む宛先やヘッダーを受け取れません。英数字だけの宛先があれば、そちらをお使いください。",
  }],
  ["5.7", {
    en:
      "The next server refuses this mail by its rules. Ask your postmaster, with this report, before you send it again.",
    ja:
      "相手のサーバーの規則により受け取りを拒否されました。もう一度送信する前に、この通知を添えてメール管理者にお問い合わせください。",
  }],
]);

const DEFAULT_ADVICE: Advice = {
  en: "If the reason above tells you nothing, send this report to your postmaster.",
  ja: "上記の理由から原因が分からない場合は、この通知をメール管理者にお送りください。",
};

/** One or two sentences for the person who sent the mail. */
export function adviceFor(enhanced: string, language: ReportLanguage): string {
  const subject = enhanced.split(".").slice(0, 2).join(".");
  return (ADVICE.get(enhanced) ?? ADVICE.get(subject) ?? DEFAULT_ADVICE)[language];
}
