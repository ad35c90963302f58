import assert from "node:assert/strict";
import { formatCompletions } from "../../src/cli/completion_scripts.ts";
import { dokodemo } from "./lib.ts";

/** What bash offers for a command line whose last word is being typed. */
async function offered(script: string, ...words: readonly string[]): Promise<readonly string[]> {
  const code = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dokodemo; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["--norc", "-c", code, "bash", ...words] })
    .output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test("bash completes commands, subcommands, options and fixed words", async () => {
  const { code, stdout: script } = await dokodemo(["completions", "bash"]);
  assert.equal(code, 0);
  assert.deepEqual(await offered(script, "dokodemo", "sasl"), ["saslpasswd", "sasldblistusers"]);
  assert.deepEqual(await offered(script, "dokodemo", "user", "d"), ["disable", "delete"]);
  assert.deepEqual(await offered(script, "dokodemo", "user", "add", "shin", "--p"), ["--password-stdin"]);
  assert.deepEqual(await offered(script, "dokodemo", "completions", "z"), ["zsh"]);
  assert.deepEqual(await offered(script, "dokodemo", "passwd", "--c"), ["--config"]);
});

Deno.test("zsh and fish get each command with its summary", async () => {
  for (const shell of ["zsh", "fish"]) {
    const { code, stdout } = await dokodemo(["completions", shell]);
    assert.equal(code, 0);
    assert.match(stdout, /list accounts and mechanisms, as the command of Cyrus SASL does/);
    assert.match(stdout, /password-stdin/);
  }
  assert.equal((await dokodemo(["completions", "tcsh"])).code, 64);
});

Deno.test("no summary can end its quotes", () => {
  const words = new Map([["", [{ word: "x", summary: "it's $(id) `id`" }]]]);
  for (const shell of ["zsh", "fish"] as const) {
    assert.ok(formatCompletions(shell, words).includes("its $(id) `id`'"), shell);
  }
});
