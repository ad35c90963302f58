/**
 * A simulation as a page shows it.
 *
 * @module
 */

import type { AccessStep } from "../../../policy/access_report.ts";
import type { Simulation, SimulationStep } from "../../simulation.ts";
import type { Translate } from "../language.ts";
import { Card, type Markup, Notice, Table } from "../layout.tsx";

interface Shown {
  readonly simulation: Simulation;
  readonly t: Translate;
}

/** All that it tells. */
export function SimulationView({ simulation, t }: Shown): Markup {
  const { outcome, listener, steps, notes, access, login, content, limits, hold } = simulation;
  return (
    <>
      <Card title={t("What would happen", "結果")}>
        <Notice kind={outcome === "accepted" ? "good" : outcome === "refused" ? "bad" : "warn"}>
          {outcomeText(outcome, t)}
        </Notice>
        <p>
          {t("Listener", "接続先")}: <code>{listener.name}</code> ({listener.role}, TLS {listener.tls})
        </p>
        <Table
          caption={t("The session", "セッション")}
          rows={steps}
          empty=""
          columns={[
            { head: t("The client", "クライアント"), cell: ({ client, step }) => clientText({ client, step }, t) },
            { head: t("is told", "応答"), cell: ({ reply }) => reply.split("\n").map((line) => <div>{line}</div>) },
            {
              head: t("by this rule", "理由"),
              cell: ({ rule, reply }) => rule === null || reply.endsWith(rule) ? "–" : rule,
            },
          ]}
        />
        {notes.map((note) => <p class="hint">{note}</p>)}
      </Card>
      {login !== null && <LoginCard login={login} t={t} />}
      <Card title={t("Access rules", "アクセス規則")}>
        <AccessTable steps={access} t={t} />
      </Card>
      {content !== null && <MailCard simulation={simulation} content={content} t={t} />}
      {(limits.length > 0 || hold !== null) && <LimitsCard simulation={simulation} t={t} />}
    </>
  );
}

/** What the access rules say, step by step. */
export function AccessTable({ steps, t }: { readonly steps: readonly AccessStep[]; readonly t: Translate }): Markup {
  return (
    <Table
      caption={t("Access rules", "アクセス規則")}
      rows={steps}
      empty=""
      columns={[
        { head: t("Step", "段階"), cell: ({ step }) => stepText(step, t) },
        { head: t("Of", "対象"), cell: ({ subject }) => subject === "" ? "<>" : subject },
        { head: t("Result", "判定"), cell: ({ result }) => resultText(result, t) },
        { head: t("Decided by", "決め手"), cell: ({ decides }) => decides ?? t("no rule", "該当する規則なし") },
        { head: t("The client is told", "応答"), cell: ({ reply }) => reply },
      ]}
    />
  );
}

function LoginCard(
  { login: { user, mechanism, verdict, reason, account, relays, chain }, t }: {
    readonly login: NonNullable<Simulation["login"]>;
    readonly t: Translate;
  },
): Markup {
  return (
    <Card title={t("The login", "ログイン")}>
      <p>
        {user}, {mechanism}: {verdict === "accepted" ? t("accepted", "成功") : t("not accepted", "失敗")} ({reason})
        {account !== null && ` → ${account}`}
        {account !== null && (relays ? t(", may relay", "(中継可)") : t(", may not relay", "(中継不可)"))}
      </p>
      <Table
        caption={t("Backends in the order in which they would be asked", "照会される順のバックエンド")}
        rows={chain}
        empty={t("No backend would be asked.", "照会されるバックエンドはありません。")}
        columns={[
          { head: t("Backend", "バックエンド"), cell: ({ backend }) => backend },
          { head: t("Says of the account", "アカウントについての回答"), cell: ({ answer }) => answer },
        ]}
      />
    </Card>
  );
}

function MailCard(
  { simulation: { recipients }, content: { disposition, reversePath, from, dkim }, t }: Shown & {
    readonly content: NonNullable<Simulation["content"]>;
  },
): Markup {
  const keys = dkim.map(({ domain, selector }) => `${selector}._domainkey.${domain}`).join(", ");
  return (
    <Card title={t("The mail", "メール")}>
      <p>{dispositionText(disposition, t)}</p>
      <p>{t("Reverse-path as it goes out", "送出時の送信元")}: {`<${reversePath ?? ""}>`}</p>
      <p>{t("From as it goes out", "送出時の From")}: {from ?? t("none", "なし")}</p>
      <p>{t("DKIM key", "DKIM の鍵")}: {keys === "" ? t("none", "なし") : keys}</p>
      <Table
        caption={t("Where it goes", "配送先")}
        rows={recipients.flatMap(({ ways }) => ways)}
        empty={t("It goes nowhere.", "配送されません。")}
        columns={[
          { head: t("Recipient", "宛先"), cell: ({ recipient }) => recipient },
          { head: t("Route", "経路"), cell: ({ route }) => route },
          {
            head: t("Next hop", "次の配送先"),
            cell: ({ host, port }) => host === "" ? "–" : port === 0 ? host : `${host}:${port}`,
          },
          { head: t("Account", "アカウント"), cell: ({ account }) => account ?? "–" },
          { head: "TLS", cell: ({ tls }) => tls ?? "–" },
          { head: t("Detail", "詳細"), cell: ({ detail }) => detail === "" ? "–" : detail },
        ]}
      />
    </Card>
  );
}

function LimitsCard({ simulation: { limits, hold }, t }: Shown): Markup {
  return (
    <Card title={t("Limits", "送信の上限")}>
      {hold !== null && <Notice kind="warn">{t(`The account is on hold: ${hold}`, `送信保留中です: ${hold}`)}</Notice>}
      <Table
        caption={t("Limits", "送信の上限")}
        rows={limits}
        empty={t("Nothing is limited.", "上限はありません。")}
        columns={[
          { head: t("Limit", "上限"), cell: ({ of, limit }) => <code>{`${of}.${limit}`}</code> },
          { head: t("Of", "対象"), cell: ({ subject }) => subject },
          { head: t("Used", "使用済み"), cell: ({ used, most }) => `${used} / ${most}`, numeric: true },
          { head: t("Left", "残り"), cell: ({ left }) => String(left), numeric: true },
        ]}
      />
    </Card>
  );
}

function outcomeText(outcome: Simulation["outcome"], t: Translate): string {
  switch (outcome) {
    case "accepted":
      return t("The mail would be taken for all recipients.", "すべての宛先について受け付けられます。");
    case "refused":
      return t("Something would be refused.", "拒否されるものがあります。");
    case "temporary":
      return t("Something would be refused for now.", "一時的に拒否されるものがあります。");
    case "discarded":
      return t("The mail would be accepted and thrown away.", "受け付けたあと破棄されます。");
  }
}

function clientText({ client, step }: Pick<SimulationStep, "client" | "step">, t: Translate): string {
  if (client !== null) return client;
  return step === "content" ? t("(content)", "(本文)") : t("(connects)", "(接続)");
}

function stepText(step: AccessStep["step"], t: Translate): string {
  switch (step) {
    case "client":
      return t("client", "クライアント");
    case "sender":
      return t("sender", "送信者");
    case "recipient":
      return t("recipient", "宛先");
  }
}

function resultText(result: AccessStep["result"], t: Translate): string {
  switch (result) {
    case "accepted":
      return t("accepted", "許可");
    case "refused":
      return t("refused", "拒否");
    case "discarded":
      return t("discarded", "破棄");
  }
}

function dispositionText(disposition: "deliver" | "hold" | "discard", t: Translate): string {
  switch (disposition) {
    case "deliver":
      return t("It would be delivered.", "配送されます。");
    case "hold":
      return t("It would be kept on hold.", "保留されます。");
    case "discard":
      return t("It would be thrown away.", "破棄されます。");
  }
}
