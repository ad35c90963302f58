import assert from "node:assert/strict";
import { maildirOf, openMaildir } from "../../src/delivery/maildir.ts";
import type { DeliveryTask } from "../../src/delivery/deliverer.ts";
import { CONTENT, deliverAll, recipientsOf, recordLog, recordTask } from "./lib.ts";
import { accountNamed } from "./scheduler_fixture.ts";

const HOP = { route: "maildir", host: "localhost", port: 0 };

async function deliver(template: string, task: DeliveryTask) {
  const { events, log } = recordLog();
  const deliverer = openMaildir({ template, hostname: "mail.foobar.co.jp", log, now: () => 1_800_000_000_123 });
  await deliverAll({ deliverer, hop: HOP }, [task]);
  return events;
}

function to(...accounts: readonly string[]) {
  const recipients = recipientsOf(accounts.map((name) => `${name.split("@")[0]}@foobar.co.jp`));
  return recipients.map((each, at) => ({ ...each, account: accountNamed(accounts[at] ?? "") }));
}

async function inTempDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function names(dir: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).toSorted();
}

Deno.test("maildir: the mail is Return-Path, Delivered-To and then the content octet for octet", () =>
  inTempDir(async (dir) => {
    const octets = new Uint8Array([...new TextEncoder().encode(CONTENT), 0x80, 0xff, 0x0d, 0x0a]);
    const task = recordTask({
      recipients: to("shin@baz.co.jp"),
      chunks: async function* () {
        yield octets.slice(0, 7);
        yield octets.slice(7);
      },
    });
    await deliver(`${dir}/{user}/Maildir`, task);
    const [name = ""] = await names(`${dir}/shin/Maildir/new`);
    const expected = new Uint8Array([
      ...new TextEncoder().encode("Return-Path: <shin@baz.co.jp>\r\nDelivered-To: shin@baz.co.jp\r\n"),
      ...octets,
    ]);
    const path = `${dir}/shin/Maildir/new/${name}`;
    assert.deepEqual(await Deno.readFile(path), expected);
    assert.match(name, /^1800000000\.M123000P\d+Q\d+\.mail\.foobar\.co\.jp,S=(\d+)$/);
    assert.ok(name.endsWith(`,S=${expected.length}`));
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    for (const folder of ["", "/tmp", "/new", "/cur"]) {
      assert.equal((await Deno.stat(`${dir}/shin/Maildir${folder}`)).mode! & 0o777, 0o700);
    }
    assert.deepEqual(await names(`${dir}/shin/Maildir/tmp`), []);
    assert.deepEqual(task.events, ["attempting 1", "settle 1 delivered"]);
    assert.equal(task.outcomes.get(1)?.reply, `250 2.0.0 Stored as ${name}`);
  }));

Deno.test("maildir: the null reverse-path is <>, and each recipient gets a file", () =>
  inTempDir(async (dir) => {
    const task = recordTask({ recipients: to("shin@baz.co.jp", "yuki@baz.co.jp"), envelope: { reversePath: null } });
    await deliver(`${dir}/{realm}/{account}`, task);
    for (const account of ["shin@baz.co.jp", "yuki@baz.co.jp"]) {
      const folder = `${dir}/baz.co.jp/${account}/new`;
      const [name = ""] = await names(folder);
      const text = await Deno.readTextFile(`${folder}/${name}`);
      assert.equal(text, `Return-Path: <>\r\nDelivered-To: ${account}\r\n${CONTENT}`);
    }
  }));

Deno.test("maildir: mails of one moment have names of their own", () =>
  inTempDir(async (dir) => {
    for (let at = 0; at < 5; at++) await deliver(`${dir}/{user}`, recordTask({ recipients: to("shin@baz.co.jp") }));
    assert.equal((await names(`${dir}/shin/new`)).length, 5);
  }));

Deno.test("maildirOf fills in the account as stored", () => {
  assert.equal(maildirOf("/var/mail/{user}/Maildir", "shin@baz.co.jp"), "/var/mail/shin/Maildir");
  assert.equal(maildirOf("/m/{realm}/{user}", "a@b@baz.co.jp"), "/m/baz.co.jp/a@b");
  assert.equal(maildirOf("/m/{account}/{user}{user}", "真@baz.co.jp"), "/m/真@baz.co.jp/真真");
  assert.equal(maildirOf("/m/{user}", "$&{realm}@baz.co.jp"), "/m/$&{realm}");
});

Deno.test("maildirOf lets no account out of its place", () => {
  for (const local of ["..", ".", ".hidden", "a/../../b", "/etc", "a\0b", "a\nb", ""]) {
    assert.equal(maildirOf("/m/{user}", `${local}@baz.co.jp`), null, JSON.stringify(local));
    assert.equal(maildirOf("/m/{account}", `${local}@baz.co.jp`), local === "" ? "/m/@baz.co.jp" : null);
  }
  assert.equal(maildirOf("/m/{realm}/x", "shin@../.."), null);
  assert.equal(maildirOf("/m/{realm}/x", "shin"), null);
});

Deno.test("maildir: an account that cannot be part of a path fails, and nothing is written", () =>
  inTempDir(async (dir) => {
    const task = recordTask({ recipients: to("../evil@baz.co.jp") });
    await deliver(`${dir}/box/{user}`, task);
    assert.ok(task.outcomes.get(1)?.kind === "failed");
    assert.deepEqual(await names(dir), []);
  }));

Deno.test("maildir: a folder that cannot be made defers; the path is in the log and not in the reply", () =>
  inTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/shin`, "a file where a folder should be");
    const task = recordTask({ recipients: to("shin@baz.co.jp", "yuki@baz.co.jp") });
    const events = await deliver(`${dir}/{user}/Maildir`, task);
    assert.deepEqual(task.outcomes.get(1), {
      kind: "deferred",
      cause: "local",
      reply: "451 4.2.0 The mailbox cannot be written now",
    });
    assert.equal(task.outcomes.get(2)?.kind, "delivered");
    assert.ok(events.some((event) => event.kind === "alarm" && event.text.includes(`${dir}/shin/Maildir`)));
  }));

Deno.test("maildir: a full disk defers with 452, and leaves nothing in tmp", () =>
  inTempDir(async (dir) => {
    const task = recordTask({
      recipients: to("shin@baz.co.jp"),
      chunks: async function* () {
        yield new TextEncoder().encode("half\r\n");
        // The error of a real device that is full; the mailbox's own disk cannot be filled in a test.
        await Deno.writeTextFile("/dev/full", "x");
      },
    });
    await deliver(`${dir}/{user}`, task);
    const reply = "452 4.2.2 There is no space left for the mailbox";
    assert.deepEqual(task.outcomes.get(1), { kind: "deferred", cause: "local", reply });
    assert.deepEqual(await names(`${dir}/shin/tmp`), []);
    assert.deepEqual(await names(`${dir}/shin/new`), []);
  }));

Deno.test("maildir: content that cannot be read defers, and leaves nothing in tmp", () =>
  inTempDir(async (dir) => {
    const task = recordTask({
      recipients: to("shin@baz.co.jp"),
      chunks: async function* () {
        yield new TextEncoder().encode("half\r\n");
        throw new Error("disk fault");
      },
    });
    await deliver(`${dir}/{user}`, task);
    assert.equal(task.outcomes.get(1)?.kind, "deferred");
    assert.deepEqual(await names(`${dir}/shin/tmp`), []);
    assert.deepEqual(await names(`${dir}/shin/new`), []);
  }));

Deno.test("maildir: nothing is written before the attempt is durable", () =>
  inTempDir(async (dir) => {
    const task = recordTask({
      recipients: to("shin@baz.co.jp"),
      attempting: () => Promise.reject(new Error("no space")),
    });
    await assert.rejects(deliver(`${dir}/{user}`, task), /no space/);
    assert.deepEqual(await names(dir), []);
  }));

Deno.test("maildir: a mail that may not be durable is not left where it will come again", () =>
  inTempDir(async (dir) => {
    const open = Deno.open;
    const failing = (path: string | URL, options?: Deno.OpenOptions) => {
      return String(path).endsWith("/new") ? Promise.reject(new Error("Input/output error")) : open(path, options);
    };
    const task = recordTask({ recipients: to("shin@baz.co.jp") });
    await Deno.mkdir(`${dir}/shin/Maildir/new`, { recursive: true });
    Deno.open = failing;
    try {
      await deliver(`${dir}/{user}/Maildir`, task);
    } finally {
      Deno.open = open;
    }
    assert.equal(task.outcomes.get(1)?.kind, "deferred");
    assert.deepEqual(await names(`${dir}/shin/Maildir/new`), []);
    assert.deepEqual(await names(`${dir}/shin/Maildir/tmp`), []);
  }));

Deno.test("maildir: a path without places is one folder for all, also for those who have no account here", () =>
  inTempDir(async (dir) => {
    const [shin] = to("shin@baz.co.jp");
    const [taro] = recipientsOf(["taro@example.net"]);
    assert.ok(shin !== undefined && taro !== undefined);
    const task = recordTask({ recipients: [shin, { ...taro, id: 2 }] });
    await deliver(`${dir}/archive`, task);
    assert.deepEqual([...task.outcomes.values()].map(({ kind }) => kind), ["delivered", "delivered"]);
    const files = await names(`${dir}/archive/new`);
    const texts = await Promise.all(files.map((name) => Deno.readTextFile(`${dir}/archive/new/${name}`)));
    assert.deepEqual(texts.map((text) => /^Delivered-To: (.*)\r$/m.exec(text)?.[1]).toSorted(), [
      "shin@baz.co.jp",
      "taro@example.net",
    ]);
    const apart = recordTask({ recipients: [taro] });
    await deliver(`${dir}/{user}`, apart);
    assert.equal(apart.outcomes.get(1)?.kind, "failed");
  }));
