/**
 * The settings for mail clients, and files that hold them.
 *
 * @module
 */

import { Hono } from "hono";
import type { Config } from "../../config/config.ts";
import { appPasswordOperations } from "../operations/app_passwords.ts";
import type { SidecarParts } from "../parts.ts";
import { createRateLimit } from "../rate_limit.ts";
import { type ProfileAddress, readAddress } from "../profiles/address.ts";
import { mobileconfigAnswer } from "../profiles/profile_routes.ts";
import { type ProfileSettings, profileSettings, whyNoProfile } from "../profiles/settings.ts";
import { refusalText } from "./app_password_words.ts";
import { readForm } from "./form.ts";
import type { Translate } from "./language.ts";
import { Card, type Markup, Notice, page } from "./layout.tsx";
import { offeredInClear } from "./offered.ts";
import { ownName } from "./own.ts";
import { actorOf, type PageContext, type PageEnv, signedIn } from "./page_env.ts";
import { DnsCard, DownloadsCard } from "./set_up_downloads.tsx";
import { Guides } from "./set_up_guides.tsx";
import { type PlainServer, PlainServers, Servers } from "./set_up_servers.tsx";
import { requireSession } from "./sign_in_page.tsx";

/** Of one host in a minute: each leaves an app password behind. */
const PROFILES = 5;

/** The routes. */
export function setUpRoutes(parts: SidecarParts): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  const limit = createRateLimit(PROFILES);
  routes.use("/set-up", requireSession());
  routes.use("/set-up/*", requireSession());
  routes.get("/set-up", (context) => setUpPage(context, parts));
  // Where a form was sent and came back with a mistake, the page's own address is this.
  routes.get("/set-up/mobileconfig", (context) => context.redirect("/set-up", 303));
  routes.post("/set-up/mobileconfig", async (context) => {
    const t = context.get("t");
    const form = await readForm(context);
    const typed = form?.("address") ?? "";
    const settings = profileSettings(parts.current().config);
    const address = readAddress(typed);
    if (address === null || !settings.domains.includes(address.domain)) {
      return setUpPage(context, parts, { typed, mistake: addressText(settings, t) });
    }
    if (whyNoProfile(settings) !== null) return setUpPage(context, parts);
    if (!limit.take(context.get("caller").remote, parts.now())) {
      return setUpPage(context, parts, {
        failure: t(
          "That was often: wait a minute, then try again.",
          "続けて作りすぎです。1分待ってから、もう一度お試しください。",
        ),
      });
    }
    return await freshProfile(context, { parts, settings, address });
  });
  return routes;
}

/** Makes an app password for the device. It is in the file and nowhere else. */
async function freshProfile(
  context: PageContext,
  { parts, settings, address }: {
    readonly parts: SidecarParts;
    readonly settings: ProfileSettings;
    readonly address: ProfileAddress;
  },
): Promise<Response> {
  const { account } = signedIn(context);
  const at = new Date(parts.now()).toISOString().slice(0, 19).replace("T", " ");
  const made = await appPasswordOperations(parts, actorOf(context)).add(ownName({ account }), {
    label: `Apple ${at} UTC`,
    networks: [],
    mechanisms: null,
    expires: null,
  });
  if (!made.ok) return await setUpPage(context, parts, { failure: refusalText(made.problem, context.get("t")) });
  return mobileconfigAnswer(settings, { address, userName: account, outgoingPassword: made.value.password });
}

interface View {
  readonly typed?: string;
  /** What is wrong with the address that was typed. */
  readonly mistake?: string;
  readonly failure?: string;
}

function setUpPage(context: PageContext, parts: SidecarParts, view: View = {}): Response | Promise<Response> {
  const t = context.get("t");
  const { account, administrator } = signedIn(context);
  const current = parts.current();
  const settings = profileSettings(current.config);
  const plain = plainServers(current);
  const { typed = usualAddress(account, settings), mistake, failure } = view;
  return page(context, {
    title: t("Mail client", "メールソフトの設定"),
    status: mistake !== undefined ? 422 : failure !== undefined ? 409 : 200,
    main: (
      <>
        {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
        <Card title={t("Settings", "設定値")}>
          <Servers settings={settings} account={account} t={t} />
          <PasswordHint t={t} />
        </Card>
        <DownloadsCard settings={settings} address={typed} mistake={mistake} t={t} />
        {plain.length > 0 && <PlainServers servers={plain} networks={networksOf(current.config)} t={t} />}
        <section>
          <h2>{t("Step by step", "手順")}</h2>
          <Guides settings={settings} account={account} hasPlain={plain.length > 0} t={t} />
        </section>
        {administrator && settings.submission.length > 0 && <DnsCard settings={settings} t={t} />}
      </>
    ),
  });
}

function PasswordHint({ t }: { readonly t: Translate }): Markup {
  return (
    <p>
      {t("Which password? Best an ", "パスワードには、この端末専用の")}
      <a href="/app-passwords">{t("app password", "アプリパスワード")}</a>
      {t(
        " made for this device. Your own password works too, where your account has no app passwords.",
        "をお勧めします。アプリパスワードを作れないアカウントでは、ご自身のパスワードを使ってください。",
      )}
    </p>
  );
}

function plainServers(current: ReturnType<SidecarParts["current"]>): readonly PlainServer[] {
  const { hostname, listeners } = current.config;
  return listeners.filter(({ port }) => port !== 0).flatMap((listener) => {
    const mechanisms = [...new Set(offeredInClear(current, listener))];
    return mechanisms.length === 0 ? [] : [{ host: hostname, port: listener.port, mechanisms }];
  });
}

function networksOf({ sasl }: Config): readonly string[] {
  return sasl.cleartextNetworks;
}

/** The account's name, where it can be an address here, else the same person in the first mail domain. */
function usualAddress(account: string, { domains }: ProfileSettings): string {
  const { local, realm } = ownName({ account });
  return domains.includes(realm) || domains[0] === undefined ? account : `${local}@${domains[0]}`;
}

function addressText({ domains }: ProfileSettings, t: Translate): string {
  const listed = domains.map((domain) => `@${domain}`).join(", ");
  return t(
    `Type your mail address. It ends in one of: ${listed}`,
    `メールアドレスを入力してください。使えるドメイン: ${listed}`,
  );
}
