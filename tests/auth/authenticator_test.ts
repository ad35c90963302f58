import { deepEqual, equal, notDeepEqual, ok, rejects } from "node:assert/strict";
import type { Answer, LocalAccounts, Standing, UserName, VerifierScheme } from "../../src/backend.ts";
import { decoyVerifier } from "../../src/auth/decoys.ts";
import { Exchange } from "../../src/auth/exchange.ts";
import { createGuessingStore } from "../../src/auth/guessing.ts";
import { createHolds } from "../../src/auth/holds.ts";
import { account, bench, ends, KEY, memberOf, never, ORIGIN, outcomeOf, scripted, SHIN, withPassword } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const TARO: UserName = { local: "taro", realm: "baz.co.jp" };
const STRANGER = { remote: "198.51.100.7" };
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];

/** A backend with accounts on this machine whose standing a test can change. */
function standingBackend(standing: { current: Standing | null | Error; used?: string[] }) {
  const local: LocalAccounts = {
    standing: () => {
      if (standing.current instanceof Error) return Promise.reject(standing.current);
      return Promise.resolve(standing.current);
    },
    used: ({ account }, credential, at) => standing.used?.push(`${account.name} ${credential} ${at}`),
    spend: () => Promise.resolve(),
  };
  return { ...withPassword("test", [NAME], "secret"), local };
}

const STANDING: Standing = {
  account: account(NAME),
  disabled: false,
  credentials: [{ id: "c", version: "1", networks: [], mechanisms: null, expires: null }],
};
const withCredential = (scope: Partial<Standing["credentials"][number]>): Standing => {
  return { ...STANDING, credentials: STANDING.credentials.map((each) => ({ ...each, ...scope })) };
};

Deno.test("a right password makes an identity and one line", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  setup.clock.time += 5;
  const { verdict, event } = await setup.login(SHIN, "secret");
  deepEqual(verdict, {
    kind: "accepted",
    identity: { account: account(NAME), credential: "c", mechanism: "PLAIN", trusted: true },
  });
  deepEqual(event, {
    kind: "authentication",
    id: "login.1",
    remote: "192.0.2.1",
    listener: "MSA",
    mechanism: "PLAIN",
    tls: "TLSv1.3",
    authcid: NAME,
    authzid: null,
    account: NAME,
    credential: "c",
    result: "accepted",
    reason: "password",
    chain: [{ backend: "test", answer: "accepted", ms: 0 }],
    ms: 0,
  });
  deepEqual(setup.waits, [], "successes do not wait");
});

Deno.test("wrong and unknown get the same verdict after the same least time; the log tells them apart", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  const wrong = await setup.login(SHIN, "guess");
  const unknown = await setup.login(TARO, "guess");
  deepEqual([wrong.verdict, unknown.verdict], [{ kind: "rejected" }, { kind: "rejected" }]);
  deepEqual([wrong.event.reason, unknown.event.reason], ["wrong-secret", "unknown-user"]);
  equal(setup.waits.length, 2);
  ok(setup.waits.every((ms) => ms >= 100 && ms <= 120), `${setup.waits}`);
  await setup.login(SHIN, "another");
  equal(setup.waits[2], setup.waits[0], "the same for each attempt on a name: an average shows nothing");
});

Deno.test("the floor is counted from the arrival of the secret", async () => {
  await using setup = bench({
    backends: [scripted("slow", () => {
      setup.clock.time += 70;
      return { kind: "rejected", why: "wrong-secret" };
    })],
  });
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  setup.clock.time += 1000;
  const answer = await exchange.ask({ kind: "password", user: SHIN, password: "x", origin: ORIGIN }, never());
  await exchange.conclude(outcomeOf(answer, { user: SHIN, authzid: "" }), "s.1");
  ok(setup.waits[0]! >= 30 && setup.waits[0]! <= 50, `${setup.waits}`);
});

Deno.test("an unknown user costs the time of a password where the accounts lie here, whichever backend comes last", async () => {
  const spent: string[] = [];
  const local: LocalAccounts = {
    standing: () => Promise.resolve(null),
    used: () => {},
    spend: (password) => Promise.resolve(void spent.push(password)),
  };
  const here = { ...withPassword("here", [NAME], "secret"), local };
  const down = scripted("down", () => ({ kind: "unavailable", cause: "down" }));
  await using setup = bench({ backends: [here, withPassword("remote", ["hanako@baz.co.jp"], "secret"), down] });
  await setup.login(TARO, "one");
  await setup.login({ local: "hanako", realm: "baz.co.jp" }, "two");
  deepEqual(spent, ["one", "two"]);
  await setup.login({ local: "hanako", realm: "baz.co.jp" }, "secret");
  await setup.login(SHIN, "three");
  deepEqual(spent, ["one", "two"], "not for a success elsewhere, not where the time was spent already");
});

Deno.test("decoys are the same at each attempt, different for each name, and in the shape of verifiers", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")], guessing: { enabled: false } });
  for (const scheme of SCHEMES) {
    const [first, again, other] = [
      (await setup.prove(TARO, true, { scheme })).answer,
      (await setup.prove(TARO, true, { scheme })).answer,
      (await setup.prove({ local: "hanako", realm: "baz.co.jp" }, true, { scheme })).answer,
    ];
    deepEqual(first, again);
    notDeepEqual(first, other);
    ok(first.kind === "verifiers" && first.decoy && first.account === null);
    const [verifier] = first.verifiers;
    ok(verifier?.scheme === scheme);
    if (verifier.scheme === "scram-sha-1" || verifier.scheme === "scram-sha-256") {
      const octets = scheme === "scram-sha-1" ? 20 : 32;
      const { salt, iterations, storedKey, serverKey } = verifier;
      deepEqual([salt.length, iterations, storedKey.length, serverKey.length], [16, 4096, octets, octets]);
    } else if (verifier.scheme === "cram-md5") {
      deepEqual([verifier.inner.length, verifier.outer.length], [16, 16]);
    } else {
      ok(verifier.scheme === "digest-md5" && verifier.ha1s.length === 3);
      ok(verifier.ha1s.every((ha1) => ha1.length === 16));
    }
  }
  ok(
    ends(setup.events).every(({ result, reason, account }) =>
      result === "rejected" && reason === "unknown-user" && account === null
    ),
  );
});

Deno.test("a decoy is made for whoever asks, so that the time of a SCRAM salt does not tell who exists", async () => {
  for (const known of [true, false]) {
    let made = 0;
    const found = { kind: "verifiers", account: account(NAME), verifiers: [], decoy: false } as const;
    const answer: Answer = known ? found : { kind: "rejected", why: "unknown-user" };
    const exchange = new Exchange(
      {
        ...{ key: KEY, defaultRealm: "baz.co.jp", now: () => 0, floorMs: 0, log: () => {}, trusts: () => true },
        logUnknown: () => {},
        outageIsRejection: false,
        guessing: createGuessingStore({ enabled: false, exemptNetworks: [] }, {
          ...{ has: () => false, add: () => {}, hasAnybody: () => false },
          [Symbol.dispose]: () => {},
        }),
        holds: createHolds(1, () => Promise.resolve()),
        chain: () => {
          const member = memberOf(scripted("test", () => answer));
          return Promise.resolve({
            ...{
              answer,
              decidedBy: known ? member : null,
              agreedBy: [],
              steps: [],
              wrongSecret: false,
              unknownHere: !known,
            },
            because: null,
          });
        },
        decoy: (user, scheme) => {
          made++;
          return decoyVerifier(user, scheme, { key: KEY, defaultRealm: "baz.co.jp", realms: [] });
        },
        spend: () => Promise.resolve(),
      },
      ORIGIN,
      "s",
    );
    const shown = await exchange.ask(
      { kind: "verifiers", user: SHIN, scheme: "scram-sha-256", origin: ORIGIN },
      never(),
    );
    equal(shown.kind === "verifiers" && shown.decoy, !known);
    equal(made, 1);
    exchange[Symbol.dispose]();
  }
});

Deno.test("decoys do not tell how names are compared", async () => {
  for (const userCaseSensitive of [true, false]) {
    await using setup = bench({ backends: [withPassword("test", [], "")], userCaseSensitive });
    const decoy = async (local: string) => (await setup.prove({ local, realm: "baz.co.jp" }, true)).answer;
    if (userCaseSensitive) notDeepEqual(await decoy("Taro"), await decoy("taro"));
    else deepEqual(await decoy("Taro"), await decoy("taro"));
  }
});

Deno.test("whoever may not log in is shown decoys, and the log says why", async () => {
  for (const why of ["disabled", "expired", "not-allowed"] as const) {
    await using setup = bench({ backends: [scripted("test", () => ({ kind: "rejected", why }))] });
    const { answer, verdict, event } = await setup.prove(SHIN, true);
    ok(answer.kind === "verifiers" && answer.decoy);
    deepEqual([verdict.kind, event.reason], ["rejected", why]);
  }
});

Deno.test("while a backend is down nobody is shown decoys", async () => {
  const down = scripted("down", () => ({ kind: "unavailable", cause: "down" }));
  await using setup = bench({ backends: [down, withPassword("test", [NAME], "secret")] });
  equal((await setup.prove(TARO, true)).verdict.kind, "unavailable");
  equal((await setup.prove(SHIN, true)).verdict.kind, "accepted");
});

Deno.test("a proof on decoys, or for an account that no backend gave, opens nothing", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  for (const user of [TARO, SHIN]) {
    using exchange = setup.authenticator.begin(ORIGIN, "s");
    await exchange.ask({ kind: "verifiers", user, scheme: "cram-md5", origin: ORIGIN }, never());
    const forged = {
      kind: "proved",
      authcid: user,
      authzid: "",
      account: account("root@baz.co.jp"),
      credential: "c",
      proof: "verifier",
    } as const;
    deepEqual(await exchange.conclude(forged, "s.1"), { kind: "unavailable" });
  }
  equal(setup.events.filter(({ kind }) => kind === "bug").length, 2);
});

Deno.test("smtp_server_3_18_authzid: only oneself can be acted as, whatever form the name has", async () => {
  const backend = {
    ...standingBackend({ current: null }),
    local: {
      standing: ({ local, realm }: UserName) => {
        const name = `${local.toLowerCase()}@${realm}`;
        const known = name === NAME || name === "taro@baz.co.jp";
        return Promise.resolve(known ? { ...STANDING, account: account(name) } : null);
      },
      used: () => {},
      spend: () => Promise.resolve(),
    },
  };
  await using setup = bench({ backends: [backend] });
  for (const authzid of ["", "shin", "shin@baz.co.jp", "SHIN@BAZ.co.jp"]) {
    equal((await setup.login(SHIN, "secret", { authzid })).verdict.kind, "accepted", authzid);
  }
  for (const authzid of ["taro", "taro@baz.co.jp", "shin@foobar.co.jp", "root", "@", "shin@", "a\0b"]) {
    const { verdict, event } = await setup.login(SHIN, "secret", { authzid });
    deepEqual([verdict.kind, event.reason], ["rejected", "authorization identity is another account"], authzid);
    ok(event.authzid !== null);
  }
});

Deno.test("authorization identities in a remote backend are looked up there", async () => {
  const users: Readonly<Record<string, Answer>> = {
    "s.yamada": { kind: "known", account: account(NAME) },
    "taro": { kind: "known", account: account("taro@baz.co.jp") },
    "down": { kind: "unavailable", cause: "down" },
  };
  await using setup = bench({
    backends: [scripted("test", (question) => {
      if (question.kind !== "lookup") {
        return { kind: "accepted", account: account(NAME), credential: "c", version: "1" };
      }
      return Object.hasOwn(users, question.user.local)
        ? users[question.user.local]!
        : { kind: "rejected", why: "unknown-user" };
    })],
  });
  const verdict = async (authzid: string) => (await setup.login(SHIN, "secret", { authzid })).verdict.kind;
  deepEqual(
    await Promise.all(["shin", "s.yamada", "taro", "nobody", "down"].map(verdict)),
    ["accepted", "accepted", "rejected", "rejected", "unavailable"],
  );
});

Deno.test("what changed since the secret was looked at counts at the end", async () => {
  const state: { current: Standing | null | Error } = { current: STANDING };
  await using setup = bench({ backends: [standingBackend(state)] });
  const cases: readonly (readonly [Standing | null | Error, string, string])[] = [
    [STANDING, "accepted", "verifier"],
    [{ ...STANDING, disabled: true }, "rejected", "disabled"],
    [null, "rejected", "account is gone"],
    [{ ...STANDING, account: account("taro@baz.co.jp") }, "rejected", "account is gone"],
    [{ ...STANDING, credentials: [] }, "rejected", "credential is gone"],
    [new Error("disk I/O error"), "unavailable", "the account cannot be looked at now"],
  ];
  for (const [current, verdict, reason] of cases) {
    state.current = current;
    const login = await setup.prove(SHIN, true);
    deepEqual([login.verdict.kind, login.event.reason], [verdict, reason]);
  }
  state.current = withCredential({ version: "2" });
  equal((await setup.login(SHIN, "secret")).event.reason, "credential was changed meanwhile");
});

Deno.test("a credential is accepted in its scope only; the client learns of the mechanism alone", async () => {
  const state: { current: Standing | null | Error } = { current: STANDING };
  await using setup = bench({ backends: [standingBackend(state)] });
  const now = setup.clock.now();
  const cases: readonly (readonly [Partial<Standing["credentials"][number]>, string])[] = [
    [{ networks: ["192.0.2.0/24"] }, "accepted"],
    [{ networks: ["198.51.100.0/24", "2001:db8::/32"] }, "rejected"],
    [{ networks: ["nonsense"] }, "rejected"],
    [{ mechanisms: ["SCRAM-SHA-256"] }, "accepted"],
    [{ mechanisms: ["PLAIN", "LOGIN"] }, "too-weak"],
    [{ mechanisms: [] }, "too-weak"],
    [{ expires: new Date(now + 1).toISOString() }, "accepted"],
    [{ expires: new Date(now).toISOString() }, "rejected"],
    [{ expires: "nonsense" }, "rejected"],
  ];
  for (const [scope, verdict] of cases) {
    state.current = withCredential(scope);
    const login = await setup.prove(SHIN, true, { origin: { mechanism: "SCRAM-SHA-256-PLUS" } });
    equal(login.verdict.kind, verdict, JSON.stringify(scope));
    equal(login.event.result, verdict);
  }
});

Deno.test("a login is remembered with its time", async () => {
  const used: string[] = [];
  await using setup = bench({ backends: [standingBackend({ current: STANDING, used })] });
  await setup.prove(SHIN, true);
  await setup.prove(SHIN, false);
  deepEqual(used, [`${NAME} c ${setup.clock.now()}`]);
});

Deno.test("trust_mech says which mechanisms permit relaying; a -PLUS form counts as its base", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")], trustMech: ["SCRAM-SHA-256"] });
  for (
    const [mechanism, trusted] of [["SCRAM-SHA-256", true], ["SCRAM-SHA-256-PLUS", true], ["PLAIN", false]] as const
  ) {
    const { verdict } = await setup.prove(SHIN, true, { origin: { mechanism } });
    ok(verdict.kind === "accepted");
    deepEqual([verdict.identity.mechanism, verdict.identity.trusted], [mechanism, trusted]);
  }
});

Deno.test("malformed, cancelled and downgraded exchanges are logged, wait for nothing and are no guesses", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  for (let attempt = 0; attempt < 10; attempt++) {
    for (
      const [why, result] of [["malformed", "malformed"], ["cancelled", "cancelled"], [
        "downgrade",
        "rejected",
      ]] as const
    ) {
      using exchange = setup.authenticator.begin({ ...ORIGIN, ...STRANGER }, "s");
      deepEqual(await exchange.conclude({ kind: "failed", authcid: SHIN, why, detail: "" }, "s.1"), {
        kind: "rejected",
      });
      equal(ends(setup.events).at(-1)?.result, result);
    }
  }
  deepEqual(setup.waits, []);
  equal((await setup.login(SHIN, "secret", { origin: STRANGER })).verdict.kind, "accepted");
});

Deno.test("an exchange that is disposed without an end counts and logs nothing; one is concluded once", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  for (let attempt = 0; attempt < 10; attempt++) {
    using exchange = setup.authenticator.begin({ ...ORIGIN, ...STRANGER }, "s");
    await exchange.ask({ kind: "password", user: SHIN, password: `${attempt}`, origin: ORIGIN }, never());
  }
  deepEqual(setup.events, []);
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  const outcome = { kind: "failed", authcid: null, why: "cancelled", detail: "" } as const;
  await exchange.conclude(outcome, "s.1");
  await rejects(exchange.conclude(outcome, "s.2"), TypeError);
  equal(ends(setup.events).length, 1);
});

Deno.test("names in the log hold no control characters", async () => {
  await using setup = bench({ backends: [withPassword("test", [], "")] });
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  const authcid = { local: "a\r\nauthentication ok", realm: "x" };
  await exchange.conclude({ kind: "failed", authcid, why: "malformed", detail: "b\nc" }, "s.1");
  const [event] = ends(setup.events);
  deepEqual([event?.authcid, event?.reason], ["a??authentication ok@x", "b?c"]);
});
