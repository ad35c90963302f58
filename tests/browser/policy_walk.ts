/**
 * An administrator who decides on who may send: binds a device to its place, bans its address and lifts the ban, holds the mail of an account
 * and releases it, sets a limit, and asks what would become of a mail.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { simulationSchema } from "../../src/http/simulation.ts";
import { AddressClient } from "../lib/address_client.ts";
import { mailsIn } from "../lib/maildir.ts";
import { runProgram } from "../lib/program.ts";
import { converse, queueIdOf, submit } from "../lib/submission.ts";
import { Walk } from "./walk.ts";

const COPIER = "copier@baz.co.jp";
const ITS_PAGE = `/admin/devices/${encodeURIComponent(COPIER)}`;
const ITS_NETWORK = "127.30.0.0/24";
const ITS_ADDRESS = "127.30.0.5";
const ITS_SENDER = "copier@foobar.co.jp";
const GUESSERS = "198.51.100.0/24";

/** By somebody who is signed in as an administrator; in this order. */
export class PolicyWalk extends Walk {
  #copierPassword = "";

  /** Until mails come from it. */
  async bindDevice(): Promise<void> {
    const { visitor, t } = this;
    await this.go("/admin/devices");
    await this.look("devices-none");
    await this.go("/admin/devices/new");
    await this.look("device-new");
    await visitor.type("name", "copier");
    await visitor.type("from", ITS_SENDER);
    await visitor.type("recipients", "nobody");
    await this.#choose("channel", "login");
    await this.#choose("keypad", "yes");
    await visitor.send("/admin/devices/new");
    await this.look("device-new-wrong", { status: 422 });
    await visitor.type("recipients", "@foobar.co.jp");
    await this.#choose("keypad", "yes");
    await visitor.send("/admin/devices/new");
    await this.look("device-made");
    this.#copierPassword = await visitor.page.locator("code.secret").innerText();
    assert.match(this.#copierPassword, /^\d{16}$/);

    await this.go(ITS_PAGE);
    await this.look("device");
    await visitor.type("network", ITS_NETWORK);
    await visitor.send(`${ITS_PAGE}/enrol`);
    this.arrive(ITS_PAGE);
    await this.look("enrolment", { text: t("No login yet.", "まだありません。") });
    assert.match(await this.#logIn("facs"), /^535 /);
    assert.match(await this.#logIn(COPIER), /^235 /);
    // The page asks again by itself, until it has found the device.
    await visitor.page.locator(`form[action="${ITS_PAGE}/enrol/confirm"]`).waitFor();
    await this.look("enrolment-found", {
      text: t(`Set its user name to ${COPIER}.`, `機器のユーザー名を ${COPIER} に設定してください。`),
    });
    await visitor.send(`${ITS_PAGE}/enrol/confirm`);
    this.arrive(`${ITS_PAGE}?done=confirm`);
    await this.look("device-bound");
    assert.equal(await visitor.page.locator('main [name="networks"]').inputValue(), ITS_ADDRESS);
    assert.match(await this.#scan(), /^250 /);
    await this.go("/admin/devices");
    await this.look("devices", { text: "1" });
    await this.go(`${ITS_PAGE}/delete`);
    await this.look("device-delete");
  }

  /** One that the command has made, and one of the page. */
  async liftBan(): Promise<void> {
    const { visitor, t, scene: { site } } = this;
    await this.go("/admin/bans");
    await this.look("bans-none");
    const reason = t("Sends scans that nobody asked for", "身に覚えのないスキャンを送信する");
    // The page bans no address of the machine itself, which those of this test are.
    const added = await runProgram(
      ["bans", "add", ITS_ADDRESS, "--force", "--reason", reason, "--config", site.config],
    );
    assert.equal(added.code, 0, added.output);
    assert.match(await this.#logIn(COPIER), /^554 /);
    await this.#typeBan(ITS_ADDRESS, reason);
    await this.look("bans-wrong", {
      status: 422,
      text: t("This would lock out the server itself.", "サーバー自身が締め出されます。"),
    });
    await this.#typeBan(GUESSERS, "Guessing");
    this.arrive("/admin/bans?done=added");
    await this.look("bans", { text: reason });
    for (const network of [ITS_ADDRESS, GUESSERS]) {
      const row = visitor.page.locator("main tr").filter({ hasText: network });
      await visitor.send(await row.locator("form").getAttribute("action") ?? "");
      this.arrive("/admin/bans?done=lifted");
    }
    await this.look("bans-lifted", { text: t("Nobody is banned.", "禁止されているネットワークはありません。") });
    assert.match(await this.#scan(), /^250 /);
  }

  /** That of the administrator. */
  async releaseMail(): Promise<void> {
    const { visitor, t, scene: { program, site, administrator } } = this;
    const subject = crypto.randomUUID();
    await this.go("/admin/holds");
    await this.look("holds-none");
    await visitor.type("account", "nobody@baz.co.jp");
    await visitor.type("reason", "?");
    await visitor.send("/admin/holds");
    await this.look("holds-wrong", { status: 422 });
    await visitor.type("account", administrator.name);
    await visitor.type("reason", t("The phone is stolen", "電話の盗難"));
    await visitor.send("/admin/holds");
    await this.look("holds", { text: t("The phone is stolen", "電話の盗難") });

    const login = { authcid: administrator.name, password: administrator.password };
    using client = await converse(program, site, { login });
    const mail = { from: administrator.name, to: "shin@foobar.co.jp", content: `Subject: ${subject}\r\n\r\nx\r\n` };
    const id = queueIdOf(await submit(client, mail));
    await this.go(`/admin/queue/${id}`);
    await this.look("queue-mail-on-hold", { text: t("held", "保留") });
    await this.go("/mail");
    await this.look("mail-on-hold", { text: t("Your account is on hold", "送信が保留されています") });
    const itsHold = `/admin/holds/${encodeURIComponent(administrator.name)}`;
    await this.go(`${itsHold}/discard`);
    await this.look("hold-discard");
    await this.go("/admin/holds");
    const deliveries = () => program.log.filter((event) => event.kind === "delivery" && event["mail"] === id);
    assert.deepEqual(deliveries(), []);
    await visitor.send(`${itsHold}/release`);
    this.arrive("/admin/holds?done=release&count=1");
    await this.look("holds-released");

    await program.events(1, (event) => event.kind === "delivery" && event["mail"] === id);
    do await this.go(`/admin/queue/${id}`); while ((await visitor.served()).status !== 404);
    assert.deepEqual(deliveries().map(({ outcome }) => outcome), ["delivered"]);
    const inbox = await mailsIn(join(site.mail, "shin"));
    assert.equal(inbox.filter((each) => new TextDecoder().decode(each).includes(subject)).length, 1);
  }

  async setLimit(): Promise<void> {
    const { visitor, t, scene: { administrator } } = this;
    await this.go("/admin/limits");
    await this.look("limits", { text: administrator.name });
    const path = `/admin/limits/${encodeURIComponent(administrator.name)}`;
    await visitor.page.locator(`main a[href="${path}"]`).click();
    await this.look("limits-of-account");
    await visitor.type("most", t("many", "たくさん"));
    await visitor.send(path);
    await this.look("limits-of-account-wrong", { status: 422 });
    await visitor.type("most", "500");
    await visitor.send(path);
    this.arrive(`${path}?done=set`);
    await this.look("limits-of-account-set", { text: t("500 (its own)", "500（個別）") });
    assert.deepEqual(visitor.faults, []);
  }

  /** A form that tells what the command does: of a mail that is taken, and one that is refused. */
  async simulate(): Promise<void> {
    const { visitor, t, scene: { administrator: { name } } } = this;
    await this.go("/admin/simulate");
    await this.look("simulate");
    await visitor.type("ip", "somewhere");
    await visitor.type("from", name);
    await visitor.type("to", "friend@example.net");
    await visitor.send("/admin/simulate");
    await this.look("simulate-wrong", {
      status: 422,
      text: t("Expected an IP address", "IP アドレスを入力してください"),
    });
    await this.#agrees({ ip: "203.0.113.7", user: name, from: name, to: "friend@example.net" });
    await this.look("simulate-accepted", {
      text: t("The mail would be taken for all recipients.", "すべての宛先について受け付けられます。"),
    });
    await this.#agrees({ ip: "203.0.113.7", user: "", from: "nobody@example.net", to: "friend@example.net" });
    await this.look("simulate-refused", {
      text: t("Something would be refused.", "拒否されるものがあります。"),
    });
    await visitor.type("about", "friend@example.net");
    await visitor.send("/admin/access");
    await this.look("access", { text: t("What the access rules say", "アクセス規則の判定") });
    assert.deepEqual(visitor.faults, []);
  }

  /** Asks the form, then the command. */
  async #agrees(asked: Readonly<Record<"ip" | "user" | "from" | "to", string>>): Promise<void> {
    const { visitor, t, scene: { site } } = this;
    for (const [field, text] of Object.entries(asked)) await visitor.type(field, text);
    await visitor.send("/admin/simulate");
    const asOptions = Object.entries(asked).flatMap(([field, text]) => text === "" ? [] : [`--${field}`, text]);
    const told = await runProgram(["simulate", ...asOptions, "--tls", "--json", "--config", site.config]);
    const [simulation] = z.array(simulationSchema).parse(JSON.parse(told.output));
    assert.ok(simulation !== undefined);
    const { steps, recipients, outcome } = simulation;
    assert.equal(told.code, outcome === "accepted" ? 0 : 77);
    const cellsOf = async (caption: string): Promise<readonly (readonly string[])[]> => {
      const rows = await visitor.page.locator("main table").filter({ hasText: caption }).locator("tbody tr").all();
      return await Promise.all(rows.map((row) => row.locator("td").allInnerTexts()));
    };
    assert.deepEqual(
      (await cellsOf(t("The session", "セッション"))).map(([client, reply]) => [client, reply]),
      steps.map(({ step, client, reply }) => {
        return [client ?? (step === "content" ? t("(content)", "(本文)") : t("(connects)", "(接続)")), reply];
      }),
    );
    const ways = recipients.flatMap((each) => each.ways);
    const shown = outcome === "accepted" ? await cellsOf(t("Where it goes", "配送先")) : [];
    assert.deepEqual(
      shown.map(([recipient, route]) => [recipient, route]),
      outcome === "accepted" ? ways.map(({ recipient, route }) => [recipient, route]) : [],
    );
  }

  /** The reply to the copier's login without TLS; before that, the one that refuses it. */
  async #logIn(user: string): Promise<string> {
    return await this.#say(["EHLO copier", `AUTH PLAIN ${btoa(`\0${user}\0${this.#copierPassword}`)}`]);
  }

  /** The reply to a scan that the copier sends. */
  async #scan(): Promise<string> {
    return await this.#say([
      ...["EHLO copier", `AUTH PLAIN ${btoa(`\0${COPIER}\0${this.#copierPassword}`)}`],
      ...[`MAIL FROM:<${ITS_SENDER}>`, "RCPT TO:<shin@foobar.co.jp>", "DATA", "Subject: scan\r\n\r\nx\r\n."],
    ]);
  }

  /** Says it in a session from the copier's address: the last reply, or the one that refuses. */
  async #say(lines: readonly string[]): Promise<string> {
    using client = await AddressClient.connect(this.scene.program.port("msa"), ITS_ADDRESS);
    let reply = await client.reply();
    for (const line of lines) {
      if (!/^[23]/.test(reply)) break;
      reply = await client.command(line);
    }
    return reply;
  }

  async #typeBan(network: string, reason: string): Promise<void> {
    await this.visitor.type("network", network);
    await this.visitor.type("reason", reason);
    await this.visitor.send("/admin/bans");
  }

  async #choose(name: string, value: string): Promise<void> {
    await this.visitor.page.locator(`main select[name="${name}"]`).selectOption(value);
  }
}
