/**
 * An administrator: signs in with the second factor, makes an account, disables it, sees why its login was refused, and looks at everything.
 *
 * @module
 */

import assert from "node:assert/strict";
import { converse, queueIdOf, submit } from "../lib/submission.ts";
import { Walk } from "./walk.ts";

const NEW_ACCOUNT = "hanako@baz.co.jp";
const ITS_PAGE = `/admin/accounts/${encodeURIComponent(NEW_ACCOUNT)}`;

/** In this order. */
export class AdminWalk extends Walk {
  #password = "";

  async signIn(): Promise<void> {
    const { visitor, scene: { administrator: { name, password, phone } } } = this;
    await this.go("/admin");
    this.arrive("/sign-in?to=%2Fadmin");
    await visitor.type("user", name);
    await visitor.type("password", password);
    await visitor.send("/sign-in");
    this.arrive("/second-factor?to=%2Fadmin");
    await this.look("second-factor");
    await visitor.type("code", phone.wrong());
    await visitor.send("/second-factor");
    await this.look("second-factor-wrong", { status: 403 });
    await this.go("/");
    await this.look("home-of-administrator");
    await this.go("/second-factor?to=/admin");
    await visitor.type("code", await phone.next());
    await visitor.send("/second-factor");
    this.arrive("/admin");
  }

  async makeAccount(): Promise<void> {
    const { visitor, scene } = this;
    await this.go("/admin/accounts/new");
    await this.look("account-new");
    await visitor.type("user", NEW_ACCOUNT);
    await visitor.type("password", "hanako1234");
    await visitor.send("/admin/accounts/new");
    await this.look("account-new-weak", { status: 422 });
    await visitor.type("password", "");
    await visitor.send("/admin/accounts/new");
    await this.look("account-made");
    this.#password = await visitor.page.locator("code.secret").innerText();
    assert.deepEqual(await scene.replies(NEW_ACCOUNT, this.#password, ["PLAIN", "SCRAM-SHA-256"]), ["235", "235"]);
    await this.#sendMail();
  }

  async disableAccount(): Promise<void> {
    const { visitor, t, scene } = this;
    await this.go(ITS_PAGE);
    await this.look("account");
    await visitor.send(`${ITS_PAGE}/disable`);
    this.arrive(`${ITS_PAGE}?done=disable`);
    await this.look("account-disabled");
    assert.deepEqual(await scene.replies(NEW_ACCOUNT, this.#password, ["PLAIN"]), ["535"]);
    await scene.program.events(1, ({ kind, authcid, result }) => {
      return kind === "authentication" && authcid === NEW_ACCOUNT && result === "rejected";
    });
    await this.go("/admin/logins");
    await visitor.type("account", "hanako");
    await visitor.page.locator('main select[name="result"]').selectOption("rejected");
    await visitor.send("/admin/logins");
    await this.expect(t("Refused: the account is disabled", "拒否: アカウントが無効"));
    await visitor.page.locator("main summary").first().click();
    await this.look("admin-logins-refused", {
      text: t("It fails at the step account: disabled, says sasldb", "失敗した段階: アカウントの状態: "),
    });
    await this.go(`${ITS_PAGE}/delete`);
    await this.look("account-delete");
  }

  async testLogin(): Promise<void> {
    const { visitor } = this;
    await this.go("/admin/tester");
    await this.look("tester");
    await visitor.type("user", NEW_ACCOUNT);
    await visitor.type("password", this.#password);
    await visitor.send("/admin/tester");
    await this.look("tester-result");
  }

  async lookAround(): Promise<void> {
    const { visitor, scene: { program } } = this;
    await program.events(2, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    const pages = [
      ["/admin", "overview"],
      ["/admin/accounts", "accounts"],
      ["/admin/logins", "admin-logins"],
      ["/admin/audit", "audit"],
      ["/admin/administrators", "administrators"],
      ["/admin/queue", "queue"],
      ["/set-up", "set-up-of-administrator"],
    ] as const;
    for (const [path, name] of pages) {
      await this.go(path);
      await this.look(name);
    }
    await this.go("/admin/queue");
    const link = visitor.page.locator('main a[href^="/admin/queue/"]').first();
    const mail = await link.getAttribute("href") ?? "";
    await this.go(mail);
    await this.look("queue-mail");
    await visitor.send(`${mail}/hold`);
    await this.look("queue-mail-held");
    await this.go(`${mail}/delete`);
    await this.look("queue-mail-delete");
    await visitor.send(`${mail}/delete`);
    this.arrive("/admin/queue?done=delete");
    await this.go(mail);
    await this.look("queue-mail-gone", { status: 404 });
    assert.deepEqual(visitor.faults, []);
  }

  /** One that waits, to several people. */
  async #sendMail(): Promise<void> {
    const { program, site } = this.scene;
    using client = await converse(program, site, { login: { authcid: NEW_ACCOUNT, password: this.#password } });
    const to = ["tanaka@example.net", "a.very.long.name.of.somebody.in.sales@department.of.a.large.company.example"];
    queueIdOf(await submit(client, { from: NEW_ACCOUNT, to }));
  }
}
