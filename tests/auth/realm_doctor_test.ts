import { deepEqual, equal } from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import type { Backend, LocalAccounts, UserName } from "../../src/backend.ts";
import { describeNamesakes, findNamesakes, findNamesakesHere } from "../../src/auth/realm_doctor.ts";
import { openStore, temporaryFolder } from "../accounts/lib.ts";
import { account, bench, ends, memberOf, never, ORIGIN, scripted, withPassword } from "./lib.ts";

const TARO: UserName = { local: "taro", realm: "mail.example.jp" };
const ADVICE = "`taro` exists in realm example.jp, the client said mail.example.jp";

/** Accounts on this machine that are found by their local part. */
function local(names: readonly UserName[] | Error): LocalAccounts {
  return {
    standing: () => Promise.resolve(null),
    used: () => {},
    spend: () => Promise.resolve(),
    namesakes: (local) =>
      names instanceof Error ? Promise.reject(names) : Promise.resolve(
        names.filter((name) => name.local.toLowerCase() === local.toLowerCase()),
      ),
  };
}

/** A backend on this machine that has `taro@example.jp`. */
function withTaro(accounts: readonly UserName[] | Error = [{ local: "taro", realm: "example.jp" }]): Backend {
  return { ...withPassword("test", ["taro@example.jp"], "secret"), local: local(accounts) };
}

Deno.test("the log tells of the realm in which an unknown name is, and of nothing else", async () => {
  await using setup = bench({ backends: [withTaro()] });
  const refused = async (user: UserName, password = "secret") => {
    const { event } = await setup.login(user, password);
    return [event.result, event.reason];
  };
  deepEqual(await refused(TARO), ["rejected", `unknown-user; ${ADVICE}`]);
  deepEqual(await refused({ local: "taro", realm: "baz.co.jp" }), [
    "rejected",
    "unknown-user; `taro` exists in realm example.jp, the client said baz.co.jp, or no realm",
  ]);
  deepEqual(await refused({ local: "hanako", realm: "mail.example.jp" }), ["rejected", "unknown-user"]);
  deepEqual(await refused({ local: "taro", realm: "example.jp" }, "wrong"), ["rejected", "wrong-secret"]);
});

Deno.test("what the doctor finds comes after the verdict, and the verdict is the same with it and without", async () => {
  const asked: string[] = [];
  const backend = withTaro();
  const spying: Backend = {
    ...backend,
    local: {
      ...local([]),
      namesakes: (name) => {
        asked.push(name);
        return local([{ local: "taro", realm: "example.jp" }]).namesakes?.(name) ?? Promise.resolve([]);
      },
    },
  };
  await using setup = bench({ backends: [spying] });
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  const question = { kind: "password", user: TARO, password: "secret", origin: ORIGIN } as const;
  const answer = await exchange.ask(question, never());
  deepEqual(answer, { kind: "rejected", why: "unknown-user" });
  const failed = { kind: "failed", authcid: TARO, why: "rejected", detail: "unknown-user" } as const;
  deepEqual(await exchange.conclude(failed, "s.1"), { kind: "rejected" });
  deepEqual([asked, setup.events.length], [[], 0], "nothing is looked for before the verdict is out");
  await setup.authenticator[Symbol.asyncDispose]();
  deepEqual([asked, ends(setup.events)[0]?.reason], [["taro"], `unknown-user; ${ADVICE}`]);
});

Deno.test("a store that cannot be read adds nothing, and the line is logged all the same", async () => {
  await using setup = bench({ backends: [withTaro(new RangeError("broken"))] });
  equal((await setup.login(TARO, "secret")).event.reason, "unknown-user");
});

Deno.test("a realm that is not served is told with the one that the account is in", async () => {
  await using setup = bench({ backends: [withTaro()], realms: ["example.jp"] });
  const { event } = await setup.login(TARO, "secret");
  deepEqual(event.chain, [{ backend: "realms", answer: "rejected:realm not served", ms: 0 }]);
  equal(event.reason, `unknown-user; ${ADVICE}`);
});

Deno.test("sasldb finds namesakes in whichever realm and case", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  for (const [local, realm] of [["taro", "example.jp"], ["Taro", "a.example"], ["jiro", "a.example"]] as const) {
    await store.add({ local, realm }, "secret");
  }
  const host = { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => store };
  await using backend = await SASLDB.open("sasldb", SASLDB.schema.parse({}), host);
  const accounts = [backend.local].filter((each) => each !== undefined);
  const find = (user: UserName) => findNamesakesHere(accounts, user);
  deepEqual(await find(TARO), [{ local: "Taro", realm: "a.example" }, { local: "taro", realm: "example.jp" }]);
  deepEqual(await find({ local: "taro", realm: "EXAMPLE.jp" }), [{ local: "Taro", realm: "a.example" }]);
  deepEqual(await find({ local: "saburo", realm: "a.example" }), []);
  deepEqual(await find({ local: "%", realm: "a.example" }), []);
});

Deno.test("remote backends are asked in each realm that is theirs, and an outage there is nothing found", async () => {
  const asked: string[] = [];
  const staff = scripted("staff", (question) => {
    if (question.kind !== "lookup") throw new TypeError("only look-ups are expected");
    asked.push(`${question.user.local}@${question.user.realm}`);
    if (question.user.realm !== "example.jp") return { kind: "rejected", why: "unknown-user" };
    return { kind: "known", account: account("taro@example.jp", "staff") };
  });
  const down = scripted("down", () => ({ kind: "unavailable", cause: "connection refused" }));
  const deaf = scripted("deaf", () => {
    throw new TypeError("it is not asked");
  }, { answers: { password: true, lookup: false, schemes: new Set(), tokens: new Set() } });
  const members = [
    memberOf(staff, { realms: new Set(["example.jp", "b.example"]) }),
    memberOf(down),
    memberOf(deaf),
    memberOf(withTaro([{ local: "taro", realm: "c.example" }])),
  ];
  const realms = ["example.jp", "Example.JP", "a.example", "b.example", "mail.example.jp"];
  const found = await findNamesakes(members, TARO, { realms, signal: never() });
  deepEqual(found, [{ local: "taro", realm: "c.example" }, { local: "taro", realm: "example.jp" }]);
  deepEqual(asked.toSorted(), ["taro@b.example", "taro@example.jp"]);
});

Deno.test("describeNamesakes names the realms, else the case, and is safe to show", () => {
  const describe = (...found: readonly UserName[]) => describeNamesakes(TARO, found, { said: TARO.realm });
  equal(describe(), null);
  deepEqual(describe({ local: "taro", realm: "example.jp" }), { wrong: "realm", text: ADVICE });
  equal(
    describe({ local: "taro", realm: "a.example" }, { local: "TARO", realm: "b.example" })?.text,
    "`taro` exists in the realms a.example, b.example, the client said mail.example.jp",
  );
  const otherCase = describe({ local: "Taro", realm: "mail.example.jp" });
  deepEqual(otherCase, { wrong: "case", text: "`Taro` exists, the client said `taro`" });
  const strange = describeNamesakes({ local: "x", realm: "y" }, [{ local: "a\n", realm: "b\x1b" }], { said: "y\r" });
  equal(strange?.text, "`a?` exists in realm b?, the client said y?");
});
