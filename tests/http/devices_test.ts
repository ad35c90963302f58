/**
 * Devices over the API and on the administrators' pages, with a login that a window sees and binds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AddressClient } from "../lib/address_client.ts";
import { SHIN } from "../lib/submission.ts";
import { startApi } from "./api_client.ts";
import { assertWellFormed, PageClient, readable } from "./page_client.ts";
import { enrol } from "./phone.ts";

const COPIER = "127.30.0.5";

/** The reply to AUTH PLAIN in the clear. */
async function plain(port: number, user: string, password: string): Promise<string> {
  using client = await AddressClient.connect(port, COPIER);
  await client.reply();
  await client.command("EHLO copier");
  return await client.command(`AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`);
}

function field(body: unknown, name: string): unknown {
  return Reflect.get(Object(body), name);
}

Deno.test("devices over the API and on the pages", async (t) => {
  await using api = await startApi();
  const { program, site } = api;
  const path = "/devices/copier%40baz.co.jp";
  let password = "";

  await t.step("made, shown, changed; mistakes name the field", async () => {
    const body = { device: "copier", from: "copier@foobar.co.jp", channel: "login" };
    const made = await api.ask("POST", "/devices", { body });
    assert.equal(made.status, 201, made.text);
    password = String(field(made.body, "password"));
    assert.match(password, /^[a-z]{16}$/);
    assert.equal((await api.ask("POST", "/devices", { body })).status, 409);
    const wide = await api.ask("PATCH", path, { body: { networks: ["127.30.0.0/24"] } });
    assert.deepEqual([wide.status, field(wide.body, "field")], [422, "networks"]);
    const odd = await api.ask("POST", "/devices", { body: { ...body, device: "other", from: "nobody" } });
    assert.deepEqual([odd.status, field(odd.body, "field")], [422, "from"]);
    const changed = await api.ask("PATCH", path, { body: { recipients: ["@Foobar.CO.jp"], perDay: 5, repair: true } });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(field(changed.body, "recipients"), ["@foobar.co.jp"]);
    assert.equal((await api.ask("GET", "/devices/nobody")).status, 404);
    assert.equal((await api.ask("GET", "/accounts/copier%40baz.co.jp")).status, 404);
    const reader = await api.token("accounts:read");
    assert.equal((await api.ask("GET", "/devices", { token: reader })).status, 200);
    assert.equal((await api.ask("DELETE", path, { token: reader })).status, 403);
  });

  await t.step("a window of the API binds at the first right password", async () => {
    assert.equal((await api.ask("GET", `${path}/enrolment`)).status, 404);
    const opened = await api.ask("POST", `${path}/enrolment`, { body: { network: "127.30.0.0/24" } });
    assert.equal(opened.status, 201, opened.text);
    assert.equal((await api.ask("POST", `${path}/enrolment/confirm`)).status, 409);
    assert.match(await plain(program.port("msa"), "copier", password), /^235 /);
    const window = await api.ask("GET", `${path}/enrolment`);
    assert.deepEqual(field(window.body, "bound"), { address: COPIER, channel: "login" });
    assert.deepEqual(field((await api.ask("GET", path)).body, "networks"), [COPIER]);
    assert.equal((await api.ask("DELETE", `${path}/enrolment`)).status, 204);
  });

  await t.step("the pages: add, open a window, see the login, confirm, disable, delete", async () => {
    const phone = await enrol(site, "shin@baz.co.jp");
    const client = new PageClient(program);
    await client.signIn("shin@baz.co.jp", SHIN.password);
    await client.post("/second-factor", { code: await phone.next(), to: "/" });
    const odd = await client.post("/admin/devices/new", { name: "fax", from: "nobody", channel: "login" });
    assert.equal(odd.status, 422);
    assert.match(readable(odd), /It sends as one address/);
    const made = await client.post("/admin/devices/new", {
      ...{ name: "fax", from: "fax@foobar.co.jp", channel: "login", keypad: "yes" },
    });
    assert.equal(made.status, 200, readable(made));
    const fax = /<code class="secret">(\d{16})<\/code>/.exec(made.text)?.[1] ?? "";
    assert.notEqual(fax, "");
    const page = "/admin/devices/fax%40baz.co.jp";
    const opened = await client.post(`${page}/enrol`, { network: "127.30.0.0/16" });
    assert.equal(opened.status, 303);
    const waiting = await client.get(page);
    assert.equal(waiting.headers.get("refresh"), `3;url=${page}`);
    assert.match(await plain(program.port("msa"), "facs", fax), /^535 /);
    assert.match(await plain(program.port("msa"), "fax", fax), /^235 /);
    const seen = await client.get(page);
    assertWellFormed(seen);
    assert.equal(seen.headers.get("refresh"), null);
    assert.match(readable(seen), /Set its user name to fax@baz\.co\.jp/);
    assert.match(readable(seen), /The device is at 127\.30\.0\.5/);
    assert.deepEqual(field((await api.ask("GET", "/devices/fax")).body, "networks"), []);
    assert.equal((await client.post(`${page}/enrol/confirm`)).status, 303);
    assert.deepEqual(field((await api.ask("GET", "/devices/fax")).body, "networks"), [COPIER]);
    assert.equal((await client.post(`${page}/disable`)).status, 303);
    assert.equal(field((await api.ask("GET", "/devices/fax")).body, "disabled"), true);
    const listed = await client.get("/admin/devices");
    assertWellFormed(listed);
    assert.match(readable(listed), /copier@baz\.co\.jp[\s\S]*fax@baz\.co\.jp/);
    assert.equal((await client.post(`${page}/delete`)).status, 303);
    assert.equal((await client.get(page)).status, 404);
    const audit = await client.get("/admin/audit");
    for (const act of ["device.add", "device.enrol", "device.bind", "device.disable", "device.delete"]) {
      assert.ok(audit.text.includes(`<code>${act}</code>`), act);
    }
  });

  assert.ok(!program.log.some((event) => JSON.stringify(event).includes(password)));
});
