import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { makeSite, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, type Login, logIn } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { eventually } from "./contract_lib.ts";
import { FIXTURE, PASSWORDS } from "./cyrus_lib.ts";
import { hashOf } from "./unix_lib.ts";

const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] as const;

async function importInto(site: Site, kind: string, content: string | Uint8Array): Promise<string> {
  const file = join(site.folder, "source");
  await Deno.writeFile(file, typeof content === "string" ? new TextEncoder().encode(content) : content, {
    mode: 0o600,
  });
  const { code, output } = await runProgram(["import", kind, file, "--config", site.config]);
  equal(code, 0, output);
  return output;
}

Deno.test("import sasldb, then a login by SMTP AUTH with each password of the old file and each mechanism", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [] });
  equal(await importInto(site, "sasldb", await Deno.readFile(FIXTURE)), "5 imported\n");
  await using program = await startProgram(site);
  for (const { user, password } of PASSWORDS) {
    for (const mechanism of MECHANISMS) {
      const login = { authcid: `${user.local}@${user.realm}`, password, mechanism };
      {
        using client = await converse(program, site, { login: null });
        equal((await logIn(client, login)).slice(0, 9), "235 2.7.0", `${login.authcid} ${mechanism}`);
      }
      using client = await converse(program, site, { login: null });
      equal((await logIn(client, { ...login, password: `${password}x` })).slice(0, 9), "535 5.7.8");
    }
  }
});

Deno.test("import shadow into a running server: PLAIN at once, everything else after the first login", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [] });
  await using program = await startProgram(site);
  const attempt = async (login: Login) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, login)).slice(0, 3);
  };
  const offered = async () => {
    using client = await converse(program, site, { login: null });
    const lines = await client.command("EHLO client.example");
    return /^250[ -]AUTH (.*)$/m.exec(lines)?.[1]?.split(" ") ?? [];
  };
  const all = await offered();
  ok(all.includes("SCRAM-SHA-256"), all.join(" "));
  // The server gave up the permission for libraries when it was ready, and yescrypt is in one.
  const yescrypt = await hashOf("tanstaaf 1", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1");
  const bcrypt = await hashOf("grüße 密码", "$2b$05$abcdefghijklmnopqrstuu");
  await importInto(site, "shadow", `taro:${yescrypt}:19000::::::\nhana:${bcrypt}:19000::::::\n`);
  deepEqual(await offered(), ["PLAIN", "LOGIN"]);
  const [taro, hana] = [{ authcid: "taro", password: "tanstaaf 1" }, { authcid: "hana", password: "grüße 密码" }];
  for (const login of [taro, hana]) {
    equal(await attempt({ ...login, password: "wrong" }), "535");
    equal(await attempt(login), "235");
  }
  // The verifiers of the last one are made behind its reply.
  await eventually(async () => (await offered()).length === all.length);
  deepEqual(await offered(), all);
  for (const mechanism of MECHANISMS) {
    for (const login of [taro, hana]) {
      equal(await attempt({ ...login, mechanism }), "235", mechanism);
      equal(await attempt({ ...login, mechanism, password: "wrong" }), "535", mechanism);
    }
  }
  for (const { password } of [taro, hana]) ok(!program.process.output.includes(password), "the log holds a password");
});
