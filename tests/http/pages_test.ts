/**
 * The pages for everyone, over HTTP at the running program: who gets in, what each page shows, and whose mail and sessions it is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { serveMail, startPeer } from "../lib/scripted_peer.ts";
import { converse, logIn, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { assertWellFormed, PageClient, quietPort, readable, signedIn } from "./page_client.ts";

const SHIN_AT = { user: "shin@baz.co.jp", password: SHIN.password };
const YUKI = { user: "yuki@baz.co.jp", password: PEOPLE.find(({ local }) => local === "yuki")!.password };
const HTTP = `[http]\naddress = "127.0.0.1:0"\n`;
const PAGES = ["/", "/mail", "/password", "/app-passwords", "/logins", "/set-up"];

/** Hands over a mail as somebody; the result is its id. */
async function send(
  program: RunningProgram,
  site: Site,
  { user, password, to }: { readonly user: string; readonly password: string; readonly to: string },
): Promise<string> {
  using client = await converse(program, site, { login: { authcid: user, password } });
  return queueIdOf(await submit(client, { from: user, to }));
}

async function deferred(program: RunningProgram, mail: string): Promise<void> {
  await program.events(
    1,
    (event) => event.kind === "delivery" && event["mail"] === mail && event["outcome"] === "deferred",
  );
}

Deno.test("signing in, forms of other sites, languages and every page", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: HTTP });
  await using program = await startProgram(site);

  await t.step("a wrong password, an unknown user and a disabled account get the same answer", async () => {
    const answers = [];
    for (
      const [user, password] of [["shin@baz.co.jp", "tanstaafl-1"], ["nobody@baz.co.jp", "tanstaafl-1"], [
        "locked@baz.co.jp",
        "correct-horse",
      ]] as const
    ) {
      const client = new PageClient(program);
      const { status, text, headers } = await client.signIn(user, password);
      assert.equal(status, 403);
      assert.equal(client.secret, undefined);
      assert.ok(!text.includes(password));
      answers.push([text.replaceAll(user, "USER"), [...headers.keys()].toSorted()]);
    }
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
  });

  await t.step("nobody sees a page without signing in, and is led back to it afterwards", async () => {
    const client = new PageClient(program);
    for (const path of PAGES) {
      const { status, location } = await client.get(path);
      const back = path === "/" ? "" : `?to=${encodeURIComponent(path)}`;
      assert.deepEqual([status, location], [303, `/sign-in${back}`]);
    }
    const there = await client.post("/sign-in", { ...SHIN_AT, to: "/logins" });
    assert.deepEqual([there.status, there.location], [303, "/logins"]);
    const [cookie = ""] = there.headers.getSetCookie();
    for (const word of [/^__Host-session=/, /; HttpOnly/, /; Secure/, /; SameSite=Strict/, /; Path=\//]) {
      assert.match(cookie, word);
    }
    const elsewhere = await new PageClient(program).post("/sign-in", { ...SHIN_AT, to: "//evil.example/" });
    assert.equal(elsewhere.location, "/");
  });

  await t.step("a form of another site does nothing", async () => {
    const client = await signedIn(program, SHIN_AT);
    const foreign = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: null },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
    ];
    for (const headers of foreign) {
      const { status } = await client.post("/app-passwords", { label: "stolen" }, headers);
      assert.equal(status, 403, JSON.stringify(headers));
    }
    assert.doesNotMatch((await client.get("/app-passwords")).text, /stolen/);
    assert.equal(
      (await client.post("/app-passwords", { label: "mine" }, { origin: null, "sec-fetch-site": "same-origin" }))
        .status,
      200,
    );
  });

  await t.step("each page has its content, is well-formed, and loads nothing from elsewhere", async () => {
    const client = await signedIn(program, SHIN_AT);
    const contents: Readonly<Record<string, readonly RegExp[]>> = {
      "/": [/signed in as shin@baz\.co\.jp/, /Mails that wait 0/],
      "/mail": [/None of your mails waits/],
      "/password": [/Present password/, /10 characters or more/],
      "/app-passwords": [/What it is for/, /SCRAM-SHA-256/, /PLAIN/],
      "/logins": [/Signed in to these pages/, /let in/, /Wrong password/, /these pages/],
      "/set-up": [/Settings/, /Printers and scanners/],
    };
    for (const path of PAGES) {
      const answer = await client.get(path);
      assert.equal(answer.status, 200, path);
      for (const pattern of contents[path] ?? []) assert.match(readable(answer), pattern);
      assertWellFormed(answer);
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self';/);
      assert.doesNotMatch(answer.text, / style="| on[a-z]+="|<script(?! src="\/assets\/)|(?:src|href)="(?!\/|#)/);
      // Every field has its label.
      for (const [, id] of answer.text.matchAll(/<(?:input|select|textarea) id="([^"]+)"/g)) {
        assert.ok(answer.text.includes(`<label for="${id}">`), `${path} ${id}`);
      }
    }
  });

  await t.step("the language is that of the browser until somebody chooses one", async () => {
    const client = await signedIn(program, { ...SHIN_AT, headers: { "accept-language": "ja-JP,ja;q=0.9,en;q=0.5" } });
    for (const path of PAGES) {
      const japanese = await client.get(path);
      assert.match(japanese.text, /<html lang="ja">/);
      assert.match(japanese.text, /サインアウト/);
      assertWellFormed(japanese);
    }
    const { status, location } = await client.get("/mail?language=en");
    assert.deepEqual([status, location], [303, "/mail"]);
    assert.match((await client.get("/mail")).text, /<html lang="en">/);
  });

  await t.step("signing out ends the session, whoever still has its cookie", async () => {
    const client = await signedIn(program, SHIN_AT);
    const cookie = `__Host-session=${client.secret}`;
    assert.equal((await client.post("/sign-out")).location, "/sign-in");
    assert.equal((await new PageClient(program).get("/logins", { cookie })).status, 303);
  });

  await t.step("a session ends when its account is disabled", async () => {
    const client = await signedIn(program, YUKI);
    assert.equal((await client.get("/mail")).status, 200);
    await runProgram(["user", "disable", YUKI.user, "--config", site.config]);
    assert.deepEqual((await client.get("/mail")).status, 303);
    assert.equal((await new PageClient(program).signIn(YUKI.user, YUKI.password)).status, 403);
  });
});

Deno.test("outgoing mail is that of the account alone", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: HTTP });
  await using program = await startProgram(site);
  const [shin, yuki] = [await signedIn(program, SHIN_AT), await signedIn(program, YUKI)];
  const mine = await send(program, site, { ...SHIN_AT, to: "friend@example.net" });
  const theirs = await send(program, site, { ...YUKI, to: "secret@example.org" });
  await deferred(program, mine);
  await deferred(program, theirs);

  await t.step("it is shown with the reason, in both languages", async () => {
    const answer = await shin.get("/mail");
    assert.match(readable(answer), /friend@example\.net waits The other server does not answer\./);
    assert.match(readable(answer), /The last answer \(tries so far: 1\): 451 4\.4\.1 /);
    assert.match(answer.text, /<strong data-live="own waiting">1<\/strong>/);
    assert.ok(!answer.text.includes(theirs) && !answer.text.includes("secret@"));
    assertWellFormed(answer);
    const japanese = await shin.get("/mail", { "accept-language": "ja" });
    assert.match(readable(japanese), /相手のサーバーが応答しません。/);
    assert.match(readable(await shin.get("/")), /Mails that wait 1/);
  });

  await t.step("nobody cancels the mail of somebody else", async () => {
    for (const id of [theirs, "nothing"]) {
      assert.equal((await shin.post(`/mail/${id}/cancel`)).location, "/mail?done=gone");
    }
    assert.match((await yuki.get("/mail")).text, /secret@example\.org/);
  });

  await t.step("the own one is cancelled, once, and it stands in the log", async () => {
    assert.equal((await yuki.post(`/mail/${theirs}/cancel`)).location, "/mail?done=cancelled");
    const answer = await yuki.get("/mail?done=cancelled");
    assert.match(readable(answer), /The mail is cancelled\./);
    assert.doesNotMatch(answer.text, /secret@example\.org/);
    assert.equal((await yuki.post(`/mail/${theirs}/cancel`)).location, "/mail?done=gone");
    const [changed] = await program.events(1, (event) => event.kind === "queue-changed");
    assert.deepEqual([changed?.["mail"], changed?.["what"], changed?.["by"]], [theirs, "delete", YUKI.user]);
    assert.match((await shin.get("/mail")).text, /friend@example\.net/);
  });

  await t.step("one that an administrator holds is said to be held, and can be cancelled", async () => {
    const id = await send(program, site, { ...YUKI, to: "held@example.org" });
    await deferred(program, id);
    await runProgram(["queue", "hold", id, "--config", site.config]);
    assert.match(readable(await yuki.get("/mail")), /held@example\.org held An administrator has stopped it/);
    assert.equal((await yuki.post(`/mail/${id}/cancel`)).location, "/mail?done=cancelled");
  });

  await t.step("a word in the address that is none of ours says nothing", async () => {
    assert.doesNotMatch((await yuki.get("/mail?done=<b>&after='")).text, /class="notice (?!good)/);
  });
});

Deno.test("a mail that is being handed over is not cancelled", async () => {
  await using folder = await makeFolder();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using peer = await startPeer(async (conversation) => {
    await serveMail({
      ...methods(conversation),
      content: async () => {
        const content = await conversation.content();
        reach();
        await released;
        return content;
      },
    });
  });
  const site = await makeSite(folder.path, {
    more: HTTP,
    smarthost: `address = "127.0.0.1:${peer.port}"\ntls = "never"`,
  });
  await using program = await startProgram(site);
  const shin = await signedIn(program, SHIN_AT);
  const id = await send(program, site, { ...SHIN_AT, to: "friend@example.net" });
  try {
    await reached;
    assert.match(readable(await shin.get("/mail")), /is being handed over/);
    assert.doesNotMatch((await shin.get("/mail")).text, new RegExp(`/mail/${id}/cancel`));
    assert.equal((await shin.post(`/mail/${id}/cancel`)).location, "/mail?done=busy");
  } finally {
    release();
  }
  await program.events(1, (event) => event.kind === "mail-done" && event["mail"] === id);
  assert.match(readable(await shin.get("/mail")), /None of your mails waits/);
});

/** A conversation's methods, so that one of them can be another. */
function methods(it: Parameters<typeof serveMail>[0]): Parameters<typeof serveMail>[0] {
  return {
    number: it.number,
    send: (text) => it.send(text),
    line: () => it.line(),
    content: () => it.content(),
    skip: () => it.skip(),
    startTls: (context) => it.startTls(context),
    end: () => it.end(),
    destroy: () => it.destroy(),
  };
}

Deno.test("logins and sessions of the account", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: `${HTTP}trusted_proxies = ["127.0.0.1"]\n` });
  await using program = await startProgram(site);
  const from = (address: string) => ({ "x-forwarded-for": address, "x-forwarded-proto": "https" });
  const home = await signedIn(program, {
    ...SHIN_AT,
    headers: { ...from("192.0.2.1"), "user-agent": "Firefox <b> (X11; Linux)" },
  });

  await t.step("a login from a network never seen before is marked, a second one is not", async () => {
    await signedIn(program, { ...SHIN_AT, headers: from("192.0.2.77") });
    assert.doesNotMatch((await home.get("/logins")).text, /network never seen before/);
    await signedIn(program, { ...SHIN_AT, headers: from("203.0.113.5") });
    await signedIn(program, { ...SHIN_AT, headers: from("203.0.113.6") });
    const text = readable(await home.get("/logins"));
    assert.equal(text.match(/network never seen before/g)?.length, 1);
    assert.match(text, /203\.0\.113\.5 network never seen before/);
  });

  await t.step("mechanism, TLS and reason are told in words", async () => {
    using client = await converse(program, site, { login: null });
    await logIn(client, { ...SHIN, password: "wrong", mechanism: "SCRAM-SHA-256" });
    assert.match(await logIn(client, { ...SHIN, mechanism: "CRAM-MD5" }), /^235/);
    const answer = await home.get("/logins");
    assert.match(readable(answer), /mail client, CRAM-MD5 encrypted, TLSv1\.3 let in/);
    assert.match(readable(answer), /mail client, SCRAM-SHA-256 encrypted, TLSv1\.3 refused Wrong password\./);
    assert.match(readable(await home.get("/")), /Last login of a mail client .* from 127\.0\.0\.1/);
    assertWellFormed(answer);
  });

  await t.step("a session of one's own is ended, none of somebody else", async () => {
    const other = await signedIn(program, {
      ...SHIN_AT,
      headers: { ...from("198.51.100.9"), "user-agent": "Chrome (Android)" },
    });
    const yuki = await signedIn(program, { ...YUKI, headers: from("198.51.100.9") });
    const page = await home.get("/logins");
    const row = page.text.split("<tr>").find((text) => text.includes("198.51.100.9") && text.includes("/end"));
    const action = /action="([^"]+)"/.exec(row ?? "")?.[1] ?? "";
    assert.equal((await yuki.post(action)).location, "/logins?done=gone");
    assert.equal((await other.get("/logins")).status, 200);
    assert.equal((await home.post(action)).location, "/logins?done=ended");
    assert.equal((await other.get("/logins")).status, 303);
    assert.equal((await home.get("/logins")).status, 200);
  });

  await t.step("all others end at once", async () => {
    const headers = from("198.51.100.9");
    const [other, yuki] = await Promise.all([SHIN_AT, YUKI].map((who) => signedIn(program, { ...who, headers })));
    assert.ok(other !== undefined && yuki !== undefined);
    assert.equal((await home.post("/logins/sessions/end-others")).location, "/logins?done=others-ended");
    assert.deepEqual(await Promise.all([other, home, yuki].map(async (each) => (await each.get("/logins")).status)), [
      303,
      200,
      200,
    ]);
  });
});

Deno.test("the set-up page tells what clients need, and what is missing for a file", async (t) => {
  await using folder = await makeFolder();
  const port = quietPort();
  const listeners = (more: string) =>
    `[[listener]]\nname = "msas"\naddress = "127.0.0.1:${port}"\nrole = "msa"\ntls = "implicit"\n${more}`;
  const site = await makeSite(folder.path, { listeners: listeners(""), more: HTTP });

  await t.step("without a server for reading there is no file", async () => {
    await using program = await startProgram(site);
    const client = await signedIn(program, SHIN_AT);
    const answer = await client.get("/set-up");
    const text = readable(answer);
    assert.match(
      text,
      new RegExp(`Server mail\\.foobar\\.co\\.jp .*Port ${port} .*Security SSL/TLS .*User name shin@baz\\.co\\.jp`),
    );
    assert.match(text, /There is no file yet.*\[http\.profiles\]/);
    assert.doesNotMatch(answer.text, /\/set-up\/mobileconfig/);
    assert.match(text, new RegExp(`host mail\\.foobar\\.co\\.jp port ${port} tls on tls_starttls off`));
    assert.equal((await client.post("/set-up/mobileconfig", { address: SHIN_AT.user })).status, 200);
    assert.match(readable(await client.get("/app-passwords")), /You have no app password yet/);
  });

  await t.step("old devices are told of a way without encryption where there is one", async () => {
    await Deno.writeTextFile(
      site.config,
      (await Deno.readTextFile(site.config)).replace("[sasl]\n", '[sasl]\ncleartext_networks = ["127.0.0.0/8"]\n')
        .replace(
          /\[sasl\]/,
          `[[listener]]\nname = "old"\naddress = "127.0.0.1:${quietPort()}"\nrole = "msa"\ntls = "none"\nrequire_tls = false\n[sasl]`,
        ),
    );
    await using program = await startProgram({ config: join(folder.path, "dokodemo.toml") });
    const text = readable(await (await signedIn(program, SHIN_AT)).get("/set-up"));
    assert.match(
      text,
      /only from these networks: 127\.0\.0\.0\/8 .*Authentication (?:DIGEST-MD5, CRAM-MD5|CRAM-MD5, DIGEST-MD5)/,
    );
  });
});
