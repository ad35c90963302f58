import assert from "node:assert/strict";
import { parseAuthInfo, readAuthInfo } from "../../src/config/auth_info.ts";
import { utf8 } from "../../src/lib/octets.ts";

const HOW_TO = { authzid: "admin", authcid: "admin", password: "SecretPassword", realm: "foobar.co.jp" };

async function withFile<Value>(text: string, mode: number, use: (file: string) => Promise<Value>): Promise<Value> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, mode);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("readAuthInfo reads the how-to's default-auth-info", async () => {
  const text = "admin\nadmin\nSecretPassword\nfoobar.co.jp\n";
  for (const mode of [0o600, 0o400]) {
    assert.deepEqual(await withFile(text, mode, readAuthInfo), { ok: true, value: HOW_TO });
  }
});

Deno.test("readAuthInfo refuses a file that others can read or write, without showing what is in it", async () => {
  for (const mode of [0o640, 0o604, 0o644, 0o620, 0o602]) {
    const read = await withFile("admin\nadmin\nSecretPassword\nfoobar.co.jp\n", mode, readAuthInfo);
    assert.ok(!read.ok && read.problem.includes(`mode ${mode.toString(8)}`));
    assert.ok(!read.problem.includes("SecretPassword"));
  }
});

Deno.test("readAuthInfo names the file that is not there, and a folder", async () => {
  const missing = await readAuthInfo("/nonexistent/default-auth-info");
  assert.ok(!missing.ok && missing.problem.startsWith("Cannot read /nonexistent/default-auth-info: "));
  const folder = await readAuthInfo("/");
  assert.ok(!folder.ok && /\/: it is not a file/.test(folder.problem));
});

Deno.test("parseAuthInfo takes CRLF, no last line end, spaces in a password, an empty authorization id or realm", () => {
  const parse = (text: string) => parseAuthInfo(utf8(text));
  assert.deepEqual(parse("admin\r\nadmin\r\nSecretPassword\r\nfoobar.co.jp"), { ok: true, value: HOW_TO });
  assert.deepEqual(parse("\nadmin\n pass word \n\n"), {
    ok: true,
    value: { authzid: "", authcid: "admin", password: " pass word ", realm: "" },
  });
});

Deno.test("parseAuthInfo names what is wrong", () => {
  const problem = (text: string) => {
    const parsed = parseAuthInfo(utf8(text));
    return parsed.ok ? null : parsed.problem;
  };
  assert.match(
    problem("") ?? "",
    /^it has 1 line, expected 4 \(authorization id, authentication id, password, realm\)$/,
  );
  assert.match(problem("a\nb\nc\n") ?? "", /^it has 3 lines/);
  assert.match(problem("a\nb\nc\nd\ne\n") ?? "", /^it has 5 lines/);
  assert.equal(problem("a\n\nc\nd\n"), "line 2 (authentication id) is empty");
  assert.equal(problem("a\nb\n\nd\n"), "line 3 (password) is empty");
  assert.equal(problem("a\nb\nc\0\nd\n"), "line 3 (password) has a control character");
  assert.deepEqual(parseAuthInfo(new Uint8Array([0xff, 0x0a])), { ok: false, problem: "it is not UTF-8" });
});
