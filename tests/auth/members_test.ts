/** Realms, required steps and what they mean for mechanisms, through the authenticator. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { agreeingRealms, answersForOffer } from "../../src/auth/members.ts";
import { createOffer } from "../../src/auth/offered.ts";
import type { Backend, Standing, UserName } from "../../src/backend.ts";
import type { BackendConfig } from "../../src/config/config.ts";
import { MECHANISMS } from "../../src/sasl/mechanisms.ts";
import { account, bench, never, scripted, SHIN, withPassword } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const ELSEWHERE: UserName = { local: "shin", realm: "elsewhere.jp" };
const PASSWORD_ONLY = { password: true, lookup: false, schemes: new Set<never>(), tokens: new Set<string>() };
const down = (name: string) => scripted(name, () => ({ kind: "unavailable", cause: "connection refused" }));

Deno.test("a backend with realms is asked for those alone", async () => {
  await using setup = bench({
    backends: [down("staff"), withPassword("rest", [NAME, "shin@elsewhere.jp"], "secret")],
    sections: { staff: { realms: ["baz.co.jp", "例え.jp"] } },
    guessing: { enabled: false },
  });
  const steps = async (user: UserName, password: string) => {
    const { verdict, event } = await setup.login(user, password);
    return [verdict.kind, ...event.chain.map(({ backend, answer }) => `${backend} ${answer}`)];
  };
  deepEqual(await steps(SHIN, "wrong"), [
    "unavailable",
    "staff unavailable:connection refused",
    "rest rejected:wrong-secret",
  ]);
  deepEqual(await steps(ELSEWHERE, "wrong"), ["rejected", "staff skipped:other realms", "rest rejected:wrong-secret"]);
  deepEqual(await steps(ELSEWHERE, "secret"), ["accepted", "staff skipped:other realms", "rest accepted"]);
  equal((await steps({ local: "shin", realm: "xn--r8jz45g.jp" }, "x"))[0], "unavailable");
  equal((await setup.authenticator.lookup({ ...ELSEWHERE, local: "taro" }, never())).kind, "rejected");
  equal((await setup.authenticator.lookup({ ...SHIN, local: "taro" }, never())).kind, "unavailable");
});

Deno.test("what is required must accept too, and its wrong secret is counted", async () => {
  const policy = withPassword("policy", [NAME], "secret");
  const both = [withPassword("here", [NAME, "hanako@baz.co.jp"], "secret"), policy];
  await using setup = bench({ backends: both, sections: { policy: { control: "required" } } });
  const right = await setup.login(SHIN, "secret");
  ok(right.verdict.kind === "accepted");
  equal(right.verdict.identity.account.backend, "here");
  const stranger = await setup.login({ local: "hanako", realm: "baz.co.jp" }, "secret");
  deepEqual([stranger.verdict.kind, stranger.event.reason], ["rejected", "unknown-user"]);
  const wrong = await setup.login(SHIN, "guess");
  deepEqual([wrong.verdict.kind, wrong.event.reason], ["rejected", "wrong-secret"]);
});

Deno.test("what is required is judged with its own account: a credential out of scope there lets nobody in", async () => {
  const standing = (networks: readonly string[]): Standing => ({
    account: account(NAME, "here"),
    disabled: false,
    credentials: [{ id: "c", version: "1", networks, mechanisms: null, expires: null }],
  });
  for (const [networks, expected] of [[[], "accepted"], [["198.51.100.0/24"], "rejected"]] as const) {
    const local = {
      standing: () => Promise.resolve(standing(networks)),
      used: () => {},
      spend: () => Promise.resolve(),
    };
    const here = { ...withPassword("here", [NAME], "secret"), local };
    await using setup = bench({
      backends: [withPassword("far", [NAME], "secret"), here],
      sections: { here: { control: "required" } },
    });
    const { verdict, event } = await setup.login(SHIN, "secret");
    equal(verdict.kind, expected, event.reason);
    if (verdict.kind === "accepted") equal(verdict.identity.account.backend, "far");
  }
});

Deno.test("an exchange by verifiers cannot show itself to several, so it opens nothing and asks nobody", async () => {
  const backends = [withPassword("here", [NAME], "secret"), withPassword("policy", [NAME], "secret")];
  await using setup = bench({
    backends,
    sections: { policy: { control: "required", realms: ["baz.co.jp"] } },
    guessing: { enabled: false },
  });
  const { verdict, event, answer } = await setup.prove(SHIN, true);
  equal(verdict.kind, "rejected");
  ok(answer.kind === "verifiers" && answer.decoy);
  deepEqual(event.chain, [{ backend: "chain", answer: "rejected:several must agree", ms: 0 }]);
  equal((await setup.login(SHIN, "secret")).verdict.kind, "accepted");
});

Deno.test("what is required and cannot be asked is not passed by", async () => {
  const none = { ...PASSWORD_ONLY, password: false };
  const far = scripted("far", () => ({ kind: "rejected", why: "unknown-user" }), { answers: none });
  await using setup = bench({
    backends: [withPassword("here", [NAME], "secret"), far],
    sections: { far: { control: "required" } },
  });
  equal((await setup.login(SHIN, "secret")).verdict.kind, "rejected");
  equal((await setup.authenticator.lookup(SHIN, never())).kind, "known", "whether somebody exists is no login");
});

Deno.test("an outage told as a rejection is still logged as one, and counted for nobody", async () => {
  await using setup = bench({ backends: [down("far")], outageIsRejection: true });
  for (let at = 0; at < 8; at++) {
    const { verdict, event } = await setup.login(SHIN, `guess ${at}`);
    deepEqual(verdict, { kind: "rejected" });
    equal(event.result, "unavailable");
  }
  equal(await setup.guessing.slot(NAME, "192.0.2.1", setup.clock.now()), "free");
});

function section(name: string, changes: Partial<BackendConfig> = {}): BackendConfig {
  return {
    ...{ name, type: "test", deadlineMs: 1, control: "sufficient", realms: [], concurrency: 1, options: {} },
    ...changes,
  };
}

const SASLDB = withPassword("sasldb", [], "");
const LDAP: Backend = { ...withPassword("ldap", [], ""), answers: PASSWORD_ONLY };

/** What is offered by these sections of sasldb and ldap. */
function offered(
  sections: readonly BackendConfig[],
  options: { realms?: readonly string[]; mechList?: readonly string[] },
) {
  const { realms = [], mechList = null } = options;
  const backends = [SASLDB, LDAP].filter(({ name }) => sections.some((each) => each.name === name));
  const config = {
    defaultRealm: "baz.co.jp",
    backends: sections,
    sasl: { pwcheckMethod: sections.map(({ name }) => name), realms },
  };
  const sasl = { mechList: ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"], cleartextNetworks: [], cleartextMechs: [] };
  const offer = createOffer({ sasl, answers: answersForOffer(config, backends), mechanisms: MECHANISMS });
  return {
    names: offer({ mechList }, { tls: true, bound: false, remote: "192.0.2.1", health: false }).map(({ name }) => name),
    agreeing: agreeingRealms(config),
  };
}

Deno.test("offered is what every backend of every served realm can answer", () => {
  const all = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"];
  const other = section("ldap", { realms: ["other.jp"] });
  const required = section("ldap", { control: "required" });
  deepEqual(offered([section("sasldb")], {}).names, all);
  deepEqual(offered([section("sasldb"), section("ldap")], {}).names, ["PLAIN"]);
  deepEqual(offered([section("sasldb"), section("ldap")], { mechList: ["CRAM-MD5"] }).names, ["CRAM-MD5"]);
  deepEqual(offered([section("sasldb"), other], {}).names, ["PLAIN"]);
  deepEqual(offered([section("sasldb"), other], { realms: ["third.jp"] }).names, all, "nobody asks ldap there");
  deepEqual(offered([section("sasldb", { control: "required" })], {}), { names: all, agreeing: [] });
  deepEqual(offered([section("sasldb"), required], {}), { names: ["PLAIN"], agreeing: [null] });
});

Deno.test("where several must agree in one realm, only passwords are offered", () => {
  const twice = (realms: readonly string[]) => [
    section("sasldb"),
    // Another one that could answer all: still it is one exchange for two.
    { ...section("sasldb"), control: "required" as const, realms },
  ];
  deepEqual(offered(twice(["a.jp"]), {}), { names: ["PLAIN"], agreeing: ["a.jp"] });
  deepEqual(offered(twice(["a.jp"]), { realms: ["b.jp"] }).agreeing, []);
  deepEqual(offered(twice(["a.jp"]), { realms: ["a.jp"] }).agreeing, ["a.jp"]);
  deepEqual(offered(twice(["a.jp"]), { mechList: ["SCRAM-SHA-256"] }).names, ["SCRAM-SHA-256"]);
});
