import assert from "node:assert/strict";
import { HiddenLine } from "../../src/cli/hidden_line.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { makeSite } from "./lib.ts";
import { onTerminal } from "./pty.ts";

Deno.test("keys of a hidden line", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["secret\r", "secret"],
    ["secret\n", "secret"],
    ["\r", ""],
    ["wrong\x15right\r", "right"],
    ["secrex\x7ft\r", "secret"],
    ["secrex\x08t\r", "secret"],
    ["\x7f\x7fa\r", "a"],
    ["pä\x7fo\r", "po"],
    ["日本\x7f語\r", "日語"],
    ["😀\x7fx\r", "x"],
    ["a\x04b\r", "ab"],
  ];
  for (const [typed, text] of cases) {
    const state = new HiddenLine().feed(utf8(typed));
    assert.deepEqual(state, { kind: "done", text, rest: new Uint8Array() }, JSON.stringify(typed));
  }
});

Deno.test("a hidden line can come octet by octet", () => {
  const line = new HiddenLine();
  const octets = utf8("pä\x7f\x7f\x7fß");
  for (const octet of octets) assert.equal(line.feed(Uint8Array.of(octet)).kind, "more");
  assert.deepEqual(line.feed(utf8("\rnext")), { kind: "done", text: "ß", rest: utf8("next") });
});

Deno.test("^C, and ^D at the beginning, cancel a hidden line; what is no UTF-8 gives no text", () => {
  assert.equal(new HiddenLine().feed(utf8("secret\x03\r")).kind, "cancelled");
  assert.equal(new HiddenLine().feed(utf8("\x04")).kind, "cancelled");
  assert.deepEqual(new HiddenLine().feed(Uint8Array.of(0xff, 0x0d)), {
    kind: "done",
    text: null,
    rest: new Uint8Array(),
  });
});

Deno.test("saslpasswd on a terminal: the prompts of the how-to, nothing echoed, the account made", async () => {
  await using site = await makeSite();
  const env = { DOKODEMO_CONFIG: site.config };
  const { code, screen } = await onTerminal(["saslpasswd", "-u", "baz.co.jp", "shin"], [
    { wait: "Password: ", type: "geheim-ä\r" },
    { wait: "Again (for verification): ", type: "geheim-ä\r" },
  ], env);
  assert.equal(screen, "Password: \r\nAgain (for verification): \r\n");
  assert.equal(code, 0);
  const { code: accepted } = await site.run(["auth", "test", "shin", "--password-stdin"], "geheim-ä");
  assert.equal(accepted, 0);
});

Deno.test("two passwords that differ change nothing", async () => {
  await using site = await makeSite();
  const { code, screen } = await onTerminal(["user", "add", "shin"], [
    { wait: "Password: ", type: "one\r" },
    { wait: "verification): ", type: "two\r" },
  ], { DOKODEMO_CONFIG: site.config });
  assert.match(screen, /not the same, nothing was changed/);
  assert.equal(code, 65);
  assert.equal((await site.run(["user", "list", "--json"])).stdout, "[]\n");
});

Deno.test("both lines pasted at once answer both prompts", async () => {
  await using site = await makeSite();
  const { code, screen } = await onTerminal(["user", "add", "shin"], [{ wait: "Password: ", type: "same\rsame\r" }], {
    DOKODEMO_CONFIG: site.config,
  });
  assert.equal(code, 0, screen);
  assert.doesNotMatch(screen, /same/);
});

Deno.test("^C at a prompt ends the command, and shows nothing of what was typed", async () => {
  await using site = await makeSite();
  const { code, screen } = await onTerminal(["user", "add", "shin"], [{ wait: "Password: ", type: "sec\x03" }], {
    DOKODEMO_CONFIG: site.config,
  });
  assert.equal(code, 130);
  assert.doesNotMatch(screen, /sec/);
});

Deno.test("without a terminal a prompt is a usage error that names the way out", async () => {
  await using site = await makeSite();
  const { code, stderr } = await site.run(["user", "add", "shin"], "secret\n");
  assert.equal(code, 64);
  assert.match(stderr, /standard input is no terminal/);
});
