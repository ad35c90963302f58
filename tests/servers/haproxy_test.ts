import assert from "node:assert/strict";
import { join } from "node:path";
import { mailsIn } from "../lib/maildir.ts";
import { makeSite, personOf, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { HAPROXY_PROGRAMS, type RunningHaproxy, startHaproxy } from "./haproxy.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const USER = "shin@baz.co.jp";
const PASSWORD = "correct horse";
const AUTH = { mechanism: "PLAIN", user: USER, password: PASSWORD };
/** Another address of loopback than the proxy's own, so that the two can be told apart. */
const CLIENT = "127.0.0.77";

const LISTENERS = ["ended", "passed", "implicit", "elsewhere"].map((name) =>
  `[[listener]]
name = "${name}"
address = "127.0.0.1:0"
role = "msa"
tls = "${{ ended: "none", implicit: "implicit" }[name] ?? "starttls"}"
proxy = ["${name === "elsewhere" ? "192.0.2.1" : "127.0.0.1"}"]
`
).join("");

/** HAProxy in front of a server with listeners of each kind. */
async function behind(
  run: (
    parts: { readonly server: RunningProgram; readonly proxy: RunningHaproxy; readonly site: Site },
  ) => Promise<void> | void,
): Promise<void> {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [personOf(USER, PASSWORD)], listeners: LISTENERS });
  const pem = join(folder.path, "haproxy.pem");
  const { certificateFile, keyFile } = site.certificate;
  await Deno.writeTextFile(pem, await Deno.readTextFile(certificateFile) + await Deno.readTextFile(keyFile));
  await using server = await startProgram(site);
  const smtpchk = ["option smtpchk EHLO haproxy.example"];
  const own = `ssl crt ${pem}`;
  const [ended, passed, implicit] = ["ended", "passed", "implicit"].map((name) => server.port(name)) as [
    number,
    number,
    number,
  ];
  await using proxy = await startHaproxy(folder.path, [
    {
      name: "tls",
      bind: own,
      to: ended,
      server: "send-proxy-v2-ssl proxy-v2-options ssl-cipher check inter 200ms",
      more: smtpchk,
    },
    {
      name: "cn",
      bind: own,
      to: ended,
      server: "send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id check inter 200ms",
    },
    { name: "clear", to: ended, server: "send-proxy-v2-ssl" },
    { name: "v1", to: passed, server: "send-proxy check inter 200ms", more: smtpchk },
    { name: "v1port", to: passed, server: "send-proxy check inter 200ms" },
    { name: "v2", to: passed, server: "send-proxy-v2 check inter 200ms" },
    { name: "implicit", to: implicit, server: "send-proxy check inter 200ms" },
    { name: "implicit2", to: implicit, server: "send-proxy-v2-ssl check inter 200ms" },
    { name: "elsewhere", to: server.port("elsewhere"), server: "send-proxy-v2" },
    { name: "forgotten", to: passed, server: "" },
  ]);
  await run({ server, proxy, site });
  await proxy.stop();
  assert.equal((await server.process.stop()).code, 0);
  assert.deepEqual(server.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
}

const test = requirePrograms([...HAPROXY_PROGRAMS, ...SWAKS_PROGRAMS]);

test("HAProxy ends TLS, or passes it on: swaks logs in through it, and log and Received show the client and its TLS", async () => {
  await behind(async ({ server, proxy, site }) => {
    const ways = [["tls", "implicit"], ["cn", "implicit"], ["v1", "starttls"], ["v2", "starttls"], [
      "implicit",
      "implicit",
    ], [
      "implicit2",
      "implicit",
    ]] as const;
    for (const [name, tls] of ways) {
      const sent = await swaks({
        ...{ port: proxy.port(name), tls, auth: AUTH, from: USER, to: "shin@foobar.co.jp" },
        message: `Subject: through ${name}\n\nhello\n`,
        args: ["--local-interface", CLIENT],
      });
      assert.equal(sent.code, 0, sent.output);
      if (name === "tls" || name === "cn") assert.doesNotMatch(sent.output, /-PLUS|STARTTLS/);
    }
    await server.events(ways.length, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
    const mails = (await mailsIn(join(site.mail, "shin"))).map((octets) => new TextDecoder().decode(octets));
    assert.equal(mails.length, ways.length);
    for (const mail of mails) {
      assert.match(mail, /Received: from client\.example\.org \(\[127\.0\.0\.77\]\)/);
      assert.match(mail, /with ESMTPSA id [\s\S]*\(version=TLSv1\.[23](?: cipher=[A-Z0-9_-]+)?\)/);
    }
    assert.equal(
      mails.filter((mail) => mail.includes(" cipher=")).length,
      ways.length - 1,
      "HAProxy tells of it where asked",
    );
    const logins = server.log.filter(({ kind }) => kind === "authentication");
    assert.deepEqual(logins.map(({ remote, result }) => [remote, result]), ways.map(() => [CLIENT, "accepted"]));
    assert.ok(logins.every(({ tls }) => /^TLSv1\.[23]$/.test(String(tls))));
    const ends = server.log.filter(({ kind }) => kind === "tls").map(({ remote, proxy }) => [remote, proxy]);
    assert.deepEqual(ends, ways.map(([name]) => [CLIENT, name === "tls" || name === "cn" ? "127.0.0.1" : undefined]));
  });
});

test("through HAProxy: without TLS there is no login, what a client forges is no header, and a proxy out of the networks is refused", async () => {
  await behind(async ({ server, proxy }) => {
    const mail = { tls: "none", auth: AUTH, from: USER, to: "shin@foobar.co.jp" } as const;
    const clear = await swaks({ port: proxy.port("clear"), ...mail });
    assert.equal(clear.code, 28, clear.output);
    assert.doesNotMatch(clear.output, /AUTH /);
    using forger = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port("v1") });
    await forger.write(new TextEncoder().encode("PROXY TCP4 203.0.113.9 198.51.100.1 1 2\r\nQUIT\r\n"));
    const text = await new Response(forger.readable).text();
    assert.match(text, /^220 [^\n]*\r\n500 [^\n]*\r\n221 /);
    assert.equal(server.log.some((event) => JSON.stringify(event).includes("203.0.113.9")), false);
    for (
      const [name, why] of [["elsewhere", /^Refused 127\.0\.0\.1 at elsewhere/], [
        "forgotten",
        /no PROXY header/,
      ]] as const
    ) {
      const refused = await swaks({ port: proxy.port(name), ...mail });
      assert.notEqual(refused.code, 0, refused.output);
      await server.events(1, ({ about, text }) => about === "proxy" && why.test(String(text)));
    }
  });
});

test("HAProxy's health checks succeed and leave no line in the log", async () => {
  await behind(({ server, proxy }) => {
    assert.deepEqual([...proxy.checks].sort(), [
      ["cn", "L4OK"],
      ["implicit", "L4OK"],
      ["implicit2", "L4OK"],
      ["tls", "L7OK"],
      ["v1", "L7OK"],
      ["v1port", "L4OK"],
      ["v2", "L4OK"],
    ]);
    const kinds = new Set(server.log.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["listening", "ready", "starting", "warning"]);
  });
});
