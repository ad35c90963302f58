/**
 * The part of a report that people read, in English and Japanese.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { formatDate } from "./date.ts";
import { adviceFor, type ReportLanguage } from "./dsn_advice.ts";
import { type DeliveryReport, kindOf, type ReportedRecipient, type ReportKind } from "./dsn_report.ts";
import { LINE_COLUMNS, wrap } from "./wrap.ts";

/** The longest reply that is shown. */
export const REPLY_LIMIT = 400;

/** The Subject of a report. */
export function subjectOf({ recipients, languages, copyFor }: DeliveryReport): string {
  const kind = kindOf(recipients[0].action);
  const isOnItsWay = kind === "successful" && recipients.some(({ action }) => action !== "delivered");
  const words = isOnItsWay ? PASSED_ON : SUBJECTS[kind];
  const subject = languages.map((language) => words[language]).join(" / ");
  return copyFor === null ? subject : `Postmaster copy: ${subject}`;
}

/** The text in each language, one behind the other. */
export function textOf(report: DeliveryReport): readonly string[] {
  return report.languages.flatMap((language, at) => [
    ...at === 0 ? [] : ["", "-".repeat(LINE_COLUMNS), ""],
    ...sectionOf(report, language),
  ]);
}

const SUBJECTS: Readonly<Record<ReportKind, Readonly<Record<ReportLanguage, string>>>> = {
  failed: { en: "Your mail could not be delivered", ja: "メールを配信できませんでした" },
  delayed: { en: "Your mail is delayed", ja: "メールの配信が遅れています" },
  successful: { en: "Your mail was delivered", ja: "メールを配信しました" },
};

/** Of this success it is not known whether it ends in a mailbox. */
const PASSED_ON: Readonly<Record<ReportLanguage, string>> = {
  en: "Your mail was passed on",
  ja: "メールを引き渡しました",
};

function sectionOf(report: DeliveryReport, language: ReportLanguage): readonly string[] {
  const words = WORDS[language];
  return [
    ...wrap(words.greeting(report.hostname)),
    "",
    ...wrap(words.opening(report)),
    "",
    ...report.recipients.flatMap((recipient) => [...recipientLines(recipient, language), ""]),
    ...wrap(words.closing(report)),
  ];
}

function recipientLines(recipient: ReportedRecipient, language: ReportLanguage): readonly string[] {
  const words = WORDS[language];
  const { action, forwardPath, enhanced } = recipient;
  const remoteHost = recipient.remoteHost === null ? null : printable(recipient.remoteHost);
  const address = `  <${printable(forwardPath, 1000)}>`;
  const reply = [
    ...wrap(remoteHost === null ? words.reason : words.said(remoteHost), "  "),
    ...wrap(printable(recipient.reply, REPLY_LIMIT), "      "),
  ];
  switch (action) {
    case "failed":
      return [address, ...reply, `  ${words.advice}`, ...wrap(adviceFor(enhanced, language), "      ")];
    case "delayed":
      return [address, ...reply];
    case "delivered":
      return [address, ...wrap(words.delivered, "  ")];
    case "relayed":
      return [address, ...wrap(words.relayed(remoteHost), "  ")];
    case "expanded":
      return [address, ...wrap(words.expanded, "  ")];
    default:
      return unreachable(action);
  }
}

interface Words {
  greeting(hostname: string): string;
  opening(report: DeliveryReport): string;
  readonly reason: string;
  said(host: string): string;
  readonly advice: string;
  readonly delivered: string;
  relayed(host: string | null): string;
  readonly expanded: string;
  closing(report: DeliveryReport): string;
}

const WORDS: Readonly<Record<ReportLanguage, Words>> = {
  en: {
    greeting: (hostname) => `This is the mail server ${hostname}.`,
    opening: ({ recipients, arrival }) => {
      const [{ action, retryUntil }] = recipients;
      const subject = `Your mail of ${formatDate(arrival)}`;
      const addresses = recipients.length === 1 ? "the address below" : "the addresses below";
      switch (kindOf(action)) {
        case "failed":
          return `${subject} could not be delivered to ${addresses}. It will not be tried again.`;
        case "delayed":
          return `${subject} could not be delivered to ${addresses} yet. You need not send it again: it is tried until ${
            formatDate(retryUntil ?? arrival)
          }, and you are told if that comes to nothing.`;
        case "successful":
          return `This is what has become of your mail of ${
            formatDate(arrival)
          }. You get this report because it was asked for when the mail was sent.`;
      }
    },
    reason: "The reason:",
    said: (host) => `The server ${host} said:`,
    advice: "What you can do:",
    delivered: "It is in the mailbox.",
    relayed: (host) =>
      `It was handed over to the server ${
        host ?? "that comes next"
      }, which makes no reports of success: nothing more will be told unless it fails.`,
    expanded: "It was sent on to everybody whom this address stands for. Their mailboxes are not reported.",
    closing: ({ mail, original }) =>
      `Below are the details for a postmaster, and ${
        original.kind === "full" ? "your mail" : "the header of your mail"
      }. Whoever asks about it should name the id ${mail}.`,
  },
  ja: {
    greeting: (hostname) => `メールサーバー ${hostname} からのお知らせです。`,
    opening: ({ recipients: [{ action, retryUntil }], arrival }) => {
      const subject = `${japaneseDate(arrival)}にお送りいただいたメール`;
      switch (kindOf(action)) {
        case "failed":
          return `${subject}は、下記の宛先に配信できませんでした。再送は行われません。`;
        case "delayed":
          return `${subject}は、下記の宛先にまだ配信できていません。${
            japaneseDate(retryUntil ?? arrival)
          }まで自動的に再送しますので、送り直していただく必要はありません。配信できなかった場合は改めてお知らせします。`;
        case "successful":
          return `${subject}の配信結果をお知らせします。この通知は、送信時のご希望によりお送りしています。`;
      }
    },
    reason: "理由:",
    said: (host) => `サーバー ${host} の応答:`,
    advice: "対処方法:",
    delivered: "メールボックスに届きました。",
    relayed: (host) =>
      `${
        host === null ? "次のサーバー" : `サーバー ${host} `
      }に引き渡しました。そのサーバーは配信完了を通知しないため、配信に失敗しない限り、これ以降のお知らせはありません。`,
    expanded: "この宛先に登録されている全員に転送しました。一人ひとりの配信結果は通知されません。",
    closing: ({ mail, original }) =>
      `以下は、メール管理者のための詳細情報と、${
        original.kind === "full" ? "お送りいただいたメール" : "お送りいただいたメールのヘッダー"
      }です。お問い合わせの際は、ID ${mail} をお知らせください。`,
  },
};

function japaneseDate(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getUTCFullYear()}年${date.getUTCMonth() + 1}月${date.getUTCDate()}日 ${two(date.getUTCHours())}:${
    two(date.getUTCMinutes())
  } (UTC) `;
}
