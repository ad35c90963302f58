/**
 * The pages for everyone that change what opens an account, at the running program: password, app passwords, profiles with an app password;
 * what SMTP AUTH makes of it, and accounts of other backends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Secret, TOTP } from "otpauth";
import { openRecords } from "../../src/records/open_records.ts";
import type { ClientMechanismName } from "../../src/sasl/client.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, logIn, SHIN } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { assertWellFormed, PageClient, quietPort, readable, signedIn } from "./page_client.ts";
import { parsePlist } from "./xml_tree.ts";

const SHIN_AT = { user: "shin@baz.co.jp", password: SHIN.password };
const YUKI = { user: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const HTTP = `[http]\naddress = "127.0.0.1:0"\n`;
const MECHANISMS: readonly ClientMechanismName[] = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256"];
const EVIL = `phone <script>alert("1")</script> & 'x'`;

/** The code of a login over SMTP. */
async function codeOf(
  { program, site }: { readonly program: RunningProgram; readonly site: Site },
  { user = SHIN_AT.user, password, mechanism = "PLAIN", listener = "msa" }: {
    readonly user?: string;
    readonly password: string;
    readonly mechanism?: ClientMechanismName;
    readonly listener?: string;
  },
): Promise<string> {
  using client = await converse(program, site, { login: null, listener });
  return (await logIn(client, { authcid: user, password, mechanism })).slice(0, 3);
}

/** The secret that a page shows. */
function shown({ text }: { readonly text: string }): string {
  const secret = /<code class="secret"[^>]*>([^<]+)<\/code>/.exec(text)?.[1];
  assert.match(secret ?? "", /^[a-z2-9]{4}(?:-[a-z2-9]{4}){4}$/);
  return secret ?? "";
}

/** Everything that the program wrote, and what lies in its folder beside: none of these may be in it. */
function assertNotLogged(program: RunningProgram, secrets: readonly string[]): void {
  for (const secret of secrets) assert.ok(!program.process.output.includes(secret), "a secret is in the log");
}

Deno.test("the own password", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: HTTP });
  await using program = await startProgram(site);
  const client = await signedIn(program, SHIN_AT);
  const change = (old: string, fresh: string, again = fresh) => client.post("/password", { old, new: fresh, again });

  await t.step("trivial ones are refused with the reason, before the old one is looked at", async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["", /Please fill this in/],
      ["short", /Too short: a password has 10 characters or more/],
      ["correct-horse", /This is the old password/],
      ["shin@baz.co.jp", /user name with little more/],
      ["qwertyuiop12", /run of keys or a repetition/],
      ["P4ssw0rd2026", /most common passwords/],
      ["fresh\u0001horse staple", /cannot be a password/],
    ];
    for (const [fresh, reason] of cases) {
      const answer = await change("correct-horse", fresh);
      assert.equal(answer.status, 422, fresh);
      assert.match(readable(answer), reason);
      assert.match(answer.text, /id="new"[^>]* aria-invalid="true"/);
      if (fresh.length >= 10 && !fresh.includes("@")) assert.ok(!answer.text.includes(fresh));
      assertWellFormed(answer);
    }
    const differing = await change("correct-horse", "kitchen umbrella 7342", "kitchen umbrella 7343");
    assert.deepEqual([differing.status, /two new passwords differ/.test(differing.text)], [422, true]);
    assert.equal(await codeOf({ program, site }, { password: SHIN.password }), "235");
  });

  await t.step("a wrong old one changes nothing, and counts as a login", async () => {
    const answer = await change("tanstaafl-1", "kitchen umbrella 7342");
    assert.deepEqual([answer.status, /not your present password/.test(answer.text)], [422, true]);
    const [event] = await program.events(
      1,
      (event) => event.kind === "authentication" && event["result"] === "rejected",
    );
    assert.deepEqual([event?.["mechanism"], event?.["remote"]], ["FORM", "127.0.0.1"]);
  });

  await t.step("a change ends all other sessions, and this one goes on", async () => {
    const [other, before] = [await signedIn(program, SHIN_AT), client.secret];
    const answer = await change("correct-horse", "kitchen umbrella 7342");
    assert.deepEqual([answer.status, answer.location], [303, "/password?done=changed"]);
    assert.notEqual(client.secret, before);
    const page = await client.get(answer.location);
    assert.match(readable(page), /Your password is changed\..*Fair: /);
    assertWellFormed(page);
    // Once: a page that is opened again has nothing to tell of it.
    assert.doesNotMatch((await client.get(answer.location)).text, /<meter/);
    assert.equal((await other.get("/")).status, 303);
    assert.equal((await new PageClient(program).get("/mail", { cookie: `__Host-session=${before}` })).status, 303);
  });

  await t.step("the new one works by each mechanism, and the old one is refused at once", async () => {
    for (const mechanism of MECHANISMS) {
      assert.equal(await codeOf({ program, site }, { password: "kitchen umbrella 7342", mechanism }), "235", mechanism);
      assert.equal(await codeOf({ program, site }, { password: "correct-horse", mechanism }), "535", mechanism);
    }
  });
  assertNotLogged(program, ["kitchen umbrella", "correct-horse", "tanstaafl-1"]);
});

Deno.test("app passwords", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: HTTP });
  await using program = await startProgram(site);
  const client = await signedIn(program, SHIN_AT);
  let password = "";

  await t.step("one is shown once, with its name escaped", async () => {
    const answer = await client.post("/app-passwords", { label: EVIL, expires: "month" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    password = shown(answer);
    assert.match(readable(answer), /User name shin@baz\.co\.jp/);
    const list = await client.get("/app-passwords");
    assert.ok(!list.text.includes(password));
    assert.match(list.text, /phone &lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt; &amp; /);
    for (const page of [answer, list]) {
      assert.doesNotMatch(page.text, /<script>/);
      assertWellFormed(page);
    }
  });

  await t.step("it works by each mechanism, opens no page, and its last use is shown", async () => {
    assert.match(readable(await client.get("/app-passwords")), / 'x' never /);
    for (const mechanism of MECHANISMS) {
      assert.equal(await codeOf({ program, site }, { password, mechanism }), "235", mechanism);
    }
    const page = await new PageClient(program).signIn(SHIN_AT.user, password);
    assert.deepEqual([page.status, /An app password does not open these pages/.test(page.text)], [403, true]);
    const change = await client.post("/password", {
      old: password,
      new: "kitchen umbrella 7342",
      again: "kitchen umbrella 7342",
    });
    assert.equal(change.status, 422);
    const logins = await client.get("/logins");
    assert.match(readable(logins), /app password: phone <script>/);
    assert.match(readable(logins), /An app password opens no page/);
    assertWellFormed(logins);
  });

  await t.step("somebody else can neither see nor revoke it", async () => {
    const yuki = await signedIn(program, YUKI);
    const action = actionOf(await client.get("/app-passwords"));
    assert.doesNotMatch((await yuki.get("/app-passwords")).text, /phone &lt;/);
    assert.equal((await yuki.post(action)).location, "/app-passwords?done=gone");
    assert.equal(await codeOf({ program, site }, { password }), "235");
  });

  await t.step("revoked it is refused by each mechanism", async () => {
    const action = actionOf(await client.get("/app-passwords"));
    assert.equal((await client.post(action)).location, "/app-passwords?done=revoked");
    for (const mechanism of MECHANISMS) {
      assert.equal(await codeOf({ program, site }, { password, mechanism }), "535", mechanism);
    }
    assert.equal((await client.post(action)).location, "/app-passwords?done=gone");
    assert.equal(await codeOf({ program, site }, { password: SHIN.password }), "235");
  });

  await t.step("one for some networks and mechanisms works there alone", async () => {
    const here = shown(
      await client.post("/app-passwords", {
        label: "printer",
        networks: "127.0.0.0/8\r\n2001:db8::/32\r\n",
        "mechanism-CRAM-MD5": "on",
      }),
    );
    assert.match(
      readable(await client.get("/app-passwords")),
      /printer never .* 127\.0\.0\.0\/8, 2001:db8::\/32 CRAM-MD5 /,
    );
    assert.equal(await codeOf({ program, site }, { password: here, mechanism: "CRAM-MD5" }), "235");
    assert.equal(await codeOf({ program, site }, { password: here }), "534");
    const elsewhere = shown(await client.post("/app-passwords", { label: "scanner", networks: "192.0.2.0/24" }));
    assert.equal(await codeOf({ program, site }, { password: elsewhere }), "535");
    const text = readable(await client.get("/logins"));
    assert.match(text, /The app password is not for the network from which it was used/);
    assert.match(text, /by a way to log in that it is not for/);
  });

  await t.step("what is wrong stands at its field, with what was typed", async () => {
    const cases = [
      [{ label: "printer" }, /You have an app password of this name/, "label"],
      [{ label: " " }, /Give it a name/, "label"],
      [{ label: "new", networks: "300.1.2.3 <b>" }, /one address or network in each line/, "networks"],
      [{ label: "new", expires: "tomorrow" }, /Choose a time in the future/, "expires"],
    ] as const;
    for (const [fields, reason, field] of cases) {
      const answer = await client.post("/app-passwords", fields);
      assert.equal(answer.status, 422, field);
      assert.match(readable(answer), reason);
      if (field !== "expires") assert.match(answer.text, new RegExp(`id="${field}"[^>]* aria-invalid="true"`));
      assert.doesNotMatch(answer.text, /<b>|class="secret"/);
      assertWellFormed(answer);
    }
    assert.doesNotMatch(readable(await client.get("/app-passwords")), / new never /);
  });
  assertNotLogged(program, [password, SHIN.password]);
});

Deno.test("an administrator is told of the second factor, and stays one after a change of the password", async () => {
  await using folder = await makeFolder();
  const port = quietPort();
  const site = await makeSite(folder.path, {
    listeners: `[[listener]]\nname = "msas"\naddress = "127.0.0.1:${port}"\nrole = "msa"\ntls = "implicit"`,
    more: HTTP,
  });
  const records = openRecords(join(site.dataDir, "records"), { now: Date.now });
  assert.ok(records.ok);
  const { secret } = records.value.administrators.enrol(SHIN_AT.user, Date.now());
  await records.value[Symbol.asyncDispose]();
  await using program = await startProgram(site);

  const client = new PageClient(program);
  assert.equal((await client.signIn(SHIN_AT.user, SHIN_AT.password)).location, "/second-factor?to=%2F");
  assert.match(readable(await client.get("/")), /administers this server.*type the code/);
  assert.doesNotMatch((await client.get("/set-up")).text, /IN SRV/);
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
  assert.equal((await client.post("/second-factor", { code, to: "/" })).location, "/admin");
  assert.doesNotMatch((await client.get("/")).text, /second-factor/);
  assert.match(
    (await client.get("/set-up")).text,
    new RegExp(`_submissions\\._tcp\\.baz\\.co\\.jp\\. 3600 IN SRV 0 1 ${port} `),
  );

  const fresh = "kitchen umbrella 7342";
  const changed = await client.post("/password", { old: SHIN_AT.password, new: fresh, again: fresh });
  assert.equal(changed.location, "/password?done=changed");
  assert.match((await client.get("/set-up")).text, /IN SRV/);
});

function actionOf({ text }: { readonly text: string }): string {
  const action = /action="(\/app-passwords\/[^"/]+\/revoke)"/.exec(text)?.[1];
  assert.ok(action !== undefined);
  return action;
}

Deno.test("a profile with a fresh app password is the answer to a form of the owner alone", async () => {
  await using folder = await makeFolder();
  const port = quietPort();
  const site = await makeSite(folder.path, {
    listeners: `[[listener]]\nname = "msas"\naddress = "127.0.0.1:${port}"\nrole = "msa"\ntls = "implicit"`,
    more: `${HTTP}[http.profiles]\nimap = { address = "imap.foobar.co.jp:993" }\n`,
  });
  await using program = await startProgram(site);
  const client = await signedIn(program, SHIN_AT);
  assert.match((await client.get("/set-up")).text, /<input id="address"[^>]* value="shin@baz\.co\.jp"/);

  const got = await client.get("/set-up/mobileconfig?address=shin@baz.co.jp");
  assert.deepEqual([got.status, got.location], [303, "/set-up"]);
  assert.equal(
    (await new PageClient(program).post("/set-up/mobileconfig", { address: "shin@baz.co.jp" })).location,
    "/sign-in",
  );
  const foreign = await client.post("/set-up/mobileconfig", { address: "shin@baz.co.jp" }, {
    origin: "https://evil.example",
  });
  assert.equal(foreign.status, 403);
  for (const address of ["", "shin", "shin@elsewhere.example", '"><script>']) {
    const answer = await client.post("/set-up/mobileconfig", { address });
    assert.deepEqual([answer.status, /It ends in one of: @baz\.co\.jp, @foobar\.co\.jp/.test(answer.text)], [
      422,
      true,
    ]);
    assertWellFormed(answer);
  }
  assert.match(readable(await client.get("/app-passwords")), /You have no app password yet/);

  const made = await client.post("/set-up/mobileconfig", { address: "shin.yamada@foobar.co.jp" });
  assert.equal(made.status, 200);
  assert.match(made.headers.get("content-type") ?? "", /^application\/x-apple-aspen-config/);
  assert.equal(made.headers.get("cache-control"), "no-store");
  const plist = await parsePlist(made.text);
  const [mail] = [plist["PayloadContent"]].flat();
  const of = (key: string) => String(Reflect.get(Object(mail), key));
  assert.deepEqual(["EmailAddress", "OutgoingMailServerUsername", "OutgoingMailServerPortNumber"].map(of), [
    "shin.yamada@foobar.co.jp",
    "shin@baz.co.jp",
    String(port),
  ]);
  const password = of("OutgoingPassword");
  assert.equal(await codeOf({ program, site }, { password, listener: "msas" }), "235");
  assert.match(readable(await client.get("/app-passwords")), /Apple \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  assertNotLogged(program, [password]);
});

/** `directory-secret`, by openssl passwd -6. */
const HASH = "$6$abcdefgh$hwdHceclg6GRE/qLZCWAtWa6af3Olfn3E6OwVAfC9A0rwXQQlwIVy0Pke3Kj5RmPp/L1pK9BbQlUJac5s23xO.";
/** Lets `hana` in, and knows nothing else. */
const CHECKPASSWORD = `#!/bin/bash
IFS= read -r -d '' user <&3 || exit 2
IFS= read -r -d '' password <&3 || exit 2
[ "$user" = hana@blind.example ] && [ "$password" = blind-secret ] || exit 1
`;

Deno.test("accounts of other backends are told where their password is, and why there is no app password", async (t) => {
  await using folder = await makeFolder();
  const [users, helper] = [join(folder.path, "users"), join(folder.path, "check")];
  await Deno.writeTextFile(users, `taro:${HASH}:1001:1001::/home/taro:/bin/sh\n`, { mode: 0o600 });
  await Deno.writeTextFile(helper, CHECKPASSWORD, { mode: 0o755 });
  const site = await makeSite(folder.path, {
    people: [],
    sasl: 'pwcheck_method = ["unix", "blind"]',
    top: "",
    more: `[backend.unix]\ntype = "passwd"\nfile = "${users}"\nrealms = ["baz.co.jp"]
[backend.blind]\ntype = "command"\ninterface = "checkpassword"\ncommand = ["${helper}"]\nrealms = ["blind.example"]\n${HTTP}`,
  });
  await using program = await startProgram(site);

  await t.step("where the backend can look up there are app passwords", async () => {
    const taro = { user: "taro@baz.co.jp", password: "directory-secret" };
    const client = await signedIn(program, taro);
    const page = await client.get("/password");
    assert.match(readable(page), /cannot be changed here.*run the command passwd.*unix/);
    assert.doesNotMatch(page.text, /<input/);
    assert.equal(
      (await client.post("/password", {
        old: taro.password,
        new: "kitchen umbrella 7342",
        again: "kitchen umbrella 7342",
      })).status,
      409,
    );
    const password = shown(await client.post("/app-passwords", { label: "phone" }));
    assert.equal(await codeOf({ program, site }, { user: taro.user, password }), "235");
    assert.match(readable(await client.get("/")), /App passwords 1 /);
    assert.equal(
      (await client.post(actionOf(await client.get("/app-passwords")))).location,
      "/app-passwords?done=revoked",
    );
    assert.equal(await codeOf({ program, site }, { user: taro.user, password }), "535");
  });

  await t.step("where it cannot it is said why not", async () => {
    const client = await signedIn(program, { user: "hana@blind.example", password: "blind-secret" });
    const page = await client.get("/app-passwords");
    assert.match(readable(page), /nothing but whether a password is right.*there are no app passwords/);
    assert.doesNotMatch(page.text, /name="label"/);
    assert.equal((await client.post("/app-passwords", { label: "phone" })).status, 409);
    assert.match(readable(await client.get("/")), /There is none for this account/);
    assert.match(readable(await client.get("/password")), /belongs to another system.*blind/);
  });
});
