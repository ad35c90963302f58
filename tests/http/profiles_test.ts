import assert from "node:assert/strict";
import type { Hono } from "hono";
import fc from "fast-check";
import { SASLDB } from "../../backends/sasldb.ts";
import type { Config } from "../../src/config/config.ts";
import { checkConfig } from "../../src/config/load.ts";
import { httpApp } from "../../src/http/app.ts";
import { readAddress, userNameOf } from "../../src/http/profiles/address.ts";
import { autoconfigXml } from "../../src/http/profiles/autoconfig.ts";
import { readAutodiscoverRequest } from "../../src/http/profiles/autodiscover.ts";
import { dnsLines } from "../../src/http/profiles/dns_lines.ts";
import { mobileconfigAnswer } from "../../src/http/profiles/profile_routes.ts";
import { type ProfileSettings, profileSettings, whyNoProfile } from "../../src/http/profiles/settings.ts";
import { escapeXml } from "../../src/http/profiles/xml.ts";
import type { HttpEnv } from "../../src/http/receive.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { freePort, makeFolder, requirePrograms, runOrThrow } from "../servers/lib.ts";
import { autoconfigMistakes } from "./autoconfig_schema.ts";
import { sidecarParts } from "./lib.ts";
import { elements, parseDocuments, parsePlist, parseXml, texts } from "./xml_tree.ts";

const test = requirePrograms(["python3", "curl"]);

const TLS = '[tls]\ncertificate_file = "c.pem"\nkey_file = "k.pem"\n';
const HTTP = '[http]\npublic_url = "https://mail.foobar.co.jp"\n';
const IMAP = '[http.profiles]\nname = "Foobar & <Baz>"\nimap = { address = "imap.foobar.co.jp:993" }\n';
const POP = 'pop = { address = "pop.foobar.co.jp:110" }\n';

/** The configuration of a file with these lines below its head. */
function config(lines: string, { top = "" }: { readonly top?: string } = {}): Config {
  const head = 'hostname = "mail.foobar.co.jp"\ndefault_realm = "baz.co.jp"\nlocal_domains = ["foobar.co.jp"]\n' +
    `postmaster = "shin"\n${top}`;
  const local = '[delivery.local]\nmaildir = "/var/mail/{user}"\n';
  const modules = new Map([["sasldb", SASLDB]]);
  const loaded = checkConfig(`${head}${lines}${local}`, { folder: "/etc/dokodemo", modules });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.mistakes.join("\n"));
  return loaded.config;
}

const FULL = config(`${TLS}${HTTP}${IMAP}${POP}`);

/** The whole application of [http] under a configuration. */
function appFor(current: Config): Hono<HttpEnv> {
  const parts = sidecarParts({});
  return httpApp({ ...parts, current: () => ({ ...parts.current(), config: current }) });
}

/** Asks as somebody from outside, through a proxy or not. */
async function ask(
  app: Hono<HttpEnv>,
  target: string,
  { host = "mail.foobar.co.jp", body }: { readonly host?: string; readonly body?: string } = {},
): Promise<{ readonly status: number; readonly type: string; readonly text: string; readonly headers: Headers }> {
  const request = new Request(`http://x${target}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { host },
    ...body !== undefined && { body },
  });
  const response = await app.fetch(request, { peer: "192.0.2.7" });
  const { status, headers } = response;
  return { status, headers, type: headers.get("content-type") ?? "", text: await response.text() };
}

test("autoconfig holds the elements of the published description, and nothing else", async () => {
  const cases = [
    FULL,
    config(`${TLS}${HTTP}${IMAP}`),
    config(`${TLS}${HTTP}[http.profiles]\n${POP}`),
    config(`${TLS}[[listener]]\nrole = "mta"\n${HTTP}${IMAP}`),
  ];
  const files = cases.map(profileSettings).flatMap((settings) =>
    settings.domains.map((domain) => autoconfigXml(settings, domain))
  );
  const roots = await parseDocuments(files);
  assert.equal(roots.length, 2 * cases.length);
  for (const root of roots) assert.deepEqual(autoconfigMistakes(root), []);
  const provider = elements(roots[0]!, "emailProvider")[0]!;
  const servers = ["incomingServer", "outgoingServer"].flatMap((name) => elements(provider, name));
  assert.deepEqual(
    servers.map((server) => [server.attributes["type"], ...server.children.map(({ text }) => text)]),
    [
      ["imap", "imap.foobar.co.jp", "993", "SSL", "password-cleartext", "%EMAILADDRESS%"],
      ["pop3", "pop.foobar.co.jp", "110", "STARTTLS", "password-cleartext", "%EMAILADDRESS%"],
      ["smtp", "mail.foobar.co.jp", "465", "SSL", "password-cleartext", "%EMAILADDRESS%"],
      ["smtp", "mail.foobar.co.jp", "587", "STARTTLS", "password-cleartext", "%EMAILADDRESS%"],
    ],
  );
  assert.equal(texts(provider)["displayName"], "Foobar & <Baz>");
});

test("the schema of these tests finds what is wrong", async () => {
  const right = autoconfigXml(profileSettings(FULL), "baz.co.jp");
  const broken: readonly (readonly [string | RegExp, string])[] = [
    [/<port>993<\/port>/, ""],
    ["<port>993</port>", "<port>0</port>"],
    ["<socketType>SSL", "<socketType>ssl"],
    ['type="imap"', 'type="imaps"'],
    ["%EMAILADDRESS%", "shin@baz.co.jp"],
    [/<outgoingServer[\s\S]*<\/outgoingServer>/, ""],
    ["<displayName>", "<note/><displayName>"],
    ['version="1.1"', 'version="1.1" id="1"'],
  ];
  const roots = await parseDocuments(broken.map(([part, instead]) => right.replace(part, instead)));
  for (const [at, [part]] of broken.entries()) assert.equal(autoconfigMistakes(roots[at]!).length, 1, String(part));
  assert.deepEqual(autoconfigMistakes(await parseXml(right)), []);
});

Deno.test("the user name is the address where its domain is a realm, else it has the default realm", () => {
  const name = (address: string, settings: ProfileSettings) => userNameOf(readAddress(address)!, settings);
  const some = profileSettings(FULL);
  assert.equal(name("shin@baz.co.jp", some), "shin@baz.co.jp");
  assert.equal(name("Shin@FOOBAR.co.jp", some), "Shin@baz.co.jp");
  assert.match(autoconfigXml(some, "foobar.co.jp"), /<username>%EMAILLOCALPART%@baz\.co\.jp<\/username>/);
  assert.doesNotMatch(autoconfigXml(some, "foobar.co.jp"), /<domain>baz\.co\.jp|%EMAILADDRESS%/);
  const realms = profileSettings(config(`[sasl]\nrealms = ["foobar.co.jp", "third.example"]\n`));
  assert.equal(name("shin@foobar.co.jp", realms), "shin@foobar.co.jp");
  assert.deepEqual(realms.domains, ["baz.co.jp", "foobar.co.jp", "third.example"]);
  const both = /<domain>third\.example<\/domain>\s*<domain>baz\.co\.jp<\/domain>\s*<domain>foobar\.co\.jp<\/domain>/;
  assert.match(autoconfigXml(realms, "third.example"), both);
  const section = profileSettings(config('[backend.sasldb]\nrealms = ["foobar.co.jp"]\n'));
  assert.equal(name("shin@foobar.co.jp", section), "shin@foobar.co.jp");
});

Deno.test("of listeners those are told that people can use, TLS from the first octet first", () => {
  const listeners = (...lines: readonly string[]) => {
    const tables = lines.map((line, at) => `[[listener]]\nname = "l${at}"\n${line}\n`).join("");
    return profileSettings(config(`${TLS}${tables}`)).submission.map(({ port, tls }) => `${port} ${tls}`);
  };
  const [mta, loopback, zero] = [
    'role = "mta"\naddress = "[::]:25"',
    'address = "127.0.0.1:1587"',
    'address = "[::]:0"',
  ];
  const msas = 'address = "[::]:465"\ntls = "implicit"';
  const clear = 'address = "192.0.2.1:2587"\ntls = "none"\nrequire_tls = false';
  assert.deepEqual(listeners(mta, 'address = "[::]:587"', loopback, zero, msas, clear), [
    "465 implicit",
    "587 starttls",
  ]);
  assert.deepEqual(listeners(loopback, mta, zero), ["25 starttls"]);
  assert.deepEqual(listeners(loopback, zero, clear), ["1587 starttls"]);
  assert.deepEqual(listeners(zero, clear), []);
  assert.match(whyNoProfile(profileSettings(config(`${HTTP}${IMAP}`))) ?? "", /needs TLS/);
});

Deno.test("where no mechanism shows the password, clients are told so", () => {
  const authentication = (sasl: string, listener = "") =>
    profileSettings(config(`${TLS}[[listener]]\n${listener}\n[sasl]\n${sasl}\n`)).submission[0]?.authentication;
  assert.equal(authentication(""), "password-cleartext");
  assert.equal(authentication('mech_list = ["CRAM-MD5", "LOGIN"]'), "password-cleartext");
  assert.equal(authentication('mech_list = ["CRAM-MD5"]'), "password-encrypted");
  assert.equal(authentication("", 'mech_list = ["SCRAM-SHA-256"]'), "password-encrypted");
});

Deno.test("each address of a domain gets the same answer, one of another domain 404, and no address at all that of the host", async () => {
  const app = appFor(FULL);
  const path = "/mail/config-v1.1.xml";
  const known = await ask(app, `${path}?emailaddress=shin@foobar.co.jp`);
  assert.deepEqual([known.status, known.type], [200, "text/xml; charset=utf-8"]);
  assert.equal(known.headers.get("cache-control"), "no-store");
  const same = [
    `${path}?emailaddress=nobody%40foobar.co.jp`,
    `${path}?emailaddress=x@FooBar.co.jp`,
    `/.well-known/autoconfig${path}?emailaddress=x@foobar.co.jp`,
  ];
  for (const target of same) assert.equal((await ask(app, target)).text, known.text, target);
  const byHost = ["autoconfig.foobar.co.jp", "foobar.co.jp", "foobar.co.jp:8025"];
  for (const host of byHost) assert.equal((await ask(app, path, { host })).text, known.text, host);
  assert.match((await ask(app, path)).text, /<domain>baz\.co\.jp<\/domain>/);
  for (const target of [`${path}?emailaddress=a@example.net`, "/profiles/mail.mobileconfig?address=a@example.net"]) {
    const stranger = await ask(app, target, { host: "mail.foobar.co.jp" });
    assert.deepEqual([stranger.status, stranger.type], [404, "application/problem+json"]);
  }
  for (const address of ["", "shin", "@baz.co.jp", "a b@baz.co.jp", "a%0Ab@baz.co.jp", `${"x".repeat(65)}@baz.co.jp`]) {
    const wrong = await ask(app, `${path}?emailaddress=${address}`);
    assert.deepEqual([wrong.status, JSON.parse(wrong.text).field], [422, "emailaddress"], address);
  }
});

Deno.test("without [http.profiles] there is no file, and the problem says what is missing", async () => {
  const app = appFor(config(`${TLS}${HTTP}`));
  const answers = [
    await ask(app, "/mail/config-v1.1.xml?emailaddress=shin@baz.co.jp"),
    await ask(app, "/.well-known/autoconfig/mail/config-v1.1.xml"),
    await ask(app, "/profiles/mail.mobileconfig?address=shin@baz.co.jp"),
    await ask(app, "/autodiscover/autodiscover.xml", { body: outlookRequest("shin@baz.co.jp") }),
  ];
  for (const { status, type, text } of answers) {
    assert.deepEqual([status, type], [404, "application/problem+json"]);
    assert.match(JSON.parse(text).detail, /\[http\.profiles\]/);
  }
});

test("Outlook gets its servers, in each spelling of the path", async () => {
  const app = appFor(FULL);
  for (const path of ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"]) {
    const answer = await ask(app, path, { body: outlookRequest("shin@foobar.co.jp") });
    assert.deepEqual([answer.status, answer.type], [200, "text/xml; charset=utf-8"]);
    const root = await parseXml(answer.text);
    assert.equal(root.name, "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}Autodiscover");
    const [response] = elements(root, "Response");
    assert.equal(
      response?.name,
      "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}Response",
    );
    const protocols = elements(root, "Response", "Account", "Protocol").map(texts);
    assert.deepEqual(
      protocols.map(({ Type, Server, Port, Encryption, LoginName, SPA, AuthRequired }) => {
        return [Type, Server, Port, Encryption, LoginName, SPA, AuthRequired];
      }),
      [
        ["IMAP", "imap.foobar.co.jp", "993", "SSL", "shin@baz.co.jp", "off", "on"],
        ["POP3", "pop.foobar.co.jp", "110", "TLS", "shin@baz.co.jp", "off", "on"],
        ["SMTP", "mail.foobar.co.jp", "465", "SSL", "shin@baz.co.jp", "off", "on"],
      ],
    );
  }
  const known = await ask(app, "/autodiscover/autodiscover.xml", { body: outlookRequest("a@baz.co.jp") });
  const unknown = await ask(app, "/autodiscover/autodiscover.xml", { body: outlookRequest("b@baz.co.jp") });
  assert.equal(known.text.replaceAll("a@baz", "b@baz"), unknown.text);
  const moved = await ask(app, "/autodiscover/autodiscover.xml", { host: "autodiscover.baz.co.jp" });
  const place = "https://mail.foobar.co.jp/autodiscover/autodiscover.xml";
  assert.deepEqual([moved.status, moved.headers.get("location")], [302, place]);
  const inside = await ask(appFor(config(`${TLS}[http]\n${IMAP}`)), "/autodiscover/autodiscover.xml");
  assert.equal(inside.status, 200);
  assert.doesNotMatch(inside.text, /LoginName/);
});

Deno.test("a request of Autodiscover is read without an entity, and what else it may be is refused", async () => {
  const app = appFor(FULL);
  const path = "/autodiscover/autodiscover.xml";
  const request = outlookRequest("shin@baz.co.jp");
  const bomb = request.replace("<Autodiscover", '<!DOCTYPE a [<!ENTITY b "shin@baz.co.jp">]><Autodiscover');
  const cases: readonly (readonly [string, number])[] = [
    [request, 200],
    [request.replaceAll(/<(\/?)(?=[A-Z])/g, "<$1a:").replace("xmlns=", "xmlns:a="), 200],
    [request.replace("<Request>", "<!-- <EMailAddress>x@example.net</EMailAddress> --><Request>"), 200],
    [bomb, 422],
    [bomb.replace("shin@baz.co.jp</EMail", "&b;</EMail"), 422],
    [request.replace("shin@baz.co.jp", "&#115;hin@baz.co.jp"), 422],
    [request.replace("shin@baz.co.jp", "<![CDATA[shin@baz.co.jp]]>"), 422],
    [request.replace("shin@baz.co.jp", "<b>shin</b>@baz.co.jp"), 422],
    [request.replace("shin@baz.co.jp", "shin"), 422],
    [request.replace("shin@baz.co.jp", "shin@example.net"), 404],
    [request.replace("/outlook/responseschema/2006a", "/mobilesync/responseschema/2006"), 404],
    ["", 422],
    ["\xff\xfe", 422],
    [`<!-- ${request}`, 422],
    [request + " ".repeat(17_000), 413],
  ];
  for (const [body, status] of cases) assert.equal((await ask(app, path, { body })).status, status, body.slice(0, 300));
  // Never a throw, and what is found is in the request.
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
    const read = readAutodiscoverRequest(octets);
    if (read.ok) assert.ok(new TextDecoder().decode(octets).includes("EMailAddress"));
  }));
});

test("the mobileconfig is a property list with stable identifiers, and a password only where one is given", async () => {
  const app = appFor(FULL);
  const answer = await ask(app, "/profiles/mail.mobileconfig?address=shin@foobar.co.jp");
  assert.deepEqual([answer.status, answer.type], [200, "application/x-apple-aspen-config; charset=utf-8"]);
  assert.equal((await ask(app, "/profiles/mail.mobileconfig?address=shin@foobar.co.jp")).text, answer.text);
  const profile = await parsePlist(answer.text);
  const [payload] = payloads(profile);
  assert.deepEqual([profile["PayloadType"], profile["PayloadVersion"]], ["Configuration", 1]);
  for (const { PayloadUUID } of [profile, payload!]) {
    assert.match(String(PayloadUUID), /^[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  }
  assert.notEqual(profile["PayloadUUID"], payload!["PayloadUUID"]);
  const expected = {
    EmailAccountDescription: "Foobar & <Baz>",
    EmailAccountType: "EmailTypeIMAP",
    EmailAddress: "shin@foobar.co.jp",
    IncomingMailServerAuthentication: "EmailAuthPassword",
    IncomingMailServerHostName: "imap.foobar.co.jp",
    IncomingMailServerPortNumber: 993,
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: "shin@baz.co.jp",
    OutgoingMailServerAuthentication: "EmailAuthPassword",
    OutgoingMailServerHostName: "mail.foobar.co.jp",
    OutgoingMailServerPortNumber: 465,
    OutgoingMailServerUseSSL: true,
    OutgoingMailServerUsername: "shin@baz.co.jp",
    OutgoingPasswordSameAsIncomingPassword: true,
    PayloadType: "com.apple.mail.managed",
  };
  assert.deepEqual({ ...payload, ...expected }, payload);
  assert.ok(!answer.text.includes("OutgoingPassword<"));

  const other = payloads(await parsePlist((await ask(app, "/profiles/mail.mobileconfig?address=b@baz.co.jp")).text));
  assert.notEqual(other[0]?.["PayloadUUID"], payload!["PayloadUUID"]);

  const address = readAddress("shin@foobar.co.jp")!;
  const request = { address, userName: "shin.o@baz.co.jp", outgoingPassword: 'k3fq-<&">' };
  const own = await mobileconfigAnswer(profileSettings(FULL), request).text();
  const [withPassword] = payloads(await parsePlist(own));
  assert.equal(withPassword?.["OutgoingPassword"], 'k3fq-<&">');
  assert.equal(withPassword?.["OutgoingPasswordSameAsIncomingPassword"], false);
  assert.equal(withPassword?.["IncomingPassword"], undefined);
  assert.equal(withPassword?.["OutgoingMailServerUsername"], "shin.o@baz.co.jp");
  assert.equal(withPassword?.["PayloadUUID"], payload!["PayloadUUID"]);

  const pop = profileSettings(config(`${TLS}${HTTP}[http.profiles]\n${POP}`));
  const [popPayload] = payloads(await parsePlist(await mobileconfigAnswer(pop, { address }).text()));
  assert.equal(popPayload?.["EmailAccountType"], "EmailTypePOP");
});

test("any text is well-formed XML, and comes back as it was", async () => {
  const hostile = fc.sample(fc.string({ unit: "binary", maxLength: 30 }), { numRuns: 300, seed: 1 });
  const xml = `<all>${hostile.map((text) => `<t a="${escapeXml(text)}">${escapeXml(text)}</t>`).join("")}</all>`;
  const read = elements(await parseXml(xml), "t");
  // XML turns line ends round, and what it cannot hold was replaced.
  const plain = hostile.map((text, at) => ({ text, at })).filter(({ text }) =>
    /^[\x20-\x7e\u00a0-\ud7ff]*$/.test(text)
  );
  assert.ok(plain.length > 5);
  for (const { text, at } of plain) assert.deepEqual([read[at]?.text, read[at]?.attributes["a"]], [text, text]);
  assert.equal(read.length, hostile.length);
});

Deno.test("the DNS lines name what is configured", () => {
  assert.deepEqual(dnsLines(profileSettings(FULL), "baz.co.jp"), [
    "_submissions._tcp.baz.co.jp. 3600 IN SRV 0 1 465 mail.foobar.co.jp.",
    "_submission._tcp.baz.co.jp. 3600 IN SRV 1 1 587 mail.foobar.co.jp.",
    "_imaps._tcp.baz.co.jp. 3600 IN SRV 0 1 993 imap.foobar.co.jp.",
    "_pop3._tcp.baz.co.jp. 3600 IN SRV 10 1 110 pop.foobar.co.jp.",
    "_autodiscover._tcp.baz.co.jp. 3600 IN SRV 0 1 443 mail.foobar.co.jp.",
    "autoconfig.baz.co.jp. 3600 IN CNAME mail.foobar.co.jp.",
  ]);
  const port = profileSettings(config(`${TLS}[http]\npublic_url = "https://mail.foobar.co.jp:8443"\n`));
  assert.deepEqual(dnsLines(port, "foobar.co.jp").slice(2), [
    "_autodiscover._tcp.foobar.co.jp. 3600 IN SRV 0 1 8443 mail.foobar.co.jp.",
  ]);
  const inside = profileSettings(config(`${TLS}[http]\n`));
  assert.equal(dnsLines(inside, "foobar.co.jp").length, 2);
});

test("curl gets each file from the running program", async () => {
  await using folder = await makeFolder();
  const [submission, http] = [freePort(), freePort()];
  const site = await makeSite(folder.path, {
    people: [],
    listeners: `[[listener]]\naddress = "127.0.0.1:${submission}"`,
    more: `[http]\naddress = "127.0.0.1:${http}"\n${IMAP}`,
  });
  await using program = await startProgram(site);
  const curl = (path: string, ...more: readonly string[]) =>
    runOrThrow("curl", {
      args: ["--silent", "--show-error", "--fail", ...more, `http://127.0.0.1:${http}${path}`],
    });
  const autoconfig = await curl(
    "/mail/config-v1.1.xml?emailaddress=shin@baz.co.jp",
    "-H",
    "Host: autoconfig.baz.co.jp",
  );
  assert.deepEqual(autoconfigMistakes(await parseXml(autoconfig)), []);
  const outlook = await curl(
    "/autodiscover/autodiscover.xml",
    ...["-H", "Content-Type: text/xml", "--data-binary", outlookRequest("shin@baz.co.jp")],
  );
  const protocols = elements(await parseXml(outlook), "Response", "Account", "Protocol").map(texts);
  assert.deepEqual(protocols.map(({ Type, Server, Port }) => [Type, Server, Port]), [
    ["IMAP", "imap.foobar.co.jp", "993"],
    ["SMTP", "mail.foobar.co.jp", String(submission)],
  ]);
  const [payload] = payloads(await parsePlist(await curl("/profiles/mail.mobileconfig?address=shin@baz.co.jp")));
  assert.equal(payload?.["OutgoingMailServerPortNumber"], submission);
  assert.equal((await program.process.stop()).code, 0);
});

/** What Outlook sends. */
function outlookRequest(address: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>${address}</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
  </Request>
</Autodiscover>`;
}

function payloads(profile: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const content = profile["PayloadContent"];
  assert.ok(Array.isArray(content));
  return content;
}
