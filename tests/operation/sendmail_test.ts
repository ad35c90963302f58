import assert from "node:assert/strict";
import { join } from "node:path";
import { type CountingSink, startCountingSink, type SunkMail } from "../lib/counting_sink.ts";
import { makeOrdinaryUser, type OrdinaryUser, requireUsers } from "../lib/ordinary_user.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { makeFolder } from "../servers/lib.ts";
import { latin1 } from "../../src/lib/octets.ts";

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
