import assert from "node:assert/strict";
import { join } from "node:path";
import { type CountingSink, startCountingSink, type SunkMail } from "../lib/counting_sink.ts";
import { makeOrdinaryUser, type OrdinaryUser, programCommand, requireUsers } from "../lib/ordinary_user.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { findProgram, makeFolder, run } from "../servers/lib.ts";
import { concat, latin1, utf8 } from "../../src/lib/octets.ts";

const test = requireUsers();

interface Ground extends AsyncDisposable {
  readonly site: Site;
  readonly user: OrdinaryUser;
  readonly sink: CountingSink;
  readonly env: Readonly<Record<string, string>>;
  start(): Promise<RunningProgram>;
}

async function makeGround(options: { readonly more?: string } = {}): Promise<Ground> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await makeFolder({ open: true }));
  const user = made.use(await makeOrdinaryUser());
  const sink = made.use(startCountingSink());
  const smarthost = `address = "127.0.0.1:${sink.port}"\ntls = "never"`;
  const site = await makeSite(folder.path, { smarthost, people: [], ...options });
  const owned = made.move();
  return {
    ...{ site, user, sink },
    env: { DOKODEMO_CONFIG: site.config },
    start: () => startProgram(site),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The mails that the next hop has, once so many are delivered. */
async function delivered(program: RunningProgram, sink: CountingSink, count: number): Promise<readonly SunkMail[]> {
  await program.events(count, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
  return sink.take();
}

function textOf(mail: SunkMail | undefined): string {
  return latin1(mail?.content ?? new Uint8Array(0));
}

function fieldsOf(mail: SunkMail | undefined, name: string): readonly string[] {
  const [header = ""] = textOf(mail).split("\r\n\r\n");
  const unfolded = header.replace(/\r\n(?=[ \t])/g, "").split("\r\n");
  return unfolded.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
}

async function left(site: Site): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(join(site.dataDir, "maildrop")))).map(({ name }) => name);
}

test("sendmail -t by an ordinary user, with the server up: once, From and Received are right, Bcc is gone", async () => {
  await using ground = await makeGround();
  const { user, env, sink, site } = ground;
  await using program = await ground.start();
  const sent = await user.dokodemo(["sendmail", "-t"], {
    env,
    input: "To: a@example.net\nBcc: b@example.net\nSubject: hello\n\nhello\n",
  });
  assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
  const mails = await delivered(program, sink, 2);
  assert.deepEqual(mails.flatMap(({ recipients }) => recipients).toSorted(), ["a@example.net", "b@example.net"]);
  for (const mail of mails) {
    assert.deepEqual(fieldsOf(mail, "From"), [`Shin Example <${user.name}@mail.foobar.co.jp>`]);
    const received =
      `^\\(from ${user.name}@localhost, uid ${user.uid}\\) by mail\\.foobar\\.co\\.jp \\(dokodemo\\) id `;
    assert.match(fieldsOf(mail, "Received")[0] ?? "", new RegExp(received));
    assert.deepEqual(fieldsOf(mail, "Bcc"), []);
    assert.deepEqual(fieldsOf(mail, "X-Authentication-Warning"), []);
    assert.equal(fieldsOf(mail, "Date").length, 1);
    assert.match(fieldsOf(mail, "Message-ID")[0] ?? "", /^<.+@mail\.foobar\.co\.jp>$/);
    assert.match(textOf(mail), /\r\n\r\nhello\r\n$/);
  }
  const [event] = await program.events(1, ({ kind }) => kind === "accepted-mail");
  assert.equal(event?.["account"], `${user.name}@mail.foobar.co.jp`);
  assert.equal(event?.["reversePath"], `${user.name}@mail.foobar.co.jp`);
  assert.deepEqual(await left(site), []);
});

test("sendmail works while the server is down; it is delivered once when the server is up again", async () => {
  await using ground = await makeGround();
  const { user, env, sink, site } = ground;
  // There is no maildrop before the first start.
  const early = await user.dokodemo(["sendmail", "a@example.net"], { env, input: "hello\n" });
  assert.equal(early.code, 75);
  assert.match(early.stderr, /^dokodemo: There is no .*\/maildrop: the server makes it when it starts\n$/);
  await (await ground.start())[Symbol.asyncDispose]();
  assert.equal((await Deno.stat(join(site.dataDir, "maildrop"))).mode! & 0o7777, 0o3733);
  const sent = await user.dokodemo(["sendmail", "-i", "a@example.net"], {
    env,
    input: "Subject: x\n\nhello\n.\nmore\n",
  });
  assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
  const [name = ""] = await left(site);
  const { mode, uid } = await Deno.stat(join(site.dataDir, "maildrop", name));
  assert.deepEqual([mode! & 0o7777, uid], [0o640, user.uid]);
  {
    await using program = await ground.start();
    const mails = await delivered(program, sink, 1);
    assert.match(textOf(mails[0]), /\r\n\r\nhello\r\n\.\r\nmore\r\n$/);
    assert.deepEqual(await left(site), []);
  }
  await using program = await ground.start();
  const again = await user.dokodemo(["sendmail", "b@example.net"], { env, input: "second\n" });
  assert.equal(again.code, 0);
  const mails = await delivered(program, sink, 1);
  assert.deepEqual(mails.map(({ recipients }) => recipients), [["b@example.net"]]);
});

test("a server that is killed between commit and unlink sends the mail once", async () => {
  if (findProgram("strace") === null) throw new Error("strace is not on this machine");
  await using ground = await makeGround();
  const { user, env, sink, site } = ground;
  await (await ground.start())[Symbol.asyncDispose]();
  const sent = await user.dokodemo(["sendmail", "a@example.net"], { env, input: "Subject: once\n\nonce\n" });
  assert.equal(sent.code, 0);
  const [name = ""] = await left(site);
  const path = join(await Deno.realPath(join(site.dataDir, "maildrop")), name);
  // The call that would remove the file fails, and the server dies in it.
  const under = ["-f", "-o", "/dev/null", "-P", path, "-e", "inject=unlink,unlinkat:error=EIO:signal=SIGKILL"];
  {
    await using killed = await startProgram(site, { under: ["strace", ...under] });
    await killed.process.ended;
    assert.equal(killed.log.filter(({ kind }) => kind === "stopped" || kind === "accepted-mail").length, 0);
  }
  assert.deepEqual(await left(site), [name]);
  const queue = await runProgram(["queue", "list", "--json", "--config", site.config]);
  const before = JSON.parse(queue.output);
  sink.take();
  await using program = await ground.start();
  await program.events(1, ({ kind }) => kind === "accepted-mail");
  assert.deepEqual(await left(site), []);
  // Where the first server had it delivered already, nothing waits.
  if (before.length > 0) await delivered(program, sink, 1);
  const more = await user.dokodemo(["sendmail", "b@example.net"], { env, input: "Subject: more\n\nmore\n" });
  assert.equal(more.code, 0);
  await program.events(1, ({ kind, recipient }) => kind === "delivery" && recipient === "b@example.net");
  assert.equal(program.log.filter(({ recipient }) => recipient === "a@example.net").length, before.length);
  const after = await runProgram(["queue", "list", "--json", "--config", site.config]);
  assert.deepEqual(JSON.parse(after.output), []);
});

test("another's From or -f gets a warning field; one's own, and those of trusted users, get none", async () => {
  await using ground = await makeGround();
  const { user, env, sink, site } = ground;
  await using program = await ground.start();
  const warnings = async (args: readonly string[], message: string) => {
    const sent = await user.dokodemo(["sendmail", ...args, "a@example.net"], { env, input: message });
    assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
    await program.events(count += 1, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
    const [mail] = sink.take();
    return [
      ...fieldsOf(mail, "X-Authentication-Warning"),
      program.log.filter(({ kind }) => kind === "accepted-mail").at(-1)?.["reversePath"],
    ];
  };
  let count = 0;
  const { name } = user;
  const own = `${name}@mail.foobar.co.jp`;
  const said = (what: string) => `mail.foobar.co.jp: ${name} ${what}`;
  assert.deepEqual(await warnings([], `From: ${name}\n\nx\n`), [own]);
  assert.deepEqual(await warnings([], `From: Me <${name.toUpperCase()}@foobar.co.jp>\n\nx\n`), [own]);
  assert.deepEqual(await warnings(["-f", name], "x\n"), [`${name}@baz.co.jp`]);
  assert.deepEqual(await warnings([`-f${own}`], "x\n"), [own]);
  assert.deepEqual(await warnings(["-fshin@baz.co.jp"], "x\n"), [
    said("set sender to <shin@baz.co.jp> using -f"),
    "shin@baz.co.jp",
  ]);
  assert.deepEqual(await warnings(["-f", ""], "x\n"), [said("set sender to <> using -f"), ""]);
  assert.deepEqual(await warnings([], "From: Boss <root>\n\nx\n"), [said("wrote <root@baz.co.jp> into From"), own]);
  assert.deepEqual(await warnings([], "From: a@example.org, b@example.org\n\nx\n"), [
    said("wrote <a@example.org> into From"),
    said("wrote <b@example.org> into From"),
    own,
  ]);
  const text = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(site.config, `${text}\n[sendmail]\ntrusted_users = ["${name}"]\n`);
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  assert.deepEqual(await warnings(["-fshin@baz.co.jp"], "From: root\n\nx\n"), ["shin@baz.co.jp"]);
});

test("the user of an account is that account: reverse-path, From and own addresses", async () => {
  await using ground = await makeGround();
  const { user, env, sink, site } = ground;
  const account = `${user.name}@baz.co.jp`;
  const added = await runProgram(["user", "add", account, "--password-stdin", "--config", site.config], {
    input: "correct-horse",
  });
  assert.equal(added.code, 0, added.output);
  await using program = await ground.start();
  const sent = await user.dokodemo(["sendmail", "-F", "山田 太郎", "-t"], { env, input: "To: a@example.net\n\nx\n" });
  assert.equal(sent.code, 0, sent.stderr);
  const [mail] = await delivered(program, sink, 1);
  assert.deepEqual(fieldsOf(mail, "From"), [`=?utf-8?B?5bGx55SwIOWkqumDjg==?= <${account}>`]);
  assert.deepEqual(fieldsOf(mail, "X-Authentication-Warning"), []);
  const [event] = await program.events(1, ({ kind }) => kind === "accepted-mail");
  assert.deepEqual([event?.["account"], event?.["reversePath"]], [account, account]);
  // To a name alone: the account gets it, from cron as cron writes it.
  const cron = `From: root (Cron Daemon)\nTo: ${user.name}\nSubject: Cron <x>\n\nout\n`;
  const own = await user.dokodemo(["sendmail", "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t"], {
    env,
    input: cron,
  });
  assert.equal(own.code, 0, own.stderr);
  await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
  const folder = join(site.mail, user.name, "new");
  const [stored] = await Array.fromAsync(Deno.readDir(folder));
  const text = await Deno.readTextFile(join(folder, stored?.name ?? ""));
  assert.match(text, new RegExp(`^To: ${user.name}@baz\\.co\\.jp\\r?$`, "m"));
  assert.match(text, /^From: root@baz\.co\.jp \(Cron Daemon\)\r?$/m);
});

test("8-bit text, NUL, bare CR, long lines and CRLF arrive as documented", async () => {
  await using ground = await makeGround();
  const { user, env, sink } = ground;
  await using program = await ground.start();
  const latin = Uint8Array.of(0xe9, 0x0a);
  const input = concat(
    utf8("From me Tue Nov 24 2026\nSubject: 山\rBcc: evil@example.org\nTo: a@example.net\n\n"),
    utf8(`crlf\r\nnul\0 cr\rend\n..dots\n${"x".repeat(1500)}\n`),
    latin,
    utf8("no line end"),
  );
  const sent = await user.dokodemo(["sendmail", "-t", "-i"], { env, input });
  assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
  const mails = await delivered(program, sink, 1);
  assert.deepEqual(mails.map(({ recipients }) => recipients), [["a@example.net"]]);
  const [header = "", body] = textOf(mails[0]).split("\r\n\r\n");
  assert.match(header, /\r\nSubject: \xe5\xb1\xb1 Bcc: evil@example\.org\r\n/);
  const long = `${"x".repeat(998)}\r\n ${"x".repeat(502)}`;
  assert.equal(body, `crlf\r\nnul cr end\r\n..dots\r\n${long}\r\n\xe9\r\nno line end\r\n`);
});

test("what is no mail of its owner is put aside, once, and keeps no other mail waiting", async () => {
  await using ground = await makeGround({ more: "[limits]\nmessage_size = 20000" });
  const { user, sink, site } = ground;
  await (await ground.start())[Symbol.asyncDispose]();
  const drop = join(site.dataDir, "maildrop");
  const name = (at: number) => `${String(at).padStart(32, "0")}.ready`;
  const envelope = {
    ...{ version: 1, reversePath: null, fullName: null, removeBcc: false, smtputf8: false, ret: null, envid: null },
    recipients: [{ address: "evil@example.net", notify: null, orcpt: null }],
  };
  const good = `${JSON.stringify(envelope)}\nSubject: x\n\nx\n`;
  const shell = (script: string) => user.run("sh", ["-ec", `cd "$1"; ${script}`, "sh", drop, good]);
  const secret = join(site.folder, "secret");
  await Deno.writeTextFile(secret, good, { mode: 0o600 });
  // A mail of somebody else, not written here: such as one that was moved in.
  await Deno.writeTextFile(join(site.folder, "strange"), good, { mode: 0o640 });
  await Deno.chown(join(site.folder, "strange"), 1, 65534);
  await Deno.rename(join(site.folder, "strange"), join(drop, name(1)));
  await Deno.link(secret, join(drop, name(2)));
  const made = await shell(`
    ln -s "${secret}" ${name(3)}
    mkfifo ${name(4)}
    mkdir ${name(5)}
    umask 027
    echo 'no envelope' > ${name(6)}
    printf '%s' "$2" > ${name(7)}; chmod 660 ${name(7)}
    { printf '%s' "$2"; head -c 30000 /dev/zero | tr '\\0' x; } > ${name(8)}
    printf '%s' "$2" | sed 's/evil@example.net/two words/' > ${name(9)}
    : > ${name(10)}
    printf '%s' "$2" | sed 's/"version":1/"version":2/' > ${name(11)}
    printf '%s' "$2" > readme; printf '%s' "$2" > ../escaped 2>/dev/null || true
    printf '%s' "$2" | sed 's/evil/good/' > ${name(99)}`);
  assert.equal(made.code, 0, made.stderr);
  await using program = await ground.start();
  const refused = (at: number) => name(at).replace(".ready", ".refused");
  const alarms = await program.events(11, ({ kind, about }) => kind === "alarm" && about === "maildrop");
  const texts = alarms.map(({ text }) => String(text)).toSorted();
  const why = (at: number) => texts.find((text) => text.includes(refused(at)))?.split(": ").slice(1).join(": ") ?? "";
  assert.equal(why(1), "it was not made in this folder");
  assert.equal(why(2), "it has other names");
  assert.deepEqual([why(3), why(4), why(5)], Array(3).fill("it is no regular file"));
  assert.equal(why(6), "its first line is no JSON");
  assert.equal(why(7), "others may write to it");
  assert.match(why(8), /message_size/);
  assert.equal(why(9), "two words is no address");
  assert.equal(why(10), "it has no first line");
  assert.equal(why(11), "its first line is none that this version knows");
  await program.events(1, ({ kind, recipient }) => kind === "delivery" && recipient === "good@example.net");
  // The owner is told of those that are its own files: 6, 8, 9, 10 and 11.
  await program.events(5, ({ kind, recipient }) => kind === "delivery" && String(recipient).startsWith(user.name));
  const mails = sink.take();
  assert.equal(mails.filter(({ recipients }) => recipients.includes("evil@example.net")).length, 0);
  const told = mails.filter((mail) => fieldsOf(mail, "Subject")[0] === "A mail of yours was not sent");
  assert.equal(told.length, 5);
  assert.ok(told.some((mail) => textOf(mail).includes("its first line is no JSON")));
  const names = (await left(site)).toSorted();
  const aside = Array.from({ length: 11 }, (_, at) => refused(at + 1));
  assert.deepEqual(names, [...aside, "readme"].toSorted());
  assert.equal(await Deno.readTextFile(secret), good);
  assert.equal(program.log.filter(({ kind }) => kind === "alarm").length, 11);
});

test("sendmail -bs takes mail by SMTP, and mailq lists it", async () => {
  await using ground = await makeGround();
  const { user, env, sink } = ground;
  await using program = await ground.start();
  const session = [
    ...["EHLO client", "AUTH PLAIN AAAA", "MAIL FROM:<shin@baz.co.jp> BODY=8BITMIME", "RCPT TO:<a@example.net>"],
    ...[
      "RCPT TO:<b@example.net> NOTIFY=NEVER",
      "DATA",
      "Subject: by bs",
      "",
      "..hello",
      ".",
      "MAIL FROM:<>",
      "QUIT",
      "",
    ],
  ].join("\r\n");
  const { code, stdout, stderr } = await user.dokodemo(["sendmail", "-bs"], { env, input: session });
  assert.deepEqual([code, stderr], [0, ""]);
  const codes = stdout.split("\r\n").filter((line) => /^\d{3} /.test(line)).map((line) => line.slice(0, 3));
  assert.deepEqual(codes, ["220", "250", "503", "250", "250", "250", "354", "250", "250", "221"]);
  const mails = await delivered(program, sink, 2);
  assert.deepEqual(mails.flatMap(({ recipients }) => recipients).toSorted(), ["a@example.net", "b@example.net"]);
  assert.match(textOf(mails[0]), /\r\n\r\n\.hello\r\n$/);
  assert.match(fieldsOf(mails[0], "X-Authentication-Warning")[0] ?? "", /set sender to <shin@baz\.co\.jp> using -f$/);
  const [binary, ...args] = programCommand();
  const list = await run(binary, { args: [...args, "mailq"], env });
  assert.deepEqual([list.code, list.output.includes("a@example.net")], [0, false], list.output);
  const denied = await user.dokodemo(["mailq"], { env });
  assert.equal(denied.code, 77, denied.stderr);
});

// The runtime of the tree has a name of its own.
const binary = Deno.env.get("DOKODEMO_BIN") ?? "";
if (binary !== "") {
  Deno.test("called by a link of the name sendmail, mailq or newaliases the binary is that command", async () => {
    await using folder = await makeFolder();
    for (const name of ["sendmail", "mailq", "newaliases"]) {
      await Deno.symlink(await Deno.realPath(binary), join(folder.path, name));
      const { code, output } = await run(join(folder.path, name), { args: ["--help"] });
      assert.match(output, new RegExp(`^Usage: dokodemo ${name}\\b`));
      assert.equal(code, 0);
    }
    const called = await run("sh", { args: ["-c", `PATH="${folder.path}" sendmail -bd`] });
    assert.equal(called.code, 64);
  });
}
