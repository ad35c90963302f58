import assert from "node:assert/strict";
import type { AccountAdmin, AccountProblem, Credential } from "../../src/accounts/account_store.ts";
import type { Authenticator, ConcludedVerdict } from "../../src/auth/authenticator.ts";
import type { Account, Answer, Origin, Question } from "../../src/backend.ts";
import { changePassword, type PasswordParts, type PasswordRequest } from "../../src/http/password.ts";
import { signIn } from "../../src/http/sign_in.ts";
import { fail, succeed } from "../../src/lib/result.ts";
import type { ExchangeOutcome } from "../../src/sasl/mechanism.ts";
import { keptLog } from "./lib.ts";

const ACCOUNT: Account = { name: "shin@baz.co.jp", backend: "sasldb", addresses: [], groups: [], attributes: {} };
const ACCEPTED: Answer = { kind: "accepted", account: ACCOUNT, credential: "c1", version: "1" };
const SHIN = { local: "shin", realm: "baz.co.jp" };
const REQUEST: PasswordRequest = { user: "shin", oldPassword: "old-secret", newPassword: "new-secret" };

/** The two contracts that a change uses; each call is kept. */
function change(
  { answer, verdict, kind = "password", problem, ...rest }: {
    readonly answer: Answer;
    readonly verdict: ConcludedVerdict["kind"];
    readonly kind?: Credential["kind"];
    readonly problem?: AccountProblem;
    readonly account?: Account;
    readonly request?: Partial<PasswordRequest>;
  },
) {
  const calls: unknown[] = [];
  const unused = () => {
    throw new TypeError("Cannot use this: no change of a password does");
  };
  const identity = { account: rest.account ?? ACCOUNT, credential: "c1", mechanism: "PASSWD", trusted: false };
  const authenticator: Authenticator = {
    begin: (origin: Origin, session: string) => {
      calls.push({ begin: origin, session });
      return {
        ask: (question: Question) => {
          calls.push({ ask: question });
          return Promise.resolve(answer);
        },
        conclude: (outcome: ExchangeOutcome, id: string) => {
          calls.push({ conclude: outcome, id });
          return Promise.resolve(verdict === "accepted" ? { kind: verdict, identity } : { kind: verdict });
        },
        [Symbol.dispose]: () => void calls.push("disposed"),
      };
    },
    lookup: unused,
    [Symbol.asyncDispose]: unused,
  };
  const store: Pick<AccountAdmin, "setPassword"> = {
    setPassword: (name, password) => {
      calls.push({ setPassword: name, password });
      return Promise.resolve(
        problem === undefined
          ? succeed({
            ...ACCOUNT,
            disabled: false,
            created: "",
            changed: "",
            credentials: [],
            schemes: [],
            imported: false,
            legacyVerifiers: true,
            missingRealms: [],
          })
          : fail(problem),
      );
    },
  };
  const { events, log } = keptLog();
  const isMain = (_: Account, credential: string) => Promise.resolve(credential === "c1" && kind === "password");
  const parts: PasswordParts = {
    signIn: (wish, options) =>
      signIn({ authenticator, isMain, defaultRealm: "baz.co.jp" }, { ...wish, session: "s1" }, options),
    accountsOf: (backend: string) => backend === "sasldb" ? store : null,
    onChanged: (account) => void calls.push({ onChanged: account }),
    log,
  };
  const request = { ...REQUEST, ...rest.request };
  return { calls, events, run: () => changePassword(parts, request, { signal: new AbortController().signal }) };
}

Deno.test("a change with the right old password is a login that is concluded first, then made and logged", async () => {
  const it = change({ answer: ACCEPTED, verdict: "accepted" });
  assert.deepEqual(await it.run(), { kind: "changed" });
  const origin = { remote: "local", listener: "local", tls: null, mechanism: "PASSWD" };
  assert.deepEqual(it.calls, [
    { begin: origin, session: "s1" },
    { ask: { kind: "password", user: SHIN, password: "old-secret", origin } },
    {
      conclude: {
        kind: "proved",
        authcid: SHIN,
        authzid: "",
        account: ACCOUNT,
        credential: "c1",
        proof: "password",
      },
      id: "s1.1",
    },
    "disposed",
    { setPassword: { local: "shin", realm: "baz.co.jp" }, password: "new-secret" },
    { onChanged: "shin@baz.co.jp" },
  ]);
  assert.deepEqual(it.events, [{
    kind: "account-changed",
    account: "shin@baz.co.jp",
    what: "password",
    by: "shin@baz.co.jp",
  }]);
});

Deno.test("each failure is concluded and changes nothing", async () => {
  const cases = [
    [{ kind: "rejected", why: "wrong-secret" }, "rejected", "rejected", "rejected"],
    [{ kind: "rejected", why: "unknown-user" }, "rejected", "rejected", "rejected"],
    [{ kind: "rejected", why: "disabled" }, "rejected", "rejected", "rejected"],
    [{ kind: "unavailable", cause: "connection refused" }, "unavailable", "unavailable", "unavailable"],
    [{ kind: "rejected", why: "wrong-secret" }, "delayed", "rejected", "unavailable"],
    [{ kind: "verifiers", account: null, verifiers: [], decoy: true }, "unavailable", "unavailable", "unavailable"],
  ] as const;
  for (const [answer, verdict, why, expected] of cases) {
    const it = change({ answer, verdict });
    assert.deepEqual(await it.run(), { kind: expected });
    const concluded = it.calls.flatMap((call) =>
      typeof call === "object" && call && "conclude" in call ? [call.conclude] : []
    );
    assert.equal(concluded.length, 1);
    assert.equal(Reflect.get(Object(concluded[0]), "why"), why);
    assert.doesNotMatch(JSON.stringify(it.calls), /setPassword/);
    assert.deepEqual(it.events, []);
  }
});

Deno.test("a right password that the verdict refuses (locked, expired) changes nothing", async () => {
  for (const verdict of ["rejected", "too-weak", "delayed", "unavailable"] as const) {
    const it = change({ answer: ACCEPTED, verdict });
    assert.notEqual((await it.run()).kind, "changed");
    assert.doesNotMatch(JSON.stringify(it.calls), /setPassword/);
  }
});

Deno.test("an account of another backend is explained, after the login", async () => {
  const it = change({ answer: ACCEPTED, verdict: "accepted", account: { ...ACCOUNT, backend: "staff" } });
  assert.deepEqual(await it.run(), { kind: "foreign", backend: "staff" });
  assert.match(JSON.stringify(it.calls), /"conclude"/);
  assert.doesNotMatch(JSON.stringify(it.calls), /setPassword/);
});

Deno.test("what is no name or no password is concluded as malformed and asks nobody", async () => {
  for (
    const request of [{ user: "" }, { user: "a\0b" }, { user: "@baz.co.jp" }, { oldPassword: "a\nb" }, {
      oldPassword: "",
    }]
  ) {
    const it = change({ answer: ACCEPTED, verdict: "rejected", request });
    assert.deepEqual(await it.run(), { kind: "rejected" });
    assert.match(JSON.stringify(it.calls), /"why":"malformed"/);
    assert.doesNotMatch(JSON.stringify(it.calls), /"ask"|setPassword/);
  }
});

Deno.test("an app password does not open the change of the main one", async () => {
  const it = change({ answer: ACCEPTED, verdict: "accepted", kind: "app-password" });
  assert.deepEqual(await it.run(), { kind: "rejected" });
  assert.doesNotMatch(JSON.stringify(it.calls), /setPassword/);
});

Deno.test("a new password that the store refuses is told apart from an account that has gone", async () => {
  assert.deepEqual(await change({ answer: ACCEPTED, verdict: "accepted", problem: "bad-password" }).run(), {
    kind: "refused",
  });
  assert.deepEqual(await change({ answer: ACCEPTED, verdict: "accepted", problem: "unknown-account" }).run(), {
    kind: "rejected",
  });
});
