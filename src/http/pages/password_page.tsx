/**
 * The change of the own password.
 *
 * @module
 */

import { Hono } from "hono";
import { BoundedMap } from "../../auth/bounded_map.ts";
import { auditBy } from "../operations/act.ts";
import type { SidecarParts } from "../parts.ts";
import { createRateLimit } from "../rate_limit.ts";
import { readForm } from "./form.ts";
import type { Translate } from "./language.ts";
import { Card, Field, type Markup, Notice, page } from "./layout.tsx";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { LEAST_CHARACTERS, type Strength, strengthOf, type Weakness, weaknessOf } from "./password_rules.ts";
import { beginSession } from "./session_check.ts";
import { originOf, requireSession } from "./sign_in_page.tsx";

/** Of one host in a minute. */
const CHANGES = 10;
const WAIT_MS = 60_000;
const REMEMBERED = 1000;
/** What the store and every backend take. */
const MOST_CHARACTERS = 1024;

/** What is wrong with what was typed, by field. */
interface Mistakes {
  readonly old?: string;
  readonly new?: string;
  readonly again?: string;
}

interface View {
  readonly status?: 200 | 422 | 429 | 503;
  readonly mistakes?: Mistakes;
  readonly failure?: string;
  /** Of the password that was just set. */
  readonly changed?: Strength | null;
}

/** The routes. */
export function passwordRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const limit = createRateLimit(CHANGES);
  // Not in the address of the page: how strong a password is stands in no log.
  const strengths = new BoundedMap<string, Strength>(REMEMBERED);
  const isOurs = (context: PageContext) => parts.current().stores.has(signedIn(context).backend);

  routes.use("/password", requireSession());
  routes.get("/password", (context) => {
    if (!isOurs(context)) return foreignPage(context, parts);
    if (context.req.query("done") !== "changed") return passwordPage(context, {});
    const { id } = signedIn(context);
    const changed = strengths.get(id) ?? null;
    strengths.delete(id);
    return passwordPage(context, { changed });
  });
  routes.post("/password", async (context) => {
    if (!isOurs(context)) return foreignPage(context, parts);
    const t = context.get("t");
    const form = await readForm(context);
    const typed = { old: form?.("old") ?? "", new: form?.("new") ?? "", again: form?.("again") ?? "" };
    const mistakes = mistakesOf(typed, signedIn(context).account, t);
    if (mistakes !== null) return passwordPage(context, { status: 422, mistakes });
    if (!limit.take(context.get("caller").remote, parts.now())) {
      return passwordPage(context, { status: 429, failure: delayed(t) });
    }
    return await change(context, { parts, typed, strengths });
  });
  return routes;
}

async function change(
  context: PageContext,
  { parts, typed, strengths }: {
    readonly parts: SidecarParts;
    readonly typed: { readonly old: string; readonly new: string };
    readonly strengths: BoundedMap<string, Strength>;
  },
): Promise<Response> {
  const t = context.get("t");
  const { account, backend, administrator } = signedIn(context);
  const outcome = await parts.changePassword(
    { user: account, oldPassword: typed.old, newPassword: typed.new },
    // Not the request's signal: a browser that hangs up early gets its guess counted all the same.
    { signal: AbortSignal.timeout(WAIT_MS), origin: originOf(context) },
  );
  switch (outcome.kind) {
    case "changed": {
      auditBy(parts, actorOf(context))("account.password", account, "by its owner");
      // All sessions have ended with the old password, this one too.
      const session = await beginSession(context, { account: { name: account, backend }, parts });
      if (administrator) parts.records.sessions.promote(session.id);
      strengths.set(session.id, strengthOf(typed.new));
      return context.redirect("/password?done=changed", 303);
    }
    case "rejected":
      return await passwordPage(context, {
        status: 422,
        mistakes: { old: t("This is not your present password.", "現在のパスワードと一致しません。") },
      });
    case "unavailable":
      return await passwordPage(context, { status: 503, failure: delayed(t) });
    case "foreign":
      return await foreignPage(context, parts);
    case "refused":
      return await passwordPage(context, { status: 422, mistakes: { new: unusable(t) } });
  }
}

function mistakesOf(
  typed: { readonly old: string; readonly new: string; readonly again: string },
  account: string,
  t: Translate,
): Mistakes | null {
  const missing = t("Please fill this in.", "入力してください。");
  if (typed.old === "") return { old: missing };
  if (typed.new === "") return { new: missing };
  if (typed.new.length > MOST_CHARACTERS || typed.old.length > MOST_CHARACTERS) return { new: unusable(t) };
  const weakness = weaknessOf(typed.new, { account, old: typed.old });
  if (weakness !== null) return { new: weaknessText(weakness, t) };
  if (typed.new === typed.again) return null;
  return {
    again: t(
      "The two new passwords differ. Type both again.",
      "新しいパスワードが一致しません。両方とも入力し直してください。",
    ),
  };
}

function weaknessText(weakness: Weakness, t: Translate): string {
  switch (weakness) {
    case "short":
      return t(
        `Too short: a password has ${LEAST_CHARACTERS} characters or more.`,
        `短すぎます。${LEAST_CHARACTERS}文字以上にしてください。`,
      );
    case "same":
      return t("This is the old password. Choose another one.", "現在のパスワードと同じです。別のものにしてください。");
    case "name":
      return t(
        "This is your user name with little more. Guessers try that first: choose something without it.",
        "ユーザー名とほとんど同じで、真っ先に試されます。ユーザー名を含まないものにしてください。",
      );
    case "pattern":
      return t(
        "This is a run of keys or a repetition, which guessers try first. Several unrelated words are better.",
        "キーの並びや同じ文字の繰り返しは、真っ先に試されます。関係のない単語をいくつか並べると強くなります。",
      );
    case "common":
      return t(
        "This is one of the most common passwords with little more, and guessers try those first. Several unrelated words are better.",
        "よく使われるパスワードとほとんど同じで、真っ先に試されます。関係のない単語をいくつか並べると強くなります。",
      );
  }
}

function unusable(t: Translate): string {
  return t(
    `This cannot be a password: it has a character that cannot be typed everywhere, or more than ${MOST_CHARACTERS} characters.`,
    `パスワードに使えない文字(制御文字など)が含まれているか、長すぎます(${MOST_CHARACTERS}文字まで)。`,
  );
}

function delayed(t: Translate): string {
  return t(
    "Your old password cannot be checked at the moment, or there were too many wrong ones. Nothing was changed: try again in a minute.",
    "現在のパスワードを確認できないか、間違いが続きました。パスワードは変わっていません。1分ほど待ってから、もう一度お試しください。",
  );
}

function passwordPage(
  context: PageContext,
  { status = 200, mistakes = {}, failure, changed }: View,
): Response | Promise<Response> {
  const t = context.get("t");
  return page(context, {
    title: t("Password", "パスワード"),
    status,
    main: (
      <div class="narrow">
        {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
        {changed !== undefined && <Changed strength={changed} t={t} />}
        <Card title={t("Change your password", "パスワードの変更")}>
          <Rules t={t} />
          <form method="post" action="/password">
            <input type="hidden" name="username" value={signedIn(context).account} autocomplete="username" />
            <Field
              name="old"
              type="password"
              label={t("Present password", "現在のパスワード")}
              mistake={mistakes.old}
              autocomplete="current-password"
              autofocus={mistakes.old !== undefined}
            />
            <Field
              name="new"
              type="password"
              label={t("New password", "新しいパスワード")}
              hint={t(`${LEAST_CHARACTERS} characters or more`, `${LEAST_CHARACTERS}文字以上`)}
              mistake={mistakes.new}
              autocomplete="new-password"
              autofocus={mistakes.new !== undefined}
              least={LEAST_CHARACTERS}
            />
            <Field
              name="again"
              type="password"
              label={t("New password, once more", "新しいパスワード(確認)")}
              mistake={mistakes.again}
              autocomplete="new-password"
              autofocus={mistakes.again !== undefined}
            />
            <button type="submit">{t("Change password", "パスワードを変更する")}</button>
          </form>
        </Card>
      </div>
    ),
  });
}

function Rules({ t }: { readonly t: Translate }): Markup {
  return (
    <>
      <ul>
        <li>
          {t(
            `${LEAST_CHARACTERS} characters or more. Length helps most: three or four words that have nothing to do with each other are good, and easy to remember.`,
            `${LEAST_CHARACTERS}文字以上にしてください。長いほど安全です。互いに関係のない単語を3つか4つ並べると、覚えやすく、強くなります。`,
          )}
        </li>
        <li>
          {t(
            "Not your user name, not the old password, and none that everybody tries first. Capitals, digits and signs may be in it, and need not be.",
            "ユーザー名、以前のパスワード、よくあるパスワードは使えません。大文字・数字・記号は使えますが、必須ではありません。",
          )}
        </li>
        <li>{t("Not one that you use elsewhere.", "ほかのサービスと同じものは避けてください。")}</li>
      </ul>
      <p class="soft">
        {t(
          "Afterwards you are signed out everywhere else, and mail clients that use this password ask for the new one. App passwords go on working.",
          "変更すると、ほかの場所でのサインインはすべて終了し、このパスワードを使うメールソフトでは新しいパスワードの入力が必要になります。アプリパスワードはそのまま使えます。",
        )}
      </p>
    </>
  );
}

function Changed({ strength, t }: { readonly strength: Strength | null; readonly t: Translate }): Markup {
  return (
    <>
      <Notice kind="good">
        {t(
          "Your password is changed. The old one is refused from now on, and you are signed out everywhere else.",
          "パスワードを変更しました。以前のパスワードはもう使えません。ほかの場所でのサインインは終了しました。",
        )}
      </Notice>
      {strength !== null && (
        <Card title={t("How strong it is", "新しいパスワードの強さ")}>
          <meter
            min={0}
            max={80}
            low={36}
            high={50}
            optimum={80}
            value={Math.min(80, strength.bits)}
            aria-label={t("Strength", "強さ")}
          >
            {`${strength.bits}/80`}
          </meter>
          <p>{strengthText(strength, t)}</p>
          <p class="soft">
            {t(
              `A cautious estimate: it would be found within about 2 to the power of ${strength.bits} guesses. It knows some words and habits, not everything that guessers know.`,
              `控えめな推定で、およそ2の${strength.bits}乗回の試行で見つかります。単語や癖の一部しか考慮していないため、目安とお考えください。`,
            )}
          </p>
        </Card>
      )}
    </>
  );
}

function strengthText({ grade }: Strength, t: Translate): string {
  switch (grade) {
    case "weak":
      return t(
        "Weak: over the network guessing is slowed down, so it holds for now; whoever steals the file of this server finds it soon. Better take a longer one.",
        "弱い:ネットワーク越しの試行は制限されるため当面は使えますが、サーバーのファイルが盗まれるとすぐに見破られます。もっと長いものをお勧めします。",
      );
    case "fair":
      return t(
        "Fair: good enough against guessing over the network. One more word would make it good.",
        "まずまず:ネットワーク越しの試行には耐えます。単語をもう1つ足すと、さらに安全です。",
      );
    case "good":
      return t(
        "Good: it withstands guessing over the network, and with patience only falls to somebody who steals the file of this server.",
        "良い:ネットワーク越しの試行に耐え、サーバーのファイルが盗まれても見破るには時間がかかります。",
      );
    case "strong":
      return t(
        "Strong: there is no better way to it than asking you.",
        "強い:試行で見破られる心配は、まずありません。",
      );
  }
}

function foreignPage(context: PageContext, { current }: SidecarParts): Response | Promise<Response> {
  const t = context.get("t");
  const { backend } = signedIn(context);
  const type = current().config.backends.find(({ name }) => name === backend)?.type ?? "";
  return page(context, {
    title: t("Password", "パスワード"),
    status: context.req.method === "GET" ? 200 : 409,
    main: (
      <div class="narrow">
        <Notice kind="info">
          {t(
            "Your password is not kept by this mail server, so it cannot be changed here.",
            "パスワードはこのメールサーバーの外で管理されているため、ここでは変更できません。",
          )}
        </Notice>
        <Card title={t("Where to change it", "変更する場所")}>
          <p>{placeText(type, t)}</p>
          <p>
            {t("Your administrator knows this place by the name ", "管理者には、次の認証先の名前を伝えてください: ")}
            <code>{backend}</code>
            {t(".", "")}
          </p>
          <p class="soft">
            {t(
              "The new password counts here as soon as it counts there. It may take a few minutes.",
              "そこで変更すると、このサーバーでも新しいパスワードが使えるようになります。数分かかることがあります。",
            )}
          </p>
        </Card>
      </div>
    ),
  });
}

function placeText(type: string, t: Translate): string {
  switch (type) {
    case "ldap":
    case "kerberos":
    case "radius":
      return t(
        "It is the password of your organisation's directory. Change it where you change that of your computer or of the other services there.",
        "組織の共通アカウントのパスワードです。パソコンやほかのサービスのパスワードを変更するのと同じ場所で変更してください。",
      );
    case "passwd":
    case "shadow":
    case "pam":
    case "saslauthd":
    case "pwcheck":
      return t(
        "It is the password of your user on the server. Log in to the server and run the command passwd, or ask the administrator.",
        "サーバー上のユーザーのパスワードです。サーバーにログインして passwd コマンドを実行するか、管理者に依頼してください。",
      );
    default:
      return t(
        "It belongs to another system, from which this server asks whether a password is right. Ask the administrator where that system lets you change it.",
        "このサーバーが認証を依頼している別のシステムのパスワードです。どこで変更できるかは、管理者にお問い合わせください。",
      );
  }
}
