import assert from "node:assert/strict";
import { openAliasFile } from "../../src/auth/alias_file.ts";
import { createLocalRecipients } from "../../src/auth/local_recipients.ts";
import type { LogEvent } from "../../src/log/event.ts";
import { tempDir } from "../spool/fixture.ts";

const DOMAINS = {
  localDomains: ["foobar.co.jp"],
  defaultRealm: "baz.co.jp",
  postmaster: "hanako@baz.co.jp",
  localRecipients: new Map([["info@foobar.co.jp", "taro@baz.co.jp"]]),
};
const ACCOUNTS = new Set(["shin@baz.co.jp", "taro@baz.co.jp", "hanako@baz.co.jp"]);

/** Local recipients over an aliases file, with three accounts; `wait` lets a second pass. */
function open(file: string) {
  const events: LogEvent[] = [];
  const clock = { time: 0 };
  const aliases = openAliasFile({
    ...{ file, localDomains: DOMAINS.localDomains },
    log: (event) => void events.push(event),
    now: () => clock.time,
  });
  const recipients = createLocalRecipients({
    ...{ domains: DOMAINS, stores: [], aliases },
    authenticator: {
      lookup: ({ local, realm }) => {
        const name = `${local}@${realm}`;
        return Promise.resolve(
          ACCOUNTS.has(name)
            ? { kind: "known", account: { name, backend: "people", addresses: [], groups: [], attributes: {} } }
            : { kind: "rejected", why: "unknown-user" },
        );
      },
    },
  });
  const resolve = async (address: string, expanded = false) => {
    const resolution = await recipients.resolve(address, new AbortController().signal, { expanded });
    if (resolution.kind === "local") return resolution.account.name;
    if (resolution.kind === "alias") return resolution.expand().flatMap(({ members }) => members).join(" ");
    return resolution.kind;
  };
  return { events, resolve, wait: () => void (clock.time += 1_000) };
}

Deno.test("aliases stand behind local_recipients and before accounts, postmaster is one like others", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/aliases`;
  await Deno.writeTextFile(
    file,
    "info: shin\nboss: Hanako\nnobody: gone\nshin: shin, a@example.net\naway: x@example.net\npostmaster: shin, taro\nlist: boss\n",
  );
  const { resolve } = open(file);
  assert.equal(await resolve("info@foobar.co.jp"), "taro@baz.co.jp");
  // One account under another name is that account, and one that is not there is unknown at once.
  assert.equal(await resolve("Boss@foobar.co.jp"), "hanako@baz.co.jp");
  assert.equal(await resolve("list@foobar.co.jp"), "hanako@baz.co.jp");
  assert.equal(await resolve("nobody@foobar.co.jp"), "unknown");
  assert.equal(await resolve("shin@foobar.co.jp"), "shin@foobar.co.jp a@example.net");
  assert.equal(await resolve("shin@foobar.co.jp", true), "shin@baz.co.jp");
  assert.equal(await resolve("away@foobar.co.jp"), "x@example.net");
  assert.equal(await resolve("postmaster"), "shin@foobar.co.jp a@example.net taro@foobar.co.jp");
  assert.equal(await resolve("taro@foobar.co.jp"), "taro@baz.co.jp");
  assert.equal(await resolve("list@example.net"), "not-local");
});

Deno.test("the file is read again when it changes; a version with mistakes raises an alarm and leaves the old one in force", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/aliases`;
  await Deno.writeTextFile(`${dir.path}/list`, "shin\n");
  await Deno.writeTextFile(file, "staff: :include:list\n");
  const { events, resolve, wait } = open(file);
  assert.equal(await resolve("staff@foobar.co.jp"), "shin@baz.co.jp");
  // An included file counts as well.
  await Deno.writeTextFile(`${dir.path}/list`, "taro@baz.co.jp, taro\n");
  wait();
  assert.equal(await resolve("staff@foobar.co.jp"), "taro@baz.co.jp taro@foobar.co.jp");
  await Deno.writeTextFile(file, "staff: |sh\n");
  wait();
  assert.equal(await resolve("staff@foobar.co.jp"), "taro@baz.co.jp taro@foobar.co.jp");
  wait();
  await resolve("staff@foobar.co.jp");
  const texts = events.map((event) => event.kind === "alarm" ? event.text : event.kind);
  assert.deepEqual(texts, [
    `${file}, line 1: programs are not run, so |sh is no member: give the mail to an account; the aliases from before it stay in force`,
  ]);
  await Deno.writeTextFile(`${dir.path}/new`, "staff: hanako\n");
  await Deno.rename(`${dir.path}/new`, file);
  wait();
  assert.equal(await resolve("staff@foobar.co.jp"), "hanako@baz.co.jp");
});

Deno.test("while there was no good version nobody is unknown", async () => {
  await using dir = await tempDir();
  const { resolve, events } = open(`${dir.path}/missing`);
  assert.equal(await resolve("staff@foobar.co.jp"), "unavailable");
  assert.equal(events.length, 1);
});
