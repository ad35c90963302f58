/**
 * The queue, and what can be done to it.
 *
 * @module
 */

import { Hono } from "hono";
import { canonicalName } from "../../../accounts/account_name.ts";
import { toAscii } from "../../../lib/domain.ts";
import { parseUserName } from "../../../sasl/user_name.ts";
import { auditedQueue } from "../../operations/queue.ts";
import type { SidecarParts } from "../../parts.ts";
import type { QueueChange, QueueChanges, QueueOperations, QueueVerb } from "../../queue_operations.ts";
import type { QueueItem } from "../../queue_item.ts";
import type { Translate } from "../language.ts";
import { ActionButton, Card, Field, type Markup, Notice, page } from "../layout.tsx";
import { actorOf, type PageContext, type PageEnv } from "../page_env.ts";
import { address, confirmation, nothingHere, PAGE_ROWS, Pager } from "./parts.tsx";
import { Envelope, HistoryTable, mailAddress, QueueTable, RecipientTable } from "./queue_view.tsx";

/** What is needed. */
export type QueuePageParts = Pick<SidecarParts, "spool" | "log" | "onRetry" | "records" | "now" | "current">;

/** Before something is done to a mail. */
const NAMED_RECIPIENTS = 5;
const RETRIED_AT_ONCE = 10_000;

/** `/admin/queue` and below. */
export function queueRoutes(parts: QueuePageParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const queueOf = (context: PageContext) => auditedQueue(parts, actorOf(context));
  routes.get("/admin/queue", (context) => listPage(context, { parts, queue: queueOf(context) }));
  routes.post("/admin/queue/retry", async (context) => {
    const count = await retryAll(queueOf(context));
    return context.redirect(address("/admin/queue", { done: "retry", count }), 303);
  });
  routes.get("/admin/queue/:id", async (context) => {
    const item = await queueOf(context).show(context.req.param("id"));
    return item === null ? gone(context) : mailPage(context, item);
  });
  routes.get("/admin/queue/:id/delete", async (context) => {
    const item = await queueOf(context).show(context.req.param("id"));
    return item === null ? gone(context) : askDelete(context, item);
  });
  for (const verb of ["retry", "hold", "release", "delete"] as const) {
    routes.post(`/admin/queue/:id/${verb}`, async (context) => {
      const id = context.req.param("id");
      const change = await queueOf(context).change(verb, id);
      return await changed(context, { change, verb, id, queue: queueOf(context) });
    });
  }
  return routes;
}

async function retryAll(queue: QueueOperations): Promise<number> {
  let count = 0;
  let after: string | null = null;
  do {
    const { mails, next }: QueueChanges = await queue.changeMany("retry", {}, { after, count: RETRIED_AT_ONCE });
    count += mails.length;
    after = next;
  } while (after !== null);
  return count;
}

async function listPage(
  context: PageContext,
  { parts, queue }: { readonly parts: QueuePageParts; readonly queue: QueueOperations },
): Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  const query = (name: string) => (context.req.query(name) ?? "").trim();
  const [account, domain, after] = [query("account"), query("domain"), query("after")];
  const user = account === "" ? null : parseUserName(account, parts.current().config);
  const ascii = domain === "" ? null : toAscii(domain);
  const mistakes = {
    account: account !== "" && user === null
      ? t("Expected a name such as taro@example.jp", "taro@example.jp のように入力してください")
      : undefined,
    domain: domain !== "" && ascii === null
      ? t("Expected a domain such as example.net", "example.net のように入力してください")
      : undefined,
  };
  const bad = mistakes.account !== undefined || mistakes.domain !== undefined;
  const filter = { ...user !== null && { account: canonicalName(user).name }, ...ascii !== null && { domain: ascii } };
  const { items, next } = bad
    ? { items: [], next: null }
    : await queue.list(filter, { after: /^[\w-]{1,64}$/.test(after) ? after : null, count: PAGE_ROWS });
  const link = (behind: string | null) => address("/admin/queue", { account, domain, after: behind });
  return await page(context, {
    title: t("Queue", "キュー"),
    status: bad ? 422 : 200,
    main: (
      <>
        <DoneNotice context={context} />
        <form method="get" action="/admin/queue" class="row">
          <Field
            name="account"
            type="search"
            label={t("Account", "アカウント")}
            value={account}
            mistake={mistakes.account}
            required={false}
          />
          <Field
            name="domain"
            type="search"
            label={t("Domain of a recipient", "宛先のドメイン")}
            value={domain}
            mistake={mistakes.domain}
            required={false}
          />
          <button type="submit">{t("Show", "表示")}</button>
        </form>
        <QueueTable
          items={items}
          empty={bad
            ? t("Mend what is marked above.", "上の印の付いた項目を直してください。")
            : t("There is no such mail in the queue.", "該当するメールはキューにありません。")}
          t={t}
          language={language}
        />
        <Pager t={t} first={after === "" ? null : link(null)} next={next === null ? null : link(next)} />
        <ActionButton
          action="/admin/queue/retry"
          text={t("Try everything that waits now", "待機中のメールをすべて今すぐ送信")}
        />
      </>
    ),
  });
}

function mailPage(context: PageContext, item: QueueItem): Response | Promise<Response> {
  const [t, language] = [context.get("t"), context.get("language")];
  return page(context, {
    title: t(`Mail ${item.id}`, `メール ${item.id}`),
    main: (
      <>
        <DoneNotice context={context} />
        <Card title={t("Envelope", "エンベロープ")}>
          <Envelope item={item} t={t} language={language} />
          <Acts item={item} t={t} />
        </Card>
        <h2>{t("Recipients", "宛先")}</h2>
        <RecipientTable item={item} t={t} language={language} />
        <h2>{t("What was tried", "これまでの送信")}</h2>
        <HistoryTable item={item} t={t} language={language} />
        <p>
          <a href="/admin/queue">{t("Back to the queue", "キューに戻る")}</a>
        </p>
      </>
    ),
  });
}

function Acts({ item: { id, recipients }, t }: { readonly item: QueueItem; readonly t: Translate }): Markup {
  const has = (...states: readonly QueueItem["recipients"][number]["state"][]) =>
    recipients.some(({ state }) => states.includes(state));
  return (
    <>
      {has("waiting") && (
        <ActionButton
          action={mailAddress(id, "retry")}
          text={t("Try now", "今すぐ送信")}
          about={id}
        />
      )}
      {has("waiting", "attempting") && (
        <ActionButton action={mailAddress(id, "hold")} text={t("Hold", "保留にする")} about={id} />
      )}
      {has("held") && <ActionButton action={mailAddress(id, "release")} text={t("Release", "保留を解除")} about={id} />}
      <a class="button small" href={mailAddress(id, "delete")}>{t("Delete …", "削除…")}</a>
    </>
  );
}

function askDelete(context: PageContext, { id, reversePath, recipients }: QueueItem): Response | Promise<Response> {
  const t = context.get("t");
  const from = reversePath ?? "<>";
  const to = recipients.map(({ forwardPath }) => forwardPath).slice(0, NAMED_RECIPIENTS).join(", ");
  const more = recipients.length > NAMED_RECIPIENTS ? t(", and more", " ほか") : "";
  return confirmation(context, {
    title: t(`Delete the mail ${id}?`, `メール ${id} を削除しますか`),
    text: (
      <p>
        {t(
          `It is from ${from} to ${to}${more}. It will not be delivered, and nobody is told. This cannot be taken back.`,
          `差出人は ${from}、宛先は ${to}${more} です。削除すると配達されず、差出人にも通知されません。元に戻すことはできません。`,
        )}
      </p>
    ),
    action: mailAddress(id, "delete"),
    button: t("Delete the mail", "メールを削除する"),
    back: mailAddress(id),
  });
}

async function changed(
  context: PageContext,
  { change, verb, id, queue }: {
    readonly change: QueueChange;
    readonly verb: QueueVerb;
    readonly id: string;
    readonly queue: QueueOperations;
  },
): Promise<Response> {
  if (change === "unknown") return await gone(context);
  if (verb === "delete") return context.redirect(address("/admin/queue", { done: "delete" }), 303);
  if (change === "unchanged") return context.redirect(address(mailAddress(id), { done: "unchanged" }), 303);
  // It may be delivered already.
  const there = await queue.show(id) !== null;
  return context.redirect(address(there ? mailAddress(id) : "/admin/queue", { done: verb }), 303);
}

function gone(context: PageContext): Response | Promise<Response> {
  const t = context.get("t");
  return nothingHere(context, {
    text: t(
      "There is no such mail in the queue: it was delivered, given up or deleted.",
      "このメールはキューにありません。配達されたか、断念されたか、削除されました。",
    ),
    back: "/admin/queue",
  });
}

function DoneNotice({ context }: { readonly context: PageContext }): Markup {
  const t = context.get("t");
  const count = /^\d{1,9}$/.exec(context.req.query("count") ?? "")?.[0];
  const texts: Readonly<Record<string, string>> = {
    retry: count === undefined
      ? t("It is tried now.", "送信を始めました。")
      : t(`${count} mails are tried now.`, `${count}通の送信を始めました。`),
    hold: t("It is held until it is released.", "保留にしました。解除するまで送信されません。"),
    release: t("It waits for its next try again.", "保留を解除しました。"),
    delete: t("The mail is deleted.", "メールを削除しました。"),
    unchanged: t(
      "Nothing was done: no recipient is in a state for that.",
      "対象となる状態の宛先がないため、何も変更しませんでした。",
    ),
  };
  const done = context.req.query("done") ?? "";
  const text = Object.hasOwn(texts, done) ? texts[done] : undefined;
  return <>{text !== undefined && <Notice kind={done === "unchanged" ? "warn" : "good"}>{text}</Notice>}</>;
}
