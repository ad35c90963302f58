import assert from "node:assert/strict";
import { makeSite, SMALL_CONFIG } from "./lib.ts";

const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];

Deno.test("auth test logs in by each mechanism, with a non-ASCII password", async () => {
  await using site = await makeSite();
  await site.run(["user", "add", "shin", "--password-stdin"], "pässword 日本");
  for (const mechanism of MECHANISMS) {
    const right = await site.run(
      ["auth", "test", "shin@baz.co.jp", "--mech", mechanism, "--password-stdin"],
      "pässword 日本",
    );
    assert.equal(right.code, 0, `${mechanism}: ${right.stdout}${right.stderr}`);
    assert.match(
      right.stdout,
      /^sasldb: .*\naccepted: the account is shin@baz\.co\.jp\nthe client would be told: 235 2\.7\.0 /,
    );
    const wrong = await site.run(
      ["auth", "test", "shin@baz.co.jp", "--mech", mechanism, "--password-stdin"],
      "password",
    );
    assert.equal(wrong.code, 1, `${mechanism}: ${wrong.stdout}`);
    assert.match(wrong.stdout, /^the client would be told: 535 5\.7\.8 /m);
  }
});

Deno.test("auth test says what the client is not told, and never the password", async () => {
  await using site = await makeSite();
  const { code, stdout, stderr } = await site.run(["auth", "test", "nobody", "--password-stdin"], "hunter2");
  assert.equal(code, 1);
  assert.match(stdout, /^sasldb: rejected:unknown-user \(\d+ ms\)\n/);
  assert.ok(!`${stdout}${stderr}`.includes("hunter2"));
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
  const { result, account, mechanism, offered, relays, reply } = plain[0];
  assert.deepEqual([result, account, mechanism, offered, relays], ["accepted", "shin@baz.co.jp", "PLAIN", true, false]);
  assert.equal(reply, "235 2.7.0 Authentication succeeded");
  const login = await site.run(["auth", "test", "shin", "--mech", "LOGIN", "--password-stdin"], "secret");
  assert.match(login.stdout, /^LOGIN is not offered to clients/m);
});

Deno.test("auth test knows its mechanisms", async () => {
  await using site = await makeSite();
  const { code, stderr } = await site.run(["auth", "test", "shin", "--mech", "FOO", "--password-stdin"], "x");
  assert.equal(code, 64);
  assert.match(stderr, /^dokodemo: option '--mech <MECHANISM>' argument 'FOO' is invalid\./);
});
