import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../servers/lib.ts";
import { startReceiver } from "../http/webhook_receiver.ts";
import { makeSite, SMALL_CONFIG } from "./lib.ts";

const SECRET = "a secret of twenty-four characters";
const KEY = new TextEncoder().encode(SECRET);

async function siteWith(...urls: readonly string[]) {
  const tables = urls.map((url) => `[[webhook]]\nurl = "${url}"\nsecret_file = "secret"\n`).join("");
  const site = await makeSite(SMALL_CONFIG + tables);
  await Deno.writeTextFile(join(site.folder, "secret"), `${SECRET}\n`, { mode: 0o600 });
  return site;
}

Deno.test("webhook test tells each receiver once, and says with its exit code whether all took it", async () => {
  await using one = startReceiver(KEY);
  await using other = startReceiver(KEY);
  await using site = await siteWith(one.url, other.url);
  const stdout = `${one.url}: status 204\n${other.url}: status 204\n`;
  assert.deepEqual(await site.run(["webhook", "test"]), { code: 0, stdout, stderr: "" });
  assert.deepEqual([one.received.length, other.received.length], [1, 1]);
  const { type, data } = one.received[0]!;
  assert.deepEqual([type, data], ["test", { hostname: "mail.foobar.co.jp" }]);

  const single = await site.run(["webhook", "test", "--url", other.url]);
  assert.deepEqual(single, { code: 0, stdout: `${other.url}: status 204\n`, stderr: "" });
  assert.deepEqual([one.received.length, other.received.length], [1, 2]);

  other.answer(() => new Response(null, { status: 500 }));
  const refused = await site.run(["webhook", "test"]);
  assert.deepEqual(refused, {
    code: 69,
    stdout: `${one.url}: status 204\n`,
    stderr: `dokodemo: ${other.url}: status 500\n`,
  });
});

Deno.test("webhook test: nobody there is 69, no webhook is 78, an unknown URL is 64", async () => {
  const nowhere = `http://127.0.0.1:${freePort()}/hook`;
  await using site = await siteWith(nowhere);
  const { code, stdout, stderr } = await site.run(["webhook", "test"]);
  assert.deepEqual([code, stdout], [69, ""]);
  assert.ok(stderr.startsWith(`dokodemo: ${nowhere}: `));
  assert.match(stderr, /refused.*\n$/i);
  const unknown = await site.run(["webhook", "test", "--url", "https://example.net/"]);
  assert.deepEqual([unknown.code, unknown.stdout], [64, ""]);

  await using none = await makeSite();
  const nothing = await none.run(["webhook", "test"]);
  assert.deepEqual(nothing, {
    code: 78,
    stdout: "",
    stderr: `dokodemo: There is no [[webhook]] in ${none.config}\n`,
  });
});
