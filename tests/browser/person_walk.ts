/**
 * Somebody with an account: signs in, changes the password, gives a printer an app password, and looks after mail that waits.
 *
 * @module
 */

import assert from "node:assert/strict";
import { swaks } from "../servers/swaks.ts";
import { Walk } from "./walk.ts";

const MECHANISMS = ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"] as const;
const YES = MECHANISMS.map(() => "235");
const NO = MECHANISMS.map(() => "535");
const NEW_PASSWORD = "lantern gravel みかん teapot";
/** What swaks ends with when its login is refused. */
const SWAKS_REFUSED = 28;

/** In this order. */
export class PersonWalk extends Walk {
  #appPassword = "";

  async signIn(): Promise<void> {
    const { visitor, t, scene: { person } } = this;
    await this.go("/mail");
    this.arrive("/sign-in?to=%2Fmail");
    await this.look("sign-in");
    await visitor.type("user", person.name);
    await visitor.type("password", `${person.password}?`);
    await visitor.send("/sign-in");
    await this.look("sign-in-wrong", {
      status: 403,
      text: t("The user name or the password is wrong.", "ユーザー名またはパスワードが違います。"),
    });
    await visitor.type("password", person.password);
    await visitor.send("/sign-in");
    this.arrive("/mail");
    await this.go("/admin");
    await this.look("no-administrator", { status: 403 });
  }

  async changePassword(): Promise<void> {
    const { visitor, scene } = this;
    const { name, password } = scene.person;
    await this.go("/password");
    await this.look("password");
    const change = async (old: string, fresh: string) => {
      await visitor.type("old", old);
      await visitor.type("new", fresh);
      await visitor.type("again", fresh);
      await visitor.send("/password");
    };
    await change(`${password}?`, NEW_PASSWORD);
    await this.look("password-wrong", { status: 422 });
    assert.deepEqual(await scene.replies(name, password, MECHANISMS), YES);
    await change(password, NEW_PASSWORD);
    this.arrive("/password?done=changed");
    await this.look("password-changed");
    assert.deepEqual(await scene.replies(name, password, MECHANISMS), NO);
    assert.deepEqual(await scene.replies(name, NEW_PASSWORD, MECHANISMS), YES);
  }

  async useAppPassword(): Promise<void> {
    const { visitor } = this;
    await this.go("/app-passwords");
    await this.look("app-passwords-none");
    await visitor.type("label", this.t("Printer on the second floor", "2階のプリンター"));
    await visitor.send("/app-passwords");
    await this.look("app-password-made");
    await this.#copy();
    this.#appPassword = await visitor.page.locator("code.secret").innerText();
    assert.match(this.#appPassword, /^[a-z2-9]{4}(?:-[a-z2-9]{4}){4}$/);
    await this.go("/");
    const waiting = visitor.page.locator('[data-live="own waiting"]');
    assert.equal(await waiting.innerText(), "0");
    const sent = await this.#send("friend@example.net");
    assert.equal(sent.code, 0, sent.output);
    // Numbers change by themselves where there are scripts.
    if (visitor.options.javaScript) await waiting.filter({ hasText: /^1$/ }).waitFor();
    await this.go("/app-passwords");
    await this.look("app-passwords");
    await visitor.send(/^\/app-passwords\/[^/]+\/revoke$/);
    this.arrive("/app-passwords?done=revoked");
    const refused = await this.#send("friend@example.net");
    assert.equal(refused.code, SWAKS_REFUSED, refused.output);
    assert.match(refused.output, /^<[*~]* 535 /m);
  }

  async cancelMail(): Promise<void> {
    const { visitor, t, scene: { program } } = this;
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    await this.go("/mail");
    await this.look("mail", { text: t("The other server does not answer.", "相手のサーバーが応答しません。") });
    await visitor.send(/^\/mail\/[^/]+\/cancel$/);
    this.arrive("/mail?done=cancelled");
    await this.look("mail-cancelled", { text: t("The mail is cancelled.", "メールを取り消しました。") });
    assert.deepEqual(await visitor.page.locator("main form").count(), 0);
    await program.events(1, ({ kind, what }) => kind === "queue-changed" && what === "delete");
  }

  async lookAround(): Promise<void> {
    for (
      const [path, name] of [["/", "home"], ["/logins", "logins"], ["/set-up", "set-up"], ["/api", "api"]] as const
    ) {
      await this.go(path);
      await this.look(name);
    }
    await this.go("/no-such-page");
    await this.look("not-found", { status: 404 });
  }

  async signOut(): Promise<void> {
    await this.go("/");
    await this.visitor.send("/sign-out");
    this.arrive("/sign-in");
    await this.go("/logins");
    this.arrive("/sign-in?to=%2Flogins");
    assert.deepEqual(this.visitor.faults, []);
  }

  /** The button is there where it works. */
  async #copy(): Promise<void> {
    const { page, options: { javaScript } } = this.visitor;
    const button = page.locator("button.copy");
    assert.equal(await button.isVisible(), javaScript);
    if (!javaScript) return;
    await button.click();
    await button.filter({ hasText: "✓" }).waitFor();
  }

  #send(to: string) {
    const { program, person: { name } } = this.scene;
    return swaks({
      ...{ port: program.port("msas"), tls: "implicit", from: name, to },
      auth: { mechanism: "CRAM-MD5", user: name, password: this.#appPassword },
    });
  }
}
