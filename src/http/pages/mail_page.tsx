/**
 * The own outgoing mail, as long as it waits.
 *
 * @module
 */

import { Hono } from "hono";
import { auditedQueue, cancelMail } from "../operations/queue.ts";
import type { SidecarParts } from "../parts.ts";
import type { QueueItem, QueueItemRecipient, QueuePage } from "../queue_item.ts";
import { meaningOf } from "./delivery_reason.ts";
import { DoneNotice, type DoneTexts } from "./done_notice.tsx";
import type { Language, Translate } from "./language.ts";
import { ActionButton, Card, type Markup, Notice, page, Table, When } from "./layout.tsx";
import { ownWaiting } from "./own.ts";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { requireSession } from "./sign_in_page.tsx";

const PAGE_MAILS = 25;
const AFTER_REGEXP = /^[\w-]{1,64}$/;
const NAMED_RECIPIENTS = 3;

const DONE: DoneTexts = new Map([
  ["cancelled", {
    kind: "good",
    en: "The mail is cancelled. It is not sent to those who did not have it yet, and no notice about it comes.",
    ja: "メールを取り消しました。まだ届いていない宛先には送られません。取り消しの通知メールも届きません。",
  }],
  ["busy", {
    kind: "warn",
    en: "The mail is being handed over at this moment, so it cannot be cancelled. Look again in a minute.",
    ja: "ちょうど送信中のため、取り消せませんでした。1分ほどしてから、もう一度ご確認ください。",
  }],
  ["gone", {
    kind: "info",
    en: "This mail does not wait any more: it was delivered, returned or cancelled before.",
    ja: "このメールはもう待っていません。すでに配送されたか、返送されたか、取り消されています。",
  }],
]);

const CANCELLED = { removed: "cancelled", attempting: "busy", unknown: "gone" } as const;

/** The routes. */
export function mailRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.use("/mail", requireSession());
  routes.get("/mail", async (context) => {
    const { account } = signedIn(context);
    const asked = context.req.query("after") ?? "";
    const after = AFTER_REGEXP.test(asked) ? asked : null;
    const mails = await auditedQueue(parts, actorOf(context)).list({ account }, { after, count: PAGE_MAILS });
    const onHold = parts.limits.holdOf(account) !== null;
    return await mailPage(context, {
      mails,
      onHold,
      waiting: await ownWaiting(parts.spool, account),
      isFirst: after === null,
    });
  });
  routes.post("/mail/:id/cancel", requireSession(), async (context) => {
    const done = await cancel(context, parts);
    return context.redirect(`/mail?done=${done}`, 303);
  });
  return routes;
}

/** Somebody else's mail is as good as none. */
async function cancel(context: PageContext, parts: SidecarParts): Promise<"cancelled" | "busy" | "gone"> {
  const { account } = signedIn(context);
  const id = context.req.param("id") ?? "";
  return CANCELLED[await cancelMail(parts, actorOf(context), { id, account })];
}

function mailPage(
  context: PageContext,
  { mails: { items, next }, onHold, waiting, isFirst }: {
    readonly mails: QueuePage;
    readonly onHold: boolean;
    readonly waiting: string;
    readonly isFirst: boolean;
  },
): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  return page(context, {
    title: t("Outgoing mail", "送信中のメール"),
    live: true,
    main: (
      <>
        <DoneNotice context={context} texts={DONE} />
        {onHold && (
          <Notice kind="warn">
            {t(
              "Your account is on hold: the administrators have stopped your outgoing mail. What you send is kept and goes out when they release it. Please ask them.",
              "送信が保留されています。管理者が送信を一時的に止めています。送ったメールは保管され、保留が解除されると送信されます。管理者にお問い合わせください。",
            )}
          </Notice>
        )}
        <p>
          {t("Mails of yours that wait to be delivered: ", "配送を待っているメール: ")}
          <strong data-live="own waiting">{waiting}</strong>
        </p>
        {items.length === 0 && (
          <Notice kind={isFirst ? "good" : "info"}>
            {isFirst
              ? t(
                "None of your mails waits: what you have sent was handed over, or came back to you as undeliverable.",
                "待っているメールはありません。送信したメールは、相手のサーバーに渡されたか、配送不能として返送されています。",
              )
              : t("There are no more.", "これより後のメールはありません。")}
          </Notice>
        )}
        {items.map((mail) => <MailCard mail={mail} t={t} language={language} />)}
        <p>
          {!isFirst && <a href="/mail">{t("From the beginning", "最初から")}</a>}{" "}
          {next !== null && <a href={`/mail?after=${encodeURIComponent(next)}`}>{t("More", "続きを見る")}</a>}
        </p>
        <p class="soft">
          {t(
            "The server tries again by itself, and tells you by mail when it has to give up. You need not send a mail again that is listed here.",
            "サーバーは自動的に再送を続け、あきらめるときはメールでお知らせします。ここにあるメールを送り直す必要はありません。",
          )}
        </p>
      </>
    ),
  });
}

function MailCard(
  { mail, t, language }: { readonly mail: QueueItem; readonly t: Translate; readonly language: Language },
): Markup {
  const to = recipientsText(mail, t);
  return (
    <Card title={t(`To ${to}`, `宛先: ${to}`)}>
      <dl>
        <dt>{t("Waiting since", "待ち始めた日時")}</dt>
        <dd>
          <When at={mail.received} language={language} />
        </dd>
        <dt>{t("From", "差出人")}</dt>
        <dd>{mail.reversePath ?? t("this server", "このサーバー")}</dd>
        <dt>{t("Size", "大きさ")}</dt>
        <dd>{sizeText(mail.sizeOctets)}</dd>
        <dt>{t("Number for questions", "問い合わせ番号")}</dt>
        <dd>
          <code>{mail.id}</code>
        </dd>
      </dl>
      <Table
        caption={t("Recipients", "宛先ごとの状況")}
        rows={mail.recipients}
        empty={t("No recipient is left.", "残りの宛先はありません。")}
        columns={[
          { head: t("Recipient", "宛先"), cell: ({ forwardPath }) => <span class="recipient">{forwardPath}</span> },
          { head: t("State", "状態"), cell: (each) => <State recipient={each} t={t} /> },
          { head: t("Reason", "理由"), cell: (each) => <Reason recipient={each} t={t} /> },
          {
            head: t("Next try", "次の送信"),
            cell: ({ nextTry }) => nextTry === null ? "–" : <When at={nextTry} language={language} />,
          },
        ]}
      />
      {mail.state === "waiting" || mail.state === "held"
        ? (
          <ActionButton
            action={`/mail/${encodeURIComponent(mail.id)}/cancel`}
            text={t("Cancel this mail", "このメールを取り消す")}
            about={to}
            danger
          />
        )
        : (
          <p class="soft">
            {t("It is being handed over, so it cannot be cancelled.", "送信中のため、取り消せません。")}
          </p>
        )}
    </Card>
  );
}

function recipientsText({ recipients }: QueueItem, t: Translate): string {
  const named = recipients.slice(0, NAMED_RECIPIENTS).map(({ forwardPath }) => forwardPath).join(", ");
  const rest = recipients.length - NAMED_RECIPIENTS;
  return rest > 0 ? t(`${named} and ${rest} more`, `${named} ほか${rest}件`) : named;
}

function State({ recipient, t }: { readonly recipient: QueueItemRecipient; readonly t: Translate }): Markup {
  switch (recipient.state) {
    case "waiting":
      return <span class="state warn">{t("waits", "待機中")}</span>;
    case "attempting":
      return <span class="state">{t("is being handed over", "送信中")}</span>;
    case "held":
      return <span class="state warn">{t("held", "保留中")}</span>;
    case "delivered":
    case "relayed":
      return <span class="state good">{t("handed over", "送信済み")}</span>;
    case "failed":
      return <span class="state bad">{t("given up", "配送不能")}</span>;
  }
}

function Reason({ recipient, t }: { readonly recipient: QueueItemRecipient; readonly t: Translate }): Markup {
  const { state, lastReply, attempts } = recipient;
  if (state === "delivered" || state === "relayed") return <>–</>;
  return (
    <>
      {state === "held" && (
        <p>{t("An administrator has stopped it for the time being.", "管理者が一時的に止めています。")}</p>
      )}
      {lastReply === null && state !== "held" && t("Its first try is still to come.", "最初の送信を待っています。")}
      {lastReply !== null && (
        <>
          <p>{t(...meaningOf(lastReply))}</p>
          <p class="soft">
            {t(`The last answer (tries so far: ${attempts}): `, `最後の応答(これまでの送信: ${attempts}回): `)}
            <q lang="">{lastReply}</q>
          </p>
        </>
      )}
    </>
  );
}

function sizeText(octets: number): string {
  if (octets < 1024) return `${octets} B`;
  return octets < 1024 * 1024 ? `${Math.round(octets / 1024)} KB` : `${(octets / 1024 / 1024).toFixed(1)} MB`;
}
