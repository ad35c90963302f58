import assert from "node:assert/strict";
import { lmtpHop, openLmtp } from "../../src/delivery/lmtp.ts";
import { openMaildir } from "../../src/delivery/maildir.ts";
import type { Deliverer, RoutedRecipient } from "../../src/delivery/deliverer.ts";
import { deliverAll, recipientsOf, recordLog, recordTask } from "../delivery/lib.ts";
import { accountNamed } from "../delivery/scheduler_fixture.ts";
import { type Dovecot, DOVECOT_LMTP_PROGRAMS, startDovecot } from "./dovecot.ts";
import { requirePrograms } from "./lib.ts";

const withDovecot = requirePrograms(DOVECOT_LMTP_PROGRAMS);
const CONTENT = "Subject: Hello\r\nFrom: <taro@example.net>\r\n\r\n.first\r\nsecond\r\n";

function recipientsFor(...accounts: readonly string[]): readonly RoutedRecipient[] {
  return recipientsOf(accounts).map((recipient) => ({ ...recipient, account: accountNamed(recipient.forwardPath) }));
}

/** Delivers by LMTP, over TCP or over the socket. */
function lmtpTo(dovecot: Dovecot, over: "tcp" | "unix") {
  const address = over === "tcp" ? { host: "127.0.0.1", port: dovecot.port } : { path: dovecot.socket };
  const { log, events } = recordLog();
  const settings = { name: "lmtp", address, hostname: "mail.foobar.co.jp", log, concurrency: 2 };
  return { deliverer: openLmtp(settings), hop: lmtpHop("lmtp", address), events };
}

withDovecot("Dovecot takes mail by LMTP over TCP and over its socket, with an outcome for each recipient", async () => {
  await using dovecot = await startDovecot({ users: ["shin", "taro", "full"], full: ["full"] });
  for (const over of ["tcp", "unix"] as const) {
    const recipients = recipientsFor("shin@baz.co.jp", "nobody@baz.co.jp", "full@baz.co.jp", "taro@baz.co.jp");
    const task = recordTask({ recipients, content: CONTENT });
    assert.equal(
      await deliverAll(lmtpTo(dovecot, over), [task, recordTask({ recipients: recipientsFor("taro@baz.co.jp") })]),
      null,
    );
    const outcomes = [1, 2, 3, 4].map((id) => task.outcomes.get(id));
    assert.deepEqual(outcomes.map((outcome) => outcome?.kind), ["delivered", "failed", outcomes[2]?.kind, "delivered"]);
    assert.equal(outcomes[1]?.kind === "failed" && outcomes[1].enhanced, "5.1.1");
    // Dovecot says 452 or 552 by its setting; either way it is that recipient's matter alone.
    assert.match(outcomes[2]?.reply ?? "", /^[45]52 [45]\.2\.2 .*[Qq]uota/);
  }
  assert.deepEqual(await dovecot.fetch("shin", "hdr.subject"), ["Hello", "Hello"]);
  const [body] = await dovecot.fetch("shin", "body");
  assert.equal(body?.replaceAll("\r\n", "\n"), ".first\nsecond\n");
  assert.equal((await dovecot.fetch("taro", "hdr.subject")).length, 4);
  assert.deepEqual(await dovecot.fetch("shin", "hdr.return-path"), ["<shin@baz.co.jp>", "<shin@baz.co.jp>"]);
});

withDovecot(
  "Dovecot reads the Maildir folders that we write: content, size, flags, and new mail beside its own",
  async () => {
    await using dovecot = await startDovecot({ users: ["shin"] });
    const { log } = recordLog();
    const settings = { template: dovecot.template, hostname: "mail.foobar.co.jp", log, now: Date.now };
    const deliverer: Deliverer = openMaildir(settings);
    const hop = { route: "maildir", host: "localhost", port: 0 };
    const deliver = async (content: string) => {
      const task = recordTask({ recipients: recipientsFor("shin@baz.co.jp"), content });
      assert.equal(await deliverAll({ deliverer, hop }, [task]), null);
      assert.equal(task.outcomes.get(1)?.kind, "delivered");
      await dovecot.handOver("shin");
    };
    await deliver(CONTENT);
    assert.deepEqual(await dovecot.fetch("shin", "hdr.subject"), ["Hello"]);
    // What nobody has looked at has no flag.
    assert.deepEqual((await dovecot.fetch("shin", "flags")).map((flags) => flags.replace(/\\Recent/, "").trim()), [""]);
    await deliver(CONTENT.replace("Hello", "Again"));
    assert.equal(
      await deliverAll(lmtpTo(dovecot, "unix"), [
        recordTask({ recipients: recipientsFor("shin@baz.co.jp"), content: CONTENT.replace("Hello", "LMTP") }),
      ]),
      null,
    );
    assert.deepEqual((await dovecot.fetch("shin", "hdr.subject")).toSorted(), ["Again", "Hello", "LMTP"]);
    const [body] = await dovecot.fetch("shin", "body");
    assert.equal(body?.replaceAll("\r\n", "\n"), ".first\nsecond\n");
    // S= in the name is the size on disk, which Dovecot believes without a look at the file.
    const [size] = await dovecot.fetch("shin", "size.physical");
    const names = ["new", "cur"].flatMap((folder) =>
      [...Deno.readDirSync(`${dovecot.maildir("shin")}/${folder}`)].map(({ name }) => name)
    );
    assert.ok(names.some((name) => name.includes(`,S=${size}`)), `${size}: ${names}`);
    assert.ok(!dovecot.log.some((line) => /Error|corrupt/i.test(line)), dovecot.log.join("\n"));
  },
);
