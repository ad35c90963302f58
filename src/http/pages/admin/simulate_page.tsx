/**
 * What would happen: a session that is not held, and the access rules asked. Nothing is changed, and no JavaScript is needed.
 *
 * @module
 */

import { Hono } from "hono";
import { fail, type Result, succeed } from "../../../lib/result.ts";
import { accessSubject, judgeAccess } from "../../../policy/access_report.ts";
import type { SidecarParts } from "../../parts.ts";
import { accessReport, type SimulationRequest, simulationRequestSchema } from "../../simulation.ts";
import { readForm } from "../form.ts";
import type { Translate } from "../language.ts";
import { Card, Choice, Field, type Markup, Notice, page } from "../layout.tsx";
import type { PageContext, PageEnv } from "../page_env.ts";
import { AccessTable, SimulationView } from "./simulate_view.tsx";

/** What is needed. */
export type SimulateParts = Pick<SidecarParts, "current" | "simulate">;

/** Backends that are asked whether a name is known. */
const WAIT_MS = 60_000;

const FIELDS = ["ip", "listener", "tls", "user", "mechanism", "from", "headerFrom", "to"] as const;
const ACCESS_FIELDS = ["about", "sender", "recipient", "login"] as const;

type Typed = Readonly<Partial<Record<typeof FIELDS[number] | typeof ACCESS_FIELDS[number], string>>>;

/** A page, filled in. */
interface Shown {
  readonly typed?: Typed;
  /** Which fields are not of their form. */
  readonly wrong?: ReadonlySet<string>;
  /** A sentence of the rules. */
  readonly problem?: string;
  readonly result?: Markup;
}

/** `/admin/simulate` and `/admin/access`. */
export function simulateRoutes(parts: SimulateParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.get("/admin/simulate", (context) => simulatePage(context, parts, {}));
  routes.get("/admin/access", (context) => simulatePage(context, parts, {}));
  routes.post("/admin/simulate", async (context) => {
    const form = await readForm(context);
    const typed: Typed = Object.fromEntries(FIELDS.map((name) => [name, form?.(name).trim() ?? ""]));
    const request = requestOf(typed);
    if (!request.ok) return await simulatePage(context, parts, { typed, wrong: request.problem });
    const simulated = await parts.simulate(request.value, { signal: AbortSignal.timeout(WAIT_MS) });
    if (!simulated.ok) return await simulatePage(context, parts, { typed, problem: simulated.problem });
    const result = <SimulationView simulation={simulated.value} t={context.get("t")} />;
    return await simulatePage(context, parts, { typed, result });
  });
  routes.post("/admin/access", async (context) => {
    const form = await readForm(context);
    const typed: Typed = Object.fromEntries(ACCESS_FIELDS.map((name) => [name, form?.(name).trim() ?? ""]));
    const { about = "", sender = "", recipient = "", login } = typed;
    const subject = accessSubject({
      ...{ about, login: login === "yes" },
      ...sender !== "" && { from: sender === "<>" ? "" : sender },
      ...recipient !== "" && { to: recipient },
    });
    if (typeof subject === "string") return await simulatePage(context, parts, { typed, problem: subject });
    const { access, config } = parts.current();
    const { steps } = accessReport(judgeAccess(await access(), subject, config));
    const t = context.get("t");
    const result = (
      <Card title={t("What the access rules say", "アクセス規則の判定")}>
        <AccessTable steps={steps} t={t} />
      </Card>
    );
    return await simulatePage(context, parts, { typed, result });
  });
  return routes;
}

/** What is asked, or the names of the fields that are not of their form. */
function requestOf(typed: Typed): Result<SimulationRequest, ReadonlySet<string>> {
  const { ip, listener, tls, user, mechanism, from, headerFrom, to = "" } = typed;
  const parsed = simulationRequestSchema.safeParse({
    ...{
      ip,
      tls: tls === "yes",
      from: from === "<>" ? "" : from,
      to: to.split(/[\s,]+/).filter((each) => each !== ""),
    },
    ...listener !== "" && { listener },
    ...user !== "" && { user },
    ...mechanism !== "" && { mechanism },
    ...headerFrom !== "" && { headerFrom },
  });
  return parsed.success
    ? succeed(parsed.data)
    : fail(new Set(parsed.error.issues.map(({ path: [name] }) => String(name))));
}

function simulatePage(
  context: PageContext,
  parts: SimulateParts,
  { typed = {}, wrong = new Set(), problem, result }: Shown,
): Response | Promise<Response> {
  const t = context.get("t");
  const isBad = wrong.size > 0 || problem !== undefined;
  return page(context, {
    title: t("Simulation", "送信のシミュレーション"),
    status: isBad ? 422 : 200,
    main: (
      <>
        {wrong.size > 0 && (
          <Notice kind="bad">{t("Some fields are not of their form.", "入力に誤りがあります。")}</Notice>
        )}
        {problem !== undefined && <Notice kind="bad">{problem}</Notice>}
        {result}
        <SimulateForm t={t} parts={parts} typed={typed} wrong={wrong} />
        <AccessForm t={t} typed={typed} />
      </>
    ),
  });
}

function SimulateForm(
  { t, parts, typed, wrong }: {
    readonly t: Translate;
    readonly parts: SimulateParts;
    readonly typed: Typed;
    readonly wrong: ReadonlySet<string>;
  },
): Markup {
  const { listeners, sasl } = parts.current().config;
  const mistake = (name: typeof FIELDS[number], text: string) => wrong.has(name) ? text : undefined;
  const address = t(
    "Expected an address such as shin@foobar.co.jp",
    "shin@foobar.co.jp のようなアドレスを入力してください",
  );
  return (
    <Card title={t("What would become of a mail", "このメールはどうなるか")}>
      <p>
        {t(
          "A client is played by the rules in force. Nothing is sent, logged or counted, and no password is needed: it is taken to be right.",
          "現在の設定でクライアントの動きを試します。送信・記録・カウントは一切行いません。パスワードは不要で、正しいものとして扱います。",
        )}
      </p>
      <form method="post" action="/admin/simulate">
        <Field
          name="ip"
          label={t("Address of the client", "クライアントの IP アドレス")}
          value={typed.ip}
          mistake={mistake("ip", t("Expected an IP address", "IP アドレスを入力してください"))}
        />
        <Choice
          name="listener"
          label={t("Listener", "接続先")}
          value={typed.listener}
          options={[
            ["", t("The usual one", "通常の接続先")],
            ...listeners.map(({ name, role, tls }) => [name, `${name} (${role}, ${tls})`] as const),
          ]}
        />
        <Choice
          name="tls"
          label="TLS"
          value={typed.tls ?? "yes"}
          options={[["yes", t("The client uses TLS", "使う")], ["no", t("It does not", "使わない")]]}
        />
        <Field
          name="user"
          label={t("User name", "ユーザー名")}
          hint={t("Empty: nobody logs in", "空欄の場合はログインしません")}
          value={typed.user}
          required={false}
          mistake={mistake("user", t("Expected a user name", "ユーザー名を入力してください"))}
        />
        <Choice
          name="mechanism"
          label={t("Mechanism", "認証方式")}
          value={typed.mechanism}
          options={[
            ["", t("The first that is offered", "最初に提示されるもの")],
            ...sasl.mechList.map((name) => [name, name] as const),
          ]}
        />
        <Field
          name="from"
          label={t("Reverse-path (MAIL FROM)", "送信元アドレス (MAIL FROM)")}
          hint={t("<> is the null reverse-path", "<> は空の送信元です")}
          value={typed.from}
          mistake={mistake("from", address)}
        />
        <Field
          name="headerFrom"
          label={t("From field", "From 欄")}
          hint={t("Empty: the reverse-path", "空欄の場合は送信元アドレスと同じ")}
          value={typed.headerFrom}
          required={false}
          mistake={mistake("headerFrom", t("Expected a text on one line", "1 行で入力してください"))}
        />
        <Field
          name="to"
          label={t("Recipients", "宛先")}
          hint={t("Several with spaces between", "複数の場合は空白で区切ります")}
          value={typed.to}
          mistake={mistake("to", address)}
        />
        <button type="submit">{t("Simulate", "シミュレーションする")}</button>
      </form>
    </Card>
  );
}

function AccessForm({ t, typed }: { readonly t: Translate; readonly typed: Typed }): Markup {
  return (
    <Card title={t("Ask the access rules", "アクセス規則を調べる")}>
      <p>
        {t(
          "Which line of the access map or which setting decides. Whether a local recipient exists is not looked at.",
          "アクセスマップのどの行、またはどの設定で決まるかを表示します。宛先の存在は確認しません。",
        )}
      </p>
      <form method="post" action="/admin/access">
        <Field
          name="about"
          label={t("IP address of a client, or a mail address", "クライアントの IP アドレス、またはメールアドレス")}
          value={typed.about}
        />
        <Field
          name="sender"
          label={t("Sender", "送信者")}
          hint={t("With it a mail address above is the recipient", "入力すると、上のメールアドレスは宛先になります")}
          value={typed.sender}
          required={false}
        />
        <Field name="recipient" label={t("Recipient", "宛先")} value={typed.recipient} required={false} />
        <Choice
          name="login"
          label={t("Login", "ログイン")}
          value={typed.login}
          options={[
            ["no", t("The client has not logged in", "していない")],
            ["yes", t("It has", "している")],
          ]}
        />
        <button type="submit">{t("Ask", "調べる")}</button>
      </form>
    </Card>
  );
}
