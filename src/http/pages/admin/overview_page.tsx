/**
 * The overview of administrators.
 *
 * @module
 */

import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { VERSION } from "../../../version.ts";
import type { HealthCheck } from "../../health.ts";
import type { LoginCount } from "../../login_counts.ts";
import { plainReason, resultText } from "../../login_words.ts";
import type { Translate } from "../language.ts";
import { Card, type Markup, Notice, page, Table } from "../layout.tsx";
import type { PageContext, PageEnv } from "../page_env.ts";
import { type Overview, overviewNumbers, statusKind, statusText } from "./overview.ts";
import { address, sizeText, State } from "./parts.tsx";

const REASONS_SHOWN = 10;

/** `/admin`. */
export function overviewRoutes(overview: () => Promise<Overview>): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin", async (context) => overviewPage(context, await overview()));
  return routes;
}

function overviewPage(context: PageContext, overview: Overview): Response | Promise<Response> {
  const t = context.get("t");
  const numbers = overviewNumbers(overview, t);
  const { health, logins, uncounted, queue, certificateEnds } = overview;
  return page(context, {
    title: t("Overview", "概況"),
    live: true,
    main: (
      <>
        <HealthNotice health={health} t={t} />
        <div class="grid">
          <NumberCard title={t("Sessions now", "接続中のセッション")} name="sessions" numbers={numbers}>
            {t("SMTP clients that are connected", "接続中の SMTP クライアント")}
          </NumberCard>
          <NumberCard
            title={t("Logins in the last hour", "直近1時間のログイン")}
            name="hour accepted"
            numbers={numbers}
          >
            {t("refused: ", "拒否: ")}
            <Live name="hour refused" numbers={numbers} />
          </NumberCard>
          <NumberCard title={t("Logins in the last day", "直近24時間のログイン")} name="day accepted" numbers={numbers}>
            {t("refused: ", "拒否: ")}
            <Live name="day refused" numbers={numbers} />
          </NumberCard>
          <NumberCard title={t("Mails in the queue", "キュー内のメール")} name="queue mails" numbers={numbers}>
            {t("oldest: ", "最も古いもの: ")}
            <Live name="queue oldest" numbers={numbers} />
          </NumberCard>
          {certificateEnds !== null && (
            <NumberCard title={t("Days of the certificate", "証明書の残り日数")} name="certificate" numbers={numbers}>
              {t("then clients refuse to connect", "切れるとクライアントが接続できなくなります")}
            </NumberCard>
          )}
        </div>
        <Card title={t("Queue", "キュー")}>
          <dl>
            <dt>{t("Recipients that wait", "待機中の宛先")}</dt>
            <dd>
              <Live name="queue waiting" numbers={numbers} />
            </dd>
            <dt>{t("Recipients that are being tried", "送信中の宛先")}</dt>
            <dd>
              <Live name="queue attempting" numbers={numbers} />
            </dd>
            <dt>{t("Recipients that are held", "保留中の宛先")}</dt>
            <dd>
              <Live name="queue held" numbers={numbers} />
            </dd>
            <dt>{t("Size of the mails", "メールの合計サイズ")}</dt>
            <dd>{queue === null ? t("cannot be read now", "現在確認できません") : sizeText(queue.octets)}</dd>
            <dt>{t("Room for more", "空き容量")}</dt>
            <dd>{queue === null ? t("cannot be read now", "現在確認できません") : sizeText(queue.freeOctets)}</dd>
          </dl>
          <p>
            <a href="/admin/queue">{t("Look at the queue", "キューを見る")}</a>
          </p>
        </Card>
        <Card title={t("How logins of the last day ended", "直近24時間のログイン結果")}>
          <ReasonTable counts={logins.day} t={t} />
          {uncounted > 0 && (
            <p class="hint">
              {t(
                `Since the start ${uncounted} more failures of unknown names came so thick that they were not written down.`,
                `このほか起動以降に、存在しない名前での失敗が短時間に集中したため記録されなかったものが${uncounted}件あります。`,
              )}
            </p>
          )}
          {logins.cut && (
            <p class="hint">
              {t(
                "There were so many that only the newest are counted.",
                "件数が多いため、新しいものだけを数えています。",
              )}
            </p>
          )}
        </Card>
        <Card title={t("Parts of the server", "サーバーの各部")}>
          <CheckTable checks={health.checks} t={t} />
        </Card>
        <ServerCard overview={overview} numbers={numbers} t={t} />
      </>
    ),
  });
}

type Numbers = ReturnType<typeof overviewNumbers>;

function NumberCard(
  { title, name, numbers, children }: {
    readonly title: string;
    readonly name: string;
    readonly numbers: Numbers;
    readonly children?: Child;
  },
): Markup {
  return (
    <section class="card">
      <h2>{title}</h2>
      <p class="number" data-live={name}>{numbers[name]}</p>
      <p class="soft">{children}</p>
    </section>
  );
}

function Live({ name, numbers }: { readonly name: string; readonly numbers: Numbers }): Markup {
  return <span data-live={name}>{numbers[name]}</span>;
}

function HealthNotice(
  { health: { status, checks }, t }: { readonly health: Overview["health"]; readonly t: Translate },
): Markup {
  const worst = checks.filter((check) => check.status === status).map(({ name }) => name).join(", ");
  if (status === "ok") return <Notice kind="good">{t("Everything works.", "すべて正常です。")}</Notice>;
  if (status === "warn") {
    return (
      <Notice kind="warn">
        {t(`It works, but look at: ${worst}.`, `動作していますが、確認が必要です: ${worst}`)}
      </Notice>
    );
  }
  return (
    <Notice kind="bad">
      {t(`The server cannot do its job. Down: ${worst}.`, `サーバーが正常に動作していません。停止: ${worst}`)}
    </Notice>
  );
}

function ReasonTable({ counts, t }: { readonly counts: readonly LoginCount[]; readonly t: Translate }): Markup {
  return (
    <Table
      caption={t("How logins of the last day ended", "直近24時間のログイン結果")}
      rows={counts.slice(0, REASONS_SHOWN)}
      empty={t("Nobody has tried to log in.", "ログインはありませんでした。")}
      columns={[
        {
          head: t("Result", "結果"),
          cell: ({ result }) => (
            <State kind={result === "accepted" ? "good" : result === "unavailable" ? "warn" : "bad"}>
              {resultText(result, t)}
            </State>
          ),
        },
        {
          head: t("Reason", "理由"),
          cell: ({ result, reason }) =>
            reason === "" && result === "unavailable"
              ? t("a backend did not answer", "バックエンドが応答しない")
              : plainReason(reason, t),
        },
        {
          head: t("Logins", "件数"),
          numeric: true,
          cell: ({ result, count }) => <a href={address("/admin/logins", { result })}>{count}</a>,
        },
      ]}
    />
  );
}

function CheckTable({ checks, t }: { readonly checks: readonly HealthCheck[]; readonly t: Translate }): Markup {
  return (
    <Table
      caption={t("Parts of the server", "サーバーの各部")}
      rows={checks}
      empty={t("Nothing was looked at.", "確認した項目はありません。")}
      columns={[
        { head: t("Part", "項目"), cell: ({ name }) => name },
        {
          head: t("State", "状態"),
          cell: ({ name, status }) => (
            <State kind={statusKind(status)} live={`check ${name}`}>{statusText(status, t)}</State>
          ),
        },
        { head: t("What to know", "詳細"), cell: ({ reason }) => reason ?? "–" },
      ]}
    />
  );
}

function ServerCard(
  { overview: { status }, numbers, t }: {
    readonly overview: Overview;
    readonly numbers: Numbers;
    readonly t: Translate;
  },
): Markup {
  return (
    <Card title={t("Server", "サーバー")}>
      <dl>
        <dt>{t("Version", "バージョン")}</dt>
        <dd>dokodemo {VERSION}</dd>
        <dt>{t("Running for", "稼働時間")}</dt>
        <dd>
          <Live name="uptime" numbers={numbers} />
        </dd>
        {status.listeners.map(({ name, address, up }) => (
          <>
            <dt>{t(`Listener ${name}`, `リスナー ${name}`)}</dt>
            <dd>
              {address}
              {!up && t(" (closed)", "(停止)")}
            </dd>
          </>
        ))}
      </dl>
      <p>
        <a href="/admin/administrators">{t("Who administers this server", "管理者の一覧")}</a>
      </p>
    </Card>
  );
}
