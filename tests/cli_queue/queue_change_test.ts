import assert from "node:assert/strict";
import { controlApp } from "../../src/http/app.ts";
import { queueItemSchema } from "../../src/http/queue_item.ts";
import { serveUnix } from "../../src/http/sockets.ts";
import { z } from "zod";
import { sidecarParts } from "../http/lib.ts";
import { envelopeTo, openTestSpool, store } from "../spool/fixture.ts";
import { dataDir, run } from "./lib.ts";

const items = z.array(queueItemSchema);
const REFUSED = { kind: "deferred", reply: "451 4.7.1 Later", cause: "refused" } as const;

/** What a spool needs to be worked on in both ways: its folder, and its server where one runs. */
async function queueOf(path: string, { served }: { readonly served: boolean }) {
  const opened = await openTestSpool(path);
  const { spool } = opened;
  const both = await store(spool, envelopeTo("a@one.example", "b@two.example"));
  const yuki = await store(spool, envelopeTo("c@two.example"), { account: "yuki@baz.co.jp" });
  const local = await store(spool, envelopeTo("d@here.example"));
  for (const recipient of [0, 1]) {
    const hop = { route: "smarthost", host: "smtp.example.net" };
    await spool.settle(both, recipient, REFUSED, { due: opened.clock.time + 3_600_000, notice: null, hop });
  }
  const ids = { both, yuki, local };
  if (!served) {
    await opened[Symbol.asyncDispose]();
    return { ids, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const parts = sidecarParts({ spool });
  const current = parts.current();
  const config = { ...current.config, localDomains: ["here.example"] };
  const app = controlApp({ ...parts, current: () => ({ ...current, config }) });
  const socket = await serveUnix(`${path}/control.sock`, { mode: 0o660, handler: app.fetch });
  if (!socket.ok) throw new Error(socket.problem);
  return {
    ids,
    async [Symbol.asyncDispose]() {
      await socket.value[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}

for (const served of [true, false]) {
  Deno.test(`mails are changed by account, domain and route, ${served ? "by the server" : "in the files"}`, async (t) => {
    await using folder = await dataDir();
    const { path } = folder;
    const config = `${path}/dokodemo.toml`;
    const lines = [
      'hostname = "mail.example.jp"\nlocal_domains = ["here.example"]\npostmaster = "shin@baz.co.jp"',
      `data_dir = "${path}"\n[delivery.local]\nmaildir = "${path}/{user}"\n`,
    ];
    await Deno.writeTextFile(config, lines.join("\n"));
    await using queue = await queueOf(path, { served });
    const { both, yuki, local } = queue.ids;
    const change = (...args: readonly string[]) => run(path, "queue", ...args, "--config", config);
    const states = async () => {
      const shown = await change("list", "--json");
      const mails = items.parse(JSON.parse(shown.out));
      return mails.map(({ id, recipients }) => [id, recipients.map(({ state }) => state).join(" ")]);
    };

    await t.step("what is for others stays as it is", async () => {
      assert.deepEqual(await change("hold", "--domain", "TWO.example"), {
        code: 0,
        out: "2 mails are held\n",
        err: "",
      });
      assert.deepEqual(await states(), [[both, "waiting held"], [yuki, "held"], [local, "waiting"]]);
      const released = await change("release", "--account", "yuki@baz.co.jp", "--json");
      assert.deepEqual(JSON.parse(released.out), [{ id: yuki, result: "changed" }]);
      assert.equal((await change("release", "--domain", "nowhere.example")).out, "0 mails are released\n");
    });

    await t.step("by route, of which there must be one of this name", async () => {
      assert.equal((await change("hold", "--route", "maildir")).code, 0);
      assert.deepEqual(await states(), [[both, "waiting held"], [yuki, "waiting"], [local, "held"]]);
      const wrong = await change("hold", "--route", "smrthost");
      assert.equal(wrong.code, 65);
      assert.match(wrong.err, /There is no such route; there are .*smarthost/);
    });

    await t.step("the history is shown, and everything is tried by flush", async () => {
      const shown = await change("show", both);
      assert.match(shown.out, /\nTIME +TO +OUTCOME +ROUTE +HOST +REPLY\n/);
      assert.match(shown.out, /Z +a@one\.example +deferred +smarthost +smtp\.example\.net +451 4\.7\.1 Later\n/);
      const [item] = items.parse(JSON.parse((await change("show", both, "--json")).out));
      assert.deepEqual(item?.recipients.map(({ history }) => history?.map(({ reply }) => reply)), [
        ["451 4.7.1 Later"],
        ["451 4.7.1 Later"],
      ]);
      assert.equal((await change("flush")).out, "2 mails are tried now\n");
      assert.equal((await change("retry", "--domain", "one.example")).out, "1 mail is tried now\n");
    });

    await t.step("what cannot be meant is refused", async () => {
      for (
        const [args, reason] of [
          [["hold"], /Say which mails/],
          [["hold", both, "--all"], /Cannot take ids together/],
          [["release", "--all", "--domain", "x.example"], /Cannot take --all together/],
          [["delete", "--all"], /standard input is no terminal \(--yes says yes\)/],
        ] as const
      ) {
        const refused = await change(...args);
        assert.equal(refused.code, 64, args.join(" "));
        assert.match(refused.err, reason);
      }
      assert.equal((await states()).length, 3);
    });

    await t.step("deleted", async () => {
      const one = await change("delete", both, "nothing", "--json");
      assert.equal(one.code, 65);
      assert.deepEqual(JSON.parse(one.out), [{ id: both, result: "changed" }, { id: "nothing", result: "unknown" }]);
      assert.match((await change("delete", "--all", "--yes")).out, /^2 mails are deleted/);
      assert.deepEqual(await states(), []);
    });
  });
}
