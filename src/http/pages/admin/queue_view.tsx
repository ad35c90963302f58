/**
 * Mails of the queue as administrators see them.
 *
 * @module
 */

import { printable } from "../../../lib/text.ts";
import type { QueueItem, QueueItemAttempt, QueueItemRecipient } from "../../queue_item.ts";
import type { Language, Translate } from "../language.ts";
import { type Markup, Table, When } from "../layout.tsx";
import { accountAddress, sizeText, State } from "./parts.tsx";

const REPLY_SHOWN = 120;

interface Words {
  readonly t: Translate;
  readonly language: Language;
}

/** The list, in order of arrival. */
export function QueueTable(
  { items, empty, t, language }: Words & { readonly items: readonly QueueItem[]; readonly empty: string },
): Markup {
  return (
    <Table
      caption={t("Mails in the queue", "キュー内のメール")}
      rows={items}
      empty={empty}
      columns={[
        {
          head: t("Mail", "メール"),
          cell: ({ id, sizeOctets }) => (
            <>
              <a class="address" href={mailAddress(id)}>{id}</a>
              <br />
              <span class="soft">{sizeText(sizeOctets)}</span>
            </>
          ),
        },
        { head: t("Received", "受付"), cell: ({ received }) => <When at={received} language={language} /> },
        {
          head: t("From", "差出人"),
          cell: (item) => (
            <>
              <span class="address">{item.reversePath ?? t("<> (nobody)", "<>(なし)")}</span>
              {item.account !== item.reversePath && (
                <>
                  <br />
                  <span class="soft">{whose(item, t)}</span>
                </>
              )}
            </>
          ),
        },
        { head: t("To", "宛先"), cell: (item) => <span class="address">{recipientsOf(item, t)}</span> },
        {
          head: t("State", "状態"),
          cell: ({ state, nextTry }) => (
            <>
              <MailState state={state} t={t} />
              {nextTry !== null && (
                <>
                  <br />
                  <span class="soft">
                    {t("next try ", "次回 ")}
                    <When at={nextTry} language={language} />
                  </span>
                </>
              )}
            </>
          ),
        },
        { head: t("Last reply", "直近の応答"), cell: (item) => printable(lastReplyOf(item) ?? "–", REPLY_SHOWN) },
      ]}
    />
  );
}

/** Each recipient of one mail, with all that is known of it. */
export function RecipientTable({ item, t, language }: Words & { readonly item: QueueItem }): Markup {
  return (
    <Table
      caption={t("Recipients", "宛先")}
      rows={item.recipients}
      empty={t("It has no recipient.", "宛先はありません。")}
      columns={[
        {
          head: t("To", "宛先"),
          cell: ({ forwardPath, orcpt }) => (
            <>
              {forwardPath}
              {orcpt !== null && (
                <>
                  <br />
                  <span class="soft">{t(`originally ${orcpt}`, `元の宛先: ${orcpt}`)}</span>
                </>
              )}
            </>
          ),
        },
        { head: t("State", "状態"), cell: ({ state }) => <MailState state={state} t={t} /> },
        { head: t("Tries", "試行回数"), cell: ({ attempts }) => attempts, numeric: true },
        {
          head: t("Next try", "次回の送信"),
          cell: ({ nextTry }) => nextTry === null ? "–" : <When at={nextTry} language={language} />,
        },
        {
          head: t("What the other side said", "相手サーバーの応答"),
          cell: ({ lastReply }) => lastReply === null ? "–" : <code>{lastReply}</code>,
        },
      ]}
    />
  );
}

/** What was tried for each recipient and how it went, the newest first. */
export function HistoryTable({ item, t, language }: Words & { readonly item: QueueItem }): Markup {
  const rows = item.recipients.flatMap(({ forwardPath, history = [] }) =>
    history.map((attempt) => ({ forwardPath, ...attempt }))
  );
  return (
    <Table
      caption={t("What was tried", "これまでの送信")}
      rows={rows.toSorted((a, b) => b.at.localeCompare(a.at))}
      empty={t("Nothing was tried yet.", "まだ送信していません。")}
      columns={[
        { head: t("When", "日時"), cell: ({ at }) => <When at={at} language={language} /> },
        { head: t("To", "宛先"), cell: ({ forwardPath }) => <span class="address">{forwardPath}</span> },
        {
          head: t("By", "経路"),
          cell: ({ route, host }) => route === null ? "–" : host === null ? route : `${route} (${host})`,
        },
        { head: t("Outcome", "結果"), cell: ({ outcome }) => <Outcome outcome={outcome} t={t} /> },
        { head: t("What the other side said", "相手サーバーの応答"), cell: ({ reply }) => <code>{reply}</code> },
      ]}
    />
  );
}

function Outcome({ outcome, t }: { readonly outcome: QueueItemAttempt["outcome"]; readonly t: Translate }): Markup {
  return outcome === "deferred"
    ? <State kind="warn">{t("put off", "延期")}</State>
    : <MailState state={outcome} t={t} />;
}

/** The head of one mail. */
export function Envelope({ item, t, language }: Words & { readonly item: QueueItem }): Markup {
  return (
    <dl>
      <dt>{t("From", "差出人")}</dt>
      <dd>{item.reversePath ?? t("<> (nobody)", "<>(なし)")}</dd>
      <dt>{t("Account", "アカウント")}</dt>
      <dd>{item.account === null ? whose(item, t) : <a href={accountAddress(item.account)}>{item.account}</a>}</dd>
      <dt>{t("Received", "受付")}</dt>
      <dd>
        <When at={item.received} language={language} />
      </dd>
      <dt>{t("Size", "サイズ")}</dt>
      <dd>
        {sizeText(item.sizeOctets)}
        {", "}
        {item.body === "8bitmime" ? "8BITMIME" : "7BIT"}
        {item.smtputf8 && ", SMTPUTF8"}
      </dd>
      <dt>{t("State", "状態")}</dt>
      <dd>
        <MailState state={item.state} t={t} />
      </dd>
      {item.envid !== null && (
        <>
          <dt>ENVID</dt>
          <dd>{item.envid}</dd>
        </>
      )}
      {item.ret !== null && (
        <>
          <dt>RET</dt>
          <dd>{item.ret === "full" ? "FULL" : "HDRS"}</dd>
        </>
      )}
    </dl>
  );
}

/** The address of a mail's page. */
export function mailAddress(id: string, act = ""): string {
  return `/admin/queue/${encodeURIComponent(id)}${act === "" ? "" : `/${act}`}`;
}

function MailState(
  { state, t }: { readonly state: QueueItem["state"] | QueueItemRecipient["state"]; readonly t: Translate },
): Markup {
  switch (state) {
    case "attempting":
      return <State kind="good">{t("being tried", "送信中")}</State>;
    case "waiting":
      return <State kind="warn">{t("waiting", "待機中")}</State>;
    case "held":
      return <State kind="warn">{t("held", "保留")}</State>;
    case "done":
      return <State kind="good">{t("done", "完了")}</State>;
    case "delivered":
      return <State kind="good">{t("delivered", "配達済み")}</State>;
    case "relayed":
      return <State kind="good">{t("handed on", "転送済み")}</State>;
    case "failed":
      return <State kind="bad">{t("failed", "失敗")}</State>;
  }
}

function whose({ account, notice }: QueueItem, t: Translate): string {
  if (account !== null) return account;
  return notice
    ? t("a notice of this server", "このサーバーからの通知")
    : t("mail for our own domains", "自ドメイン宛て");
}

/** Those that are still to be delivered, else all. */
function recipientsOf({ recipients }: QueueItem, t: Translate): string {
  const left = recipients.filter(isUnfinished);
  const [first, ...more] = left.length === 0 ? recipients : left;
  const others = more.length === 0 ? "" : t(` and ${more.length} more`, ` ほか${more.length}件`);
  return `${first?.forwardPath ?? "–"}${others}`;
}

function lastReplyOf({ recipients }: QueueItem): string | null {
  return recipients.find((each) => isUnfinished(each) && each.lastReply !== null)?.lastReply ?? null;
}

function isUnfinished({ state }: QueueItemRecipient): boolean {
  return state === "waiting" || state === "attempting" || state === "held";
}
