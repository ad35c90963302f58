import { deepEqual, equal, ok } from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import type { Backend } from "../../src/backend.ts";
import type { SqliteAccountStore } from "../../src/accounts/sqlite_account_store.ts";
import { createSuccessCache } from "../../src/auth/success_cache.ts";
import { openStore, temporaryFolder } from "../accounts/lib.ts";
import { bench, KEY, SHIN } from "./lib.ts";

/** A sasldb that counts how often it has to look at a password. */
async function counting(store: SqliteAccountStore): Promise<{ readonly backend: Backend; asked: number }> {
  const host = { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => store };
  const inner = await SASLDB.open("sasldb", SASLDB.schema.parse({}), host);
  const counter = {
    asked: 0,
    backend: {
      ...inner,
      ask: (question, signal) => {
        if (question.kind === "password") counter.asked++;
        return inner.ask(question, signal);
      },
    } satisfies Backend,
  };
  return counter;
}

Deno.test("cyrus_sasl_550: a right password is asked once, and again after every change by any process", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await using command = openStore(file);
  await command.add(SHIN, "old");
  const counter = await counting(store);
  await using setup = bench({ backends: [counter.backend] });
  const login = async (password: string) => {
    const { verdict, event } = await setup.login(SHIN, password);
    return [verdict.kind, counter.asked, event.chain.at(-1)?.answer];
  };

  deepEqual(await login("old"), ["accepted", 1, "accepted"]);
  deepEqual(await login("old"), ["accepted", 1, "accepted:cache"]);
  deepEqual(await login("wrong"), ["rejected", 2, "rejected:wrong-secret"]);
  deepEqual(await login("wrong"), ["rejected", 3, "rejected:wrong-secret"], "a no is never cached");

  await command.setDisabled(SHIN, true);
  deepEqual(await login("old"), ["rejected", 4, "rejected:disabled"]);
  await command.setDisabled(SHIN, false);
  deepEqual(await login("old"), ["accepted", 4, "accepted:cache"]);

  await command.setPassword(SHIN, "new");
  deepEqual(await login("old"), ["rejected", 5, "rejected:wrong-secret"]);
  deepEqual(await login("new"), ["accepted", 6, "accepted"]);
  deepEqual(await login("new"), ["accepted", 6, "accepted:cache"]);
  await command.setPassword(SHIN, "new");
  deepEqual(await login("new"), ["accepted", 7, "accepted"], "the same password set again is another version");

  setup.clock.time += 300_000;
  deepEqual(await login("new"), ["accepted", 8, "accepted"], "five minutes later");
  await command.remove(SHIN);
  deepEqual(await login("new"), ["rejected", 9, "rejected:unknown-user"]);
});

Deno.test("without the cache every login is looked at", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "secret");
  const counter = await counting(store);
  await using setup = bench({ backends: [counter.backend], cache: createSuccessCache({ key: KEY, enabled: false }) });
  for (let login = 0; login < 2; login++) equal((await setup.login(SHIN, "secret")).verdict.kind, "accepted");
  equal(counter.asked, 2);
});

Deno.test("two hundred logins at once, after the first and by every kind of proof", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "secret");
  const { backend } = await counting(store);
  await using setup = bench({ backends: [backend] });
  const cold = await Promise.all(
    Array.from({ length: 6 }, () => setup.authenticator.begin(ORIGIN_OF(1), "s")).map((exchange) =>
      exchange.ask(
        { kind: "password", user: SHIN, password: "secret", origin: ORIGIN_OF(1) },
        new AbortController().signal,
      )
    ),
  );
  ok(cold.every(({ kind }) => kind === "accepted"));
  const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => {
    const [origin, signal] = [ORIGIN_OF(at), new AbortController().signal];
    const exchange = setup.authenticator.begin(origin, "s");
    const schemes = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"] as const;
    const scheme = schemes[at % 5];
    return scheme === undefined
      ? exchange.ask({ kind: "password", user: SHIN, password: "secret", origin }, signal)
      : exchange.ask({ kind: "verifiers", user: SHIN, scheme, origin }, signal);
  }));
  equal(answers.filter(({ kind }) => kind === "accepted").length, 40);
  equal(answers.filter((answer) => answer.kind === "verifiers" && !answer.decoy).length, 160);
});

Deno.test("a disabled account runs its exchange to the end and is refused there; so does one disabled meanwhile", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "secret");
  await using setup = bench({ backends: [(await counting(store)).backend] });
  equal((await setup.prove(SHIN, true, { scheme: "scram-sha-256" })).verdict.kind, "accepted");
  await store.setDisabled(SHIN, true);
  const { answer, verdict, event } = await setup.prove(SHIN, true, { scheme: "scram-sha-256" });
  ok(answer.kind === "verifiers" && !answer.decoy);
  deepEqual([verdict.kind, event.reason, event.account], ["rejected", "disabled", "shin@baz.co.jp"]);
});

Deno.test("an unknown user costs one scrypt, as a wrong password does", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "secret");
  const checked: string[] = [];
  const spying: SqliteAccountStore = new Proxy(store, {
    get: (target, property) => {
      const member = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (property === "checkPassword" || property === "checkSecret") checked.push(String(args[0]));
        return Reflect.apply(member, target, args);
      };
    },
  });
  await using setup = bench({ backends: [(await counting(spying)).backend], realms: ["foobar.co.jp"] });
  await setup.login(SHIN, "wrong");
  await setup.login({ local: "taro", realm: "baz.co.jp" }, "wrong");
  await setup.login({ local: "shin", realm: "elsewhere.jp" }, "wrong");
  deepEqual(checked, ["shin@baz.co.jp", "", ""]);
});

const ORIGIN_OF = (at: number) => {
  return { remote: `192.0.2.${at}`, listener: "MSA", tls: null, mechanism: "PLAIN" } as const;
};
