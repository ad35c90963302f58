import { deepEqual, equal } from "node:assert/strict";
import { createLocalRecipients } from "../../src/auth/local_recipients.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import type { LocalDomains } from "../../src/policy/local_recipients.ts";
import { account, bench, never, scripted } from "./lib.ts";

const DOMAINS: LocalDomains = {
  localDomains: ["foobar.co.jp", "baz.co.jp"],
  defaultRealm: "baz.co.jp",
  postmaster: "shin@baz.co.jp",
  localRecipients: new Map([["info@foobar.co.jp", "yuki@baz.co.jp"], ["old@foobar.co.jp", "gone@baz.co.jp"]]),
};
const ACCOUNTS = ["shin@baz.co.jp", "yuki@baz.co.jp", "umi@foobar.co.jp", "umi@baz.co.jp"];
const STORED = new Map([["news@foobar.co.jp", "yuki@baz.co.jp"], ["old@foobar.co.jp", "shin@baz.co.jp"]]);

/** A backend that has these accounts and cannot tell of one realm. */
function having(names: readonly string[], downRealm: string | null = null): Backend {
  return scripted("test", (question): Promise<Answer> => {
    const { user } = question.kind === "token" ? { user: null } : question;
    if (user === null || user.realm === downRealm) return Promise.resolve({ kind: "unavailable", cause: "down" });
    const name = `${user.local}@${user.realm}`;
    if (!names.includes(name)) return Promise.resolve({ kind: "rejected", why: "unknown-user" });
    return Promise.resolve({ kind: "known", account: account(name) });
  });
}

async function resolve(path: string, downRealm: string | null = null): Promise<string> {
  await using setup = bench({ backends: [having(ACCOUNTS, downRealm)] });
  const store = {
    find: (by: object) => {
      const name = "address" in by ? STORED.get(String(by.address)) : undefined;
      return Promise.resolve(name === undefined ? null : account(name));
    },
  };
  const recipients = createLocalRecipients({ domains: DOMAINS, authenticator: setup.authenticator, stores: [store] });
  const found = await recipients.resolve(path, never());
  return found.kind === "local" ? found.account.name : found.kind;
}

Deno.test("recipients: the map, the account of the address, the one in the default realm, an address of an account", async () => {
  equal(await resolve("info@foobar.co.jp"), "yuki@baz.co.jp");
  equal(await resolve("UMI@foobar.co.jp"), "umi@foobar.co.jp");
  equal(await resolve("shin@foobar.co.jp"), "shin@baz.co.jp");
  equal(await resolve("news@foobar.co.jp"), "yuki@baz.co.jp");
  equal(await resolve("postmaster"), "shin@baz.co.jp");
  equal(await resolve("nobody@foobar.co.jp"), "unknown");
});

Deno.test("recipients: a map entry whose account is gone leads to nobody else", async () => {
  equal(await resolve("old@foobar.co.jp"), "unknown");
});

Deno.test("recipients: while a backend is down nobody is unknown, and nobody gets the mail of another", async () => {
  equal(await resolve("umi@foobar.co.jp", "foobar.co.jp"), "unavailable", "not to umi@baz.co.jp");
  equal(await resolve("nobody@foobar.co.jp", "baz.co.jp"), "unavailable");
  equal(await resolve("umi@foobar.co.jp", "baz.co.jp"), "umi@foobar.co.jp");
});

Deno.test("recipients: what is not ours, or names a second destination, is asked of nobody", async () => {
  deepEqual(await Promise.all(["a@example.com", "a%b@baz.co.jp"].map((path) => resolve(path, "baz.co.jp"))), [
    "not-local",
    "relay-path",
  ]);
});
