import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { ServerResponse } from "node:http";
import { type DnsServer, ownAddress, startDns } from "../../lib/dns_server.ts";
import { makeFolder } from "../../servers/lib.ts";
import { certify, type Delivered, deliverTo, type MxHost, startHost } from "./lib.ts";

const DAY_SECONDS = 86_400;
const STARTTLS = { offers: ["STARTTLS"] };

const good = await certify(["mx.example.net", "mx2.example.net"]);
const misnamed = await certify(["other.example.net"]);
const expired = await certify(["mx.example.net"], { daysAgo: 60 });
const web = await certify(["mta-sts.example.net"]);
const authorities = [good, misnamed, expired, web].map(({ authority }) => authority);

/** The web server of a domain, which serves what `answer` says. */
interface PolicyServer extends AsyncDisposable {
  readonly address: string;
  readonly requests: readonly string[];
  answer: (response: ServerResponse) => void;
}

async function startPolicyServer({ certificate, key } = web): Promise<PolicyServer> {
  const address = ownAddress();
  const requests: string[] = [];
  const policies = { address, requests, answer: serve("testing", ["mx.example.net"]) };
  const server: Server = createServer({ cert: certificate, key }, (request, response) => {
    requests.push(`${request.headers.host}${request.url}`);
    policies.answer(response);
  });
  await new Promise<void>((resolve) => server.listen(443, address, resolve));
  return Object.assign(policies, {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function policyText(mode: string, patterns: readonly string[], maxAge: number = 7 * DAY_SECONDS): string {
  return ["version: STSv1", `mode: ${mode}`, ...patterns.map((each) => `mx: ${each}`), `max_age: ${maxAge}`].join(
    "\r\n",
  );
}

function serve(mode: string, patterns: readonly string[], maxAge?: number): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.end(policyText(mode, patterns, maxAge));
  };
}

/** A domain with a policy, one host and a web server. */
interface Domain extends AsyncDisposable {
  readonly host: MxHost;
  readonly web: PolicyServer;
  readonly dns: DnsServer;
  readonly stsFolder: string;
  deliver(): Promise<Delivered>;
}

async function startDomain(
  service: Parameters<typeof startHost>[0],
  { by = web }: { readonly by?: typeof web } = {},
): Promise<Domain> {
  const folder = await makeFolder();
  const stsFolder = `${folder.path}/mta-sts`;
  const host = await startHost(service);
  const policies = await startPolicyServer(by);
  const dns = await startDns({
    "example.net": { mx: [[10, "mx.example.net"]] },
    "mx.example.net": { addresses: [host.address] },
    "_mta-sts.example.net": { txt: ["v=STSv1; id=20261124T1;"] },
    "mta-sts.example.net": { addresses: [policies.address] },
  });
  return {
    host,
    web: policies,
    dns,
    stsFolder,
    deliver: () => deliverTo("example.net", dns, { mtaSts: true, authorities, stsFolder }),
    [Symbol.asyncDispose]: async () => {
      for (const each of [dns, policies, host, folder]) await each[Symbol.asyncDispose]();
    },
  };
}

Deno.test("MTA-STS enforce: a host that the policy names, with a good certificate, gets the mail; the policy is fetched once", async () => {
  await using domain = await startDomain({ ...STARTTLS, secureContext: good.context });
  domain.web.answer = serve("enforce", ["*.example.net"]);
  for (let mail = 0; mail < 3; mail++) assert.equal((await domain.deliver()).outcome?.kind, "relayed");
  assert.deepEqual(domain.web.requests, ["mta-sts.example.net/.well-known/mta-sts.txt"]);
  assert.equal(domain.host.lines.filter((line) => line === "STARTTLS").length, 3);
});

Deno.test("MTA-STS enforce: no mail to a host with a certificate of another name or past its time, or without TLS", async () => {
  const services = [
    { ...STARTTLS, secureContext: misnamed.context },
    { ...STARTTLS, secureContext: expired.context },
    { offers: [] },
    { ...STARTTLS, reply: (line: string) => line === "STARTTLS" ? "454 4.7.0 Not now\r\n" : null },
  ];
  for (const service of services) {
    await using domain = await startDomain(service);
    domain.web.answer = serve("enforce", ["mx.example.net"]);
    const { outcome } = await domain.deliver();
    assert.ok(outcome?.kind === "deferred" && outcome.cause === "tls", JSON.stringify(outcome));
    assert.match(outcome.reply, /^4\d\d 4\.7\./);
    assert.ok(!domain.host.lines.some((line) => line.startsWith("MAIL")));
    assert.equal(domain.host.conversations, 1);
  }
});

Deno.test("MTA-STS enforce: a host that the policy does not name is left out, and the next one tried", async () => {
  await using second = await startHost({ ...STARTTLS, secureContext: good.context });
  await using domain = await startDomain({ ...STARTTLS, secureContext: good.context });
  domain.web.answer = serve("enforce", ["mx2.example.net"]);
  const { outcome, warnings } = await domain.deliver();
  assert.deepEqual(outcome, {
    kind: "deferred",
    cause: "tls",
    reply: "451 4.7.5 No host of example.net is one that its MTA-STS policy names",
  });
  assert.match(warnings.join("\n"), /mx\.example\.net is not a host that the policy of example\.net \(enforce\) names/);
  domain.dns.zone.set("example.net", { mx: [[10, "mx.example.net"], [20, "mx2.example.net"]] });
  domain.dns.zone.set("mx2.example.net", { addresses: [second.address] });
  assert.equal((await domain.deliver()).outcome?.kind, "relayed");
  assert.deepEqual([domain.host.conversations, second.conversations], [0, 1]);
});

Deno.test("Stalwart_0_16_18: MTA-STS testing refuses nothing, and what would have been refused is in the log", async () => {
  for (const service of [{ ...STARTTLS, secureContext: misnamed.context }, { offers: [] }]) {
    await using domain = await startDomain(service);
    domain.web.answer = serve("testing", ["mx.example.net"]);
    const { outcome, warnings } = await domain.deliver();
    assert.equal(outcome?.kind, "relayed");
    assert.match(
      warnings.join("\n"),
      /^mta-sts: mx\.example\.net\[.*the policy of example\.net \(testing\) asks for that$/m,
    );
  }
  await using other = await startDomain({ ...STARTTLS, secureContext: good.context });
  other.web.answer = serve("testing", ["elsewhere.example.net"]);
  const { outcome, warnings } = await other.deliver();
  assert.equal(outcome?.kind, "relayed");
  assert.match(warnings.join("\n"), /is not a host that the policy of example\.net \(testing\) names/);
  await using right = await startDomain({ ...STARTTLS, secureContext: good.context });
  right.web.answer = serve("testing", ["mx.example.net"]);
  assert.deepEqual((await right.deliver()).warnings, []);
});

Deno.test("MTA-STS: a policy of mode none, or one that cannot be had in order, asks for nothing", async () => {
  const redirect = (response: ServerResponse) => {
    response.writeHead(302, { location: "https://mta-sts.example.net/other.txt", "content-type": "text/plain" });
    response.end(policyText("enforce", ["nowhere.test"]));
  };
  const html = (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(policyText("enforce", ["nowhere.test"]));
  };
  const long = (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end(`${policyText("enforce", ["nowhere.test"])}\r\n${"x: y\r\n".repeat(20_000)}`);
  };
  const cases: readonly (readonly [(response: ServerResponse) => void, RegExp | null])[] = [
    [serve("none", []), null],
    [redirect, /the status is 302/],
    [html, /not text\/plain/],
    [long, /longer than 64 KiB/],
    [serve("enforce", []), /is no policy/],
    [(response) => response.destroy(), /cannot be had/],
  ];
  for (const [answer, warning] of cases) {
    await using domain = await startDomain({ offers: [] });
    domain.web.answer = answer;
    const { outcome, warnings } = await domain.deliver();
    assert.equal(outcome?.kind, "relayed");
    if (warning === null) assert.deepEqual(warnings, []);
    else assert.match(warnings.join("\n"), warning);
    assert.equal(domain.web.requests.length, 1);
  }
  await using foreign = await startDomain({ offers: [] }, { by: misnamed });
  foreign.web.answer = serve("enforce", ["nowhere.test"]);
  const { outcome, warnings } = await foreign.deliver();
  assert.equal(outcome?.kind, "relayed");
  assert.match(warnings.join("\n"), /^mta-sts: The policy of example\.net is not known: .*cannot be had/);
  assert.deepEqual(foreign.web.requests, []);
});

Deno.test("MTA-STS: a policy that is known holds over a restart, without its record and without its web server, for its time", async () => {
  await using domain = await startDomain({ offers: [] });
  domain.web.answer = serve("enforce", ["mx.example.net"], DAY_SECONDS);
  assert.equal((await domain.deliver()).outcome?.kind, "deferred");
  domain.dns.zone.delete("mta-sts.example.net");
  domain.dns.zone.delete("_mta-sts.example.net");
  // Each delivery opens the store anew.
  assert.equal((await domain.deliver()).outcome?.kind, "deferred");
  const file = `${domain.stsFolder}/example.net.txt`;
  assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  const kept = await Deno.readTextFile(file);
  const twoDaysAgo = new Date(Date.now() - 2 * DAY_SECONDS * 1000).toISOString();
  await Deno.writeTextFile(file, kept.replace(/^(dokodemo-fetched: ).*$/m, `$1${twoDaysAgo}`));
  assert.equal((await domain.deliver()).outcome?.kind, "relayed");
  assert.equal(domain.web.requests.length, 1);
  await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
});

Deno.test("MTA-STS: a new id in the record brings the new policy, and the old one stays where that cannot be had", async () => {
  await using domain = await startDomain({ offers: [] });
  domain.web.answer = serve("enforce", ["mx.example.net"]);
  assert.equal((await domain.deliver()).outcome?.kind, "deferred");
  domain.dns.zone.set("_mta-sts.example.net", { txt: ["v=STSv1; id=20261125T1;"] });
  domain.web.answer = (response) => response.destroy();
  assert.equal((await domain.deliver()).outcome?.kind, "deferred");
  domain.web.answer = serve("none", []);
  assert.equal((await domain.deliver()).outcome?.kind, "relayed");
  assert.equal(domain.web.requests.length, 3);
});
