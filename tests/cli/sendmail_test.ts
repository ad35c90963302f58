import assert from "node:assert/strict";
import { join } from "node:path";
import { dokodemo, type Ended, makeSite, type Site, SMALL_CONFIG } from "./lib.ts";

/** A site with a folder where the server would have made its maildrop. */
async function makeDrop(toml = SMALL_CONFIG): Promise<Site & { readonly drop: string }> {
  const site = await makeSite(toml);
  const drop = join(site.dataDir, "maildrop");
  await Deno.mkdir(drop, { recursive: true });
  return { ...site, drop };
}

async function files(drop: string): Promise<readonly { readonly envelope: unknown; readonly message: string }[]> {
  const names = (await Array.fromAsync(Deno.readDir(drop))).map(({ name }) => name);
  assert.ok(names.every((name) => /^[0-9a-f]{32}\.ready$/.test(name)), names.join(" "));
  return await Promise.all(names.map(async (name) => {
    const text = await Deno.readTextFile(join(drop, name));
    const end = text.indexOf("\n");
    return { envelope: JSON.parse(text.slice(0, end)), message: text.slice(end + 1) };
  }));
}

const SILENT: Ended = { code: 0, stdout: "", stderr: "" };
const NOTHING = {
  version: 1,
  reversePath: null,
  fullName: null,
  removeBcc: false,
  smtputf8: false,
  ret: null,
  envid: null,
};
const plain = (address: string) => ({ address, notify: null, orcpt: null });

Deno.test("sendmail leaves the message as it is, with an envelope in front, whatever the umask is", async () => {
  await using site = await makeDrop();
  const message = "From: root (Cron Daemon)\nTo: shin\r\nSubject: x\n\nhello\n..two\n";
  const args = [
    "sendmail",
    "-FCronDaemon",
    "-odi",
    "-oem",
    "-N",
    "never",
    "-V",
    "e1",
    "shin",
    "A <a@example.net>, b@c",
  ];
  assert.deepEqual(await site.run(args, `From me Tue\n${message}.\nbehind the dot\n`), SILENT);
  const notify = ["never"];
  const recipients = ["shin", "a@example.net", "b@c"].map((address) => ({ ...plain(address), notify }));
  const envelope = { ...NOTHING, fullName: "CronDaemon", envid: "e1", recipients };
  assert.deepEqual(await files(site.drop), [{ envelope, message }]);
  const [{ name } = { name: "" }] = await Array.fromAsync(Deno.readDir(site.drop));
  assert.equal((await Deno.stat(join(site.drop, name))).mode! & 0o777, 0o640);
});

Deno.test("sendmail -t takes the recipients of the message and of the command line, each once", async () => {
  await using site = await makeDrop();
  const message = 'To: "A, B" <a@example.net>,\n friends: b@example.net;\nCc: root\nBcc: c@example.net\n\nx\n';
  assert.deepEqual(await site.run(["sendmail", "-ti", "-f", "<>", "root"], message), SILENT);
  const recipients = ["root", "a@example.net", "b@example.net", "c@example.net"].map(plain);
  assert.deepEqual(await files(site.drop), [
    { envelope: { ...NOTHING, reversePath: "", removeBcc: true, recipients }, message },
  ]);
});

Deno.test("sendmail takes a message without a header, without a line end, and none at all", async () => {
  await using site = await makeDrop();
  for (const message of ["no header, no end", "", "a dot .\n..", "line\n\n"]) {
    assert.deepEqual(await site.run(["sendmail", "a@example.net"], message), SILENT);
  }
  const left = (await files(site.drop)).map(({ message }) => message).toSorted();
  assert.deepEqual(left, ["", "a dot .\n..", "line\n\n", "no header, no end"].toSorted());
});

Deno.test("sendmail leaves nothing behind when it says no", async () => {
  await using site = await makeDrop(`${SMALL_CONFIG}[limits]\nmessage_size = "1kB"\n`);
  const cases: readonly (readonly [args: readonly string[], input: string, code: number, stderr: RegExp])[] = [
    [[], "x", 64, /^dokodemo: There are no recipients/],
    [["-t"], "Subject: x\n\nTo: a@example.net\n", 64, /^dokodemo: There are no recipients: the message has no To/],
    [["-t"], "", 64, /^dokodemo: There are no recipients/],
    [["-t"], "To: undisclosed-recipients:;\n\nx\n", 64, /^dokodemo: There are no recipients/],
    [["-t"], "To: a@example.net, John Smith\n\nx\n", 65, /^dokodemo: Cannot read the address John Smith\n$/],
    [["two words"], "x", 65, /^dokodemo: Cannot send to two words: it is no address\n$/],
    [["-f", "a b", "a@example.net"], "x", 65, /^dokodemo: Cannot send as a b: it is no address\n$/],
    [["a@example.net"], "x".repeat(1001), 69, /^dokodemo: The mail is larger than 1000 octets\n$/],
    [["-bd"], "", 64, /dokodemo serve\n$/],
    [["-Ac", "-q30m"], "", 64, /dokodemo serve\n$/],
  ];
  for (const [args, input, code, stderr] of cases) {
    const ended = await site.run(["sendmail", ...args], input);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
    assert.match(ended.stderr, stderr);
  }
  assert.deepEqual(await files(site.drop), []);
  await Deno.remove(site.drop);
  const none = await site.run(["sendmail", "a@example.net"], "x");
  assert.deepEqual([none.code, none.stdout], [75, ""]);
});

Deno.test("sendmail finds data_dir without a configuration, and tells more with -v", async () => {
  await using site = await makeDrop();
  const env = { DOKODEMO_CONFIG: "/nowhere/dokodemo.toml", DOKODEMO_DATA_DIR: site.dataDir };
  const { code, stdout } = await dokodemo(["sendmail", "-v", "a@example.net"], { stdin: "x\n", env });
  assert.equal(code, 0);
  assert.match(stdout, /^The mail waits for the server as [0-9a-f]{32}\n$/);
  assert.equal((await files(site.drop)).length, 1);
});

Deno.test("sendmail -bs speaks SMTP as its user, and refuses what SMTP refuses", async () => {
  await using site = await makeDrop();
  const session = (...lines: readonly string[]) =>
    site.run(["sendmail", "-bs"], lines.map((line) => `${line}\r\n`).join(""));
  const { code, stdout } = await session(
    ...["EHLO x", "MAIL FROM:<me@example.org> SMTPUTF8 RET=HDRS ENVID=e", "RCPT TO:<a@example.net> NOTIFY=DELAY"],
    ...["RCPT TO:<b@example.net>", "RCPT TO:<nobody", "DATA", "Subject: x", "", "..a", ".", "QUIT"],
  );
  assert.equal(code, 0);
  assert.match(stdout, /^220 mail\.foobar\.co\.jp ESMTP dokodemo\r\n/);
  assert.doesNotMatch(stdout, /AUTH|STARTTLS|ETRN/);
  const codes = stdout.split("\r\n").filter((line) => /^\d{3} /.test(line)).map((line) => line.slice(0, 3)).join(" ");
  assert.equal(codes, "220 250 250 250 250 501 354 250 221");
  const envelope = {
    ...{ ...NOTHING, reversePath: "me@example.org", smtputf8: true, ret: "hdrs", envid: "e" },
    recipients: [{ ...plain("a@example.net"), notify: ["delay"] }, plain("b@example.net")],
  };
  assert.deepEqual(await files(site.drop), [{ envelope, message: "Subject: x\r\n\r\n.a\r\n" }]);
  const cut = await session("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@example.net>", "DATA", "Subject: cut");
  assert.equal(cut.code, 65);
  const chunks = await session(
    "EHLO x",
    "MAIL FROM:<>",
    "RCPT TO:<a@example.net>",
    "BDAT 3",
    "a",
    "BDAT 3 LAST",
    "b",
    "QUIT",
  );
  assert.equal(chunks.code, 0, chunks.stdout);
  assert.equal((await files(site.drop)).length, 2);
});

Deno.test("sendmail -bv checks addresses; mailq is the list of the queue; newaliases is a check", async () => {
  await using site = await makeDrop();
  const verify = await site.run(["sendmail", "-bv", "root", "a@example.net", "a@@b"]);
  assert.deepEqual(verify, {
    code: 65,
    stdout: "root is well formed\na@example.net is well formed\na@@b is no address\n",
    stderr: "",
  });
  const list = await site.run(["queue", "list"]);
  assert.equal(list.code, 0);
  assert.deepEqual(await site.run(["mailq"]), list);
  assert.deepEqual(await site.run(["mailq", "-Ac"]), list);
  assert.deepEqual(await site.run(["sendmail", "-bp"]), list);
  const check = await site.run(["check"]);
  assert.deepEqual(await site.run(["newaliases"]), check);
  assert.deepEqual(await site.run(["sendmail", "-bi"]), check);
  assert.equal((await site.run(["sendmail", "-q"])).code, 0);
  assert.match((await site.run(["sendmail", "--help"])).stdout, /^Usage: dokodemo sendmail/);
});
