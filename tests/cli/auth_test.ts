import assert from "node:assert/strict";
import { requirePrograms } from "../servers/lib.ts";
import { SLAPD_PROGRAMS, startSlapd, SUFFIX } from "../servers/slapd.ts";
import { makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];

/** How `auth test` ended. */
interface Tested {
  readonly code: number;
  /** The table, by step. */
  readonly steps: ReadonlyMap<string, { readonly result: string; readonly detail: string }>;
  readonly failed: string | null;
  readonly reason: string;
  readonly advice: string | null;
  readonly reply: string;
}

async function authTest(site: Site, args: readonly string[], password: string): Promise<Tested> {
  const run = await site.run(["auth", "test", ...args, "--password-stdin", "--json"], password);
  assert.equal(run.stderr, "");
  assert.ok(!run.stdout.includes(password), "the password is shown");
  const [{ steps, failed, reason, advice, reply }] = JSON.parse(run.stdout);
  const bySteps = new Map(steps.map((each: { step: string }) => [each.step, each] as const)) as Tested["steps"];
  return { code: run.code, steps: bySteps, failed, reason, advice, reply };
}

Deno.test("auth test logs in by each mechanism, with a non-ASCII password", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", "shin", "--password-stdin"], "pässword 日本");
  for (const mechanism of MECHANISMS) {
    const right = await site.run(
      ["auth", "test", "shin@baz.co.jp", "--mech", mechanism, "--password-stdin"],
      "pässword 日本",
    );
    assert.equal(right.code, 0, `${mechanism}: ${right.stdout}${right.stderr}`);
    assert.match(right.stdout, /^STEP +RESULT +DETAIL\nmechanism +ok +\S+\nname +ok +user shin, realm baz\.co\.jp\n/);
    assert.match(right.stdout, /^backend sasldb +ok +(accepted|verifiers) \(\d+ ms\)$/m);
    assert.match(
      right.stdout,
      /^account +ok +shin@baz\.co\.jp: not disabled, from every network, with each mechanism, does not expire$/m,
    );
    assert.match(right.stdout, /\n\naccepted: the account is shin@baz\.co\.jp\nthe client would be told: 235 2\.7\.0 /);
    const wrong = await site.run(
      ["auth", "test", "shin@baz.co.jp", "--mech", mechanism, "--password-stdin"],
      "password",
    );
    assert.equal(wrong.code, 1, `${mechanism}: ${wrong.stdout}`);
    assert.match(wrong.stdout, /^password +FAILED +wrong/m);
    assert.match(wrong.stdout, /^account +-$/m);
    assert.match(wrong.stdout, /^rejected: it fails at the step "password": wrong.*\nthe client .* 535 5\.7\.8 /m);
  }
});

Deno.test("auth test names the failing step: wrong realm, wrong password, unknown user, backend down, account locked", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[sasl]
pwcheck_method = ["staff", "sasldb"]
[backend.staff]
type = "ldap"
url = "ldap://127.0.0.1:1"
base = "dc=example,dc=org"
filter = "(uid={user})"
realms = ["staff.example"]
`);
  for (const name of ["taro@example.jp", "shin", "locked"]) {
    await site.run(["user", "add", name, "--password-stdin"], "tanstaaf");
  }
  await site.run(["user", "disable", "locked"]);
  const rejected = "535 5.7.8 Authentication credentials invalid";
  const cases = [
    ["taro@mail.example.jp", "tanstaaf", "realm", rejected],
    ["taro", "tanstaaf", "realm", rejected],
    ["shin", "guess 4711", "password", rejected],
    ["nobody", "tanstaaf", "user", rejected],
    ["Shin", "tanstaaf", "user", rejected],
    ["hanako@staff.example", "tanstaaf", "backend staff", "454 4.7.0 Temporary authentication failure"],
    ["locked", "tanstaaf", "account", rejected],
    ["locked", "guess 4711", "account", rejected],
    ["@", "tanstaaf", "name", rejected],
  ] as const;
  for (const [user, password, failed, reply] of cases) {
    const tested = await authTest(site, [user], password);
    assert.deepEqual([tested.failed, tested.reply], [failed, reply], user);
    assert.equal(tested.code, failed === "backend staff" ? 69 : 1, user);
    const failing = [...tested.steps].filter(([, { result }]) => result === "FAILED").map(([step]) => step);
    assert.deepEqual(failing, [failed], user);
  }
  const realm = await authTest(site, ["taro@mail.example.jp"], "tanstaaf");
  assert.equal(realm.steps.get("realm")?.detail, realm.advice);
  assert.equal(realm.advice, "`taro` exists in realm example.jp, the client said mail.example.jp");
  const bare = await authTest(site, ["taro"], "tanstaaf");
  assert.equal(
    bare.advice,
    "`taro` exists in realm example.jp, the client said no realm, which stands for baz.co.jp",
  );
  const inCase = await authTest(site, ["Shin"], "tanstaaf");
  assert.equal(inCase.advice, "`shin` exists, the client said `Shin`");
  const down = await authTest(site, ["hanako@staff.example"], "tanstaaf");
  assert.match(down.steps.get("backend staff")?.detail ?? "", /connection refused/);
  assert.match(down.steps.get("backend sasldb")?.detail ?? "", /^rejected: unknown-user \(\d+ ms\)$/);
  // A backend may have looked at the lock first, so that nothing is known of the password.
  const locked = await authTest(site, ["locked"], "guess 4711");
  assert.deepEqual([locked.steps.get("password")?.result, locked.steps.get("account")?.detail], [
    "none",
    "disabled, says sasldb",
  ]);
});

Deno.test("auth test names the realm where it is not served, or where no backend is asked for it", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[sasl]
realms = ["foobar.co.jp"]
[backend.sasldb]
realms = ["baz.co.jp"]
`);
  const unserved = await authTest(site, ["shin@else.example"], "tanstaaf");
  assert.equal(unserved.failed, "realm");
  assert.equal(unserved.steps.get("realm")?.detail, "else.example is not served, only baz.co.jp, foobar.co.jp");
  const unasked = await authTest(site, ["shin@foobar.co.jp"], "tanstaaf");
  assert.equal(unasked.steps.get("realm")?.detail, "no backend is asked for foobar.co.jp");
  assert.deepEqual(unasked.steps.get("backend sasldb")?.detail, "skipped: other realms");
});

Deno.test("auth test says the same of a locked account by a proof, which was right", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", "shin", "--password-stdin"], "tanstaaf");
  await site.run(["user", "disable", "shin"]);
  const { failed, steps } = await authTest(site, ["shin", "--mech", "SCRAM-SHA-256"], "tanstaaf");
  assert.deepEqual([failed, steps.get("password")?.result, steps.get("account")?.detail], [
    "account",
    "ok",
    "disabled",
  ]);
});

requirePrograms(SLAPD_PROGRAMS)("auth test looks into a directory for the realm that was meant", async () => {
  await using slapd = await startSlapd({
    ldif: `dn: uid=taro,${SUFFIX}
objectClass: inetOrgPerson
uid: taro
cn: Taro
sn: Taro
userPassword: tanstaaf
`,
  });
  await using site = await makeSite(`${SMALL_CONFIG.replace("mail.foobar.co.jp", "mail.example.jp")}
[sasl]
pwcheck_method = ["staff"]
[backend.staff]
type = "ldap"
url = "${slapd.url}"
base = "${SUFFIX}"
filter = "(uid={user})"
realms = ["example.jp", "baz.co.jp"]
`);
  const right = await authTest(site, ["taro@example.jp"], "tanstaaf");
  assert.deepEqual([right.code, right.failed], [0, null]);
  assert.match(right.steps.get("account")?.detail ?? "", /^taro@example\.jp: its backend has looked at/);
  const wrong = await authTest(site, ["taro@mail.example.jp"], "tanstaaf");
  assert.deepEqual([wrong.failed, wrong.advice], [
    "realm",
    "`taro` exists in the realms baz.co.jp, example.jp, the client said mail.example.jp",
  ]);
  const nobody = await authTest(site, ["nobody@mail.example.jp"], "tanstaaf");
  assert.deepEqual([nobody.steps.get("realm")?.detail, nobody.advice], [
    "no backend is asked for mail.example.jp",
    null,
  ]);
});

Deno.test("auth test tells of a mechanism that is not offered or may not relay", async () => {
  await using site = await makeSite(`${SMALL_CONFIG}
[sasl]
mech_list = ["PLAIN", "CRAM-MD5"]
trust_mech = ["CRAM-MD5"]
`);
  await site.run(["user", "add", "shin", "--password-stdin"], "secret");
  const plain = JSON.parse((await site.run(["auth", "test", "shin", "--password-stdin", "--json"], "secret")).stdout);
  assert.equal(plain.length, 1);
  const { result, failed, account, mechanism, offered, relays, reply } = plain[0];
  assert.deepEqual([result, failed, account, mechanism, offered, relays], [
    ...["accepted", null, "shin@baz.co.jp", "PLAIN"],
    ...[true, false],
  ]);
  assert.equal(reply, "235 2.7.0 Authentication succeeded");
  const login = await site.run(["auth", "test", "shin", "--mech", "LOGIN", "--password-stdin"], "secret");
  assert.match(login.stdout, /^mechanism +warning +LOGIN is not offered to clients/m);
  assert.match(login.stdout, /^relay +warning +LOGIN is not in trust_mech: this login may not relay$/m);
});

Deno.test("auth test knows its mechanisms", async () => {
  await using site = await makeSite();
  const { code, stderr } = await site.run(["auth", "test", "shin", "--mech", "FOO", "--password-stdin"], "x");
  assert.equal(code, 64);
  assert.match(stderr, /^dokodemo: option '--mech <MECHANISM>' argument 'FOO' is invalid\./);
});
