/**
 * Logins at the running program: every mechanism over both kinds of TLS, channel binding, and changes of an account while it runs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync, randomBytes, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { CLIENT_MECHANISMS } from "../src/sasl/client.ts";
import { PEOPLE } from "./lib/people.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "./lib/program.ts";
import { NOBODY, requireRoot } from "./lib/root.ts";
import { converse, type Login, logIn, SHIN } from "./lib/submission.ts";
import type { WireClient } from "./lib/wire_client.ts";
import { makeFolder, requirePrograms, run } from "./servers/lib.ts";

const YUKI = { authcid: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const PLUS = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"] as const;

Deno.test("logins over TLS", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  await using program = await startProgram(site);
  const binding = await endPointOf(site);
  for (const listener of ["msa", "msas", "mta"] as const) {
    const open = () =>
      converse(program, site, { listener, login: null, ...listener === "mta" ? { tls: "starttls" } as const : {} });

    await t.step(`${listener}: every mechanism takes a password that is not ASCII`, async () => {
      for (const mechanism of [...PLUS, ...CLIENT_MECHANISMS]) {
        using client = await open();
        assert.match(await logIn(client, { ...YUKI, mechanism, binding }), /^235 2\.7\.0 /, mechanism);
        assert.match(await client.command("MAIL FROM:<yuki@baz.co.jp>"), /^250 /);
      }
    });

    await t.step(`${listener}: no mechanism takes a wrong password or an unknown user`, async () => {
      for (const mechanism of [...PLUS, ...CLIENT_MECHANISMS]) {
        using client = await open();
        assert.match(
          await logIn(client, { ...YUKI, password: "wrong", mechanism, binding }),
          /^535 5\.7\.8 /,
          mechanism,
        );
        assert.match(
          await logIn(client, { ...SHIN, authcid: "nobody@baz.co.jp", mechanism, binding }),
          /^535 5\.7\.8 /,
        );
        assert.match(
          await logIn(client, { ...SHIN, authcid: "locked@baz.co.jp", mechanism, binding }),
          /^535 5\.7\.8 /,
        );
        assert.match(await logIn(client, { ...YUKI, mechanism, binding }), /^235 /, mechanism);
      }
    });

    await t.step(`${listener}: a binding to another certificate fails`, async () => {
      for (const mechanism of PLUS) {
        using client = await open();
        const other = binding.map((octet, at) => at === 0 ? octet ^ 1 : octet);
        assert.match(await logIn(client, { ...YUKI, mechanism, binding: other }), /^535 5\.7\.8 /);
      }
    });

    await t.step(
      `${listener}: who could bind and was told that we cannot is turned away (RFC 5802 section 6)`,
      async () => {
        using client = await open();
        assert.match(await client.command("EHLO client.example"), /AUTH .*SCRAM-SHA-256-PLUS/);
        assert.match(await scramByHand(client, YUKI, { gs2: "y,," }), /^535 5\.7\.8 /);
        assert.match(await scramByHand(client, YUKI, { gs2: "n,,", claims: "y,," }), /^535 5\.7\.8 /);
        assert.match(await scramByHand(client, YUKI, { gs2: "n,," }), /^235 2\.7\.0 /);
      },
    );
  }
});

Deno.test("the running server sees what an administrator does to an account at the next login", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [{ ...PEOPLE[0]!, password: SHIN.password }] });
  await using program = await startProgram(site);
  const user = async (args: readonly string[], input = "") => {
    const { code, output } = await runProgram(["user", ...args, "--config", site.config], { input });
    assert.equal(code, 0, output);
  };
  const mechanisms = ["PLAIN", "SCRAM-SHA-256", "CRAM-MD5", "DIGEST-MD5"] as const;
  const expect = async (login: Login, pattern: RegExp) => {
    for (const mechanism of mechanisms) {
      using client = await converse(program, site, { login: null });
      assert.match(await logIn(client, { ...login, mechanism }), pattern, mechanism);
    }
  };
  using before = await converse(program, site);
  await expect(SHIN, /^235 /);
  await user(["passwd", SHIN.authcid, "--password-stdin"], "another-horse");
  await expect(SHIN, /^535 5\.7\.8 /);
  await expect({ ...SHIN, password: "another-horse" }, /^235 /);
  await user(["disable", SHIN.authcid]);
  await expect({ ...SHIN, password: "another-horse" }, /^535 5\.7\.8 /);
  await user(["enable", SHIN.authcid]);
  await expect({ ...SHIN, password: "another-horse" }, /^235 /);
  await user(["add", "late@baz.co.jp", "--password-stdin"], "come-lately");
  await expect({ authcid: "late@baz.co.jp", password: "come-lately" }, /^235 /);
  await user(["delete", "late@baz.co.jp"]);
  await expect({ authcid: "late@baz.co.jp", password: "come-lately" }, /^535 5\.7\.8 /);
  // Who is logged in stays so.
  assert.match(await before.command("MAIL FROM:<shin@baz.co.jp>"), /^250 /);
});

const asNobody = Deno.uid() === 0 ? requirePrograms(["setpriv", "curl", "id"]) : requireRoot();

asNobody("anybody on the machine changes the own password at public.sock, and reaches nothing else", async () => {
  await using folder = await makeFolder({ open: true });
  const site = await makeSite(folder.path, { people: [PEOPLE[0]!] });
  await using program = await startProgram(site);
  const change = (oldPassword: string, newPassword: string) => {
    const body = JSON.stringify({ user: SHIN.authcid, oldPassword, newPassword });
    return curlAsNobody(site, "public.sock", ["-X", "POST", "-d", body, "http://localhost/v1/password"]);
  };
  assert.equal(await change("wrong", "better-horse"), "403");
  assert.equal(await change(SHIN.password, "better-horse"), "204");
  assert.equal(await statusOfLogin(program, site, SHIN), "535");
  assert.equal(await statusOfLogin(program, site, { ...SHIN, password: "better-horse" }), "235");
  assert.equal(await curlAsNobody(site, "public.sock", ["http://localhost/health/live"]), "200");
  assert.equal(await curlAsNobody(site, "public.sock", ["http://localhost/api/v1/queue"]), "404");
  // 000: no answer, for there was no connection.
  assert.equal(await curlAsNobody(site, "control.sock", ["http://localhost/health/live"]), "000");
});

async function statusOfLogin(program: RunningProgram, site: Site, login: Login): Promise<string> {
  using client = await converse(program, site, { login: null });
  return (await logIn(client, login)).slice(0, 3);
}

/** The status of the answer. */
async function curlAsNobody(site: Site, socket: string, args: readonly string[]): Promise<string> {
  const id = (await run("id", { args: ["-u", NOBODY] })).output.trim();
  const { output } = await run("setpriv", {
    args: [
      ...["--reuid", id, "--regid", id, "--clear-groups"],
      ...["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"],
      ...["--unix-socket", join(site.dataDir, socket), "-H", "Content-Type: application/json", ...args],
    ],
  });
  return output.trim();
}

/** `tls-server-end-point` of an ECDSA certificate with SHA-256 (RFC 5929 section 4.1), by other means than the program's. */
async function endPointOf(site: Site): Promise<Uint8Array> {
  const { raw } = new X509Certificate(await Deno.readTextFile(join(site.folder, "certificate.pem")));
  return new Uint8Array(createHash("sha256").update(raw).digest());
}

/**
 * SCRAM-SHA-256 (RFC 5802) with any GS2 header, and right in all else; `claims` stands in `c=` instead of the header that was sent. The
 * password is one that SASLprep leaves as it is.
 */
async function scramByHand(
  client: WireClient,
  { authcid, password }: Login,
  { gs2, claims = gs2 }: { readonly gs2: string; readonly claims?: string },
): Promise<string> {
  const bare = `n=${authcid},r=${randomBytes(18).toString("base64")}`;
  const challenge = await client.command(`AUTH SCRAM-SHA-256 ${btoa(gs2 + bare)}`);
  if (!challenge.startsWith("334 ")) return challenge;
  const first = atob(challenge.slice(4));
  const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(first) ?? [];
  const withoutProof = `c=${btoa(claims)},r=${nonce}`;
  const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
  const salted = pbkdf2Sync(password, new Uint8Array(Uint8Array.fromBase64(salt)), Number(iterations), 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  const signature = hmac(storedKey, `${bare},${first},${withoutProof}`);
  const proof = new Uint8Array(clientKey).map((octet, at) => octet ^ signature[at]!).toBase64();
  const reply = await client.command(btoa(`${withoutProof},p=${proof}`));
  return reply.startsWith("334 ") ? await client.command("") : reply;
}
