import assert from "node:assert/strict";
import { join } from "node:path";
import { requestOverSocket } from "../src/cli/control_client.ts";
import { type Simulation, simulationSchema, type SimulationStep } from "../src/http/simulation.ts";
import { AddressClient } from "./lib/address_client.ts";
import { authenticate, isClientMechanism, PEOPLE } from "./lib/people.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "./lib/program.ts";
import { Random } from "./lib/random.ts";
import { makeFolder } from "./servers/lib.ts";

const CASES = 200;

const ACCESS = `127.1.1.1 REJECT
127.1.1.2 ERROR:"450 Come back tomorrow"
127.1.1.3 ERROR:5.7.1:"554 Never"
Connect:127.2 RELAY
127.168.200 DISCARD
spam@ REJECT
spammer.example ERROR:"550 No spam"
good.spammer.example OK
From:busy@b.example ERROR:"421 Not now"
From:later@b.example ERROR:"451 Later"
From:gone@b.example DISCARD
To:drop@foobar.co.jp DISCARD
To:shut@foobar.co.jp REJECT
mydomain.example RELAY
`;

const MORE = `[access]
file = "access"
relay_domains = ["partner.example"]
relay_networks = ["127.4.0.0/16"]
[sender]
recipient_delimiter = "+"
[sender.accounts]
"yuki@baz.co.jp" = "rewrite"
[[route]]
name = "closed"
recipient_domains = ["closed.example"]
fail = "550 5.1.2 Closed"
[[route]]
name = "thrown"
recipient_domains = ["thrown.example"]
discard = true
`;

const LISTENERS = `
[[listener]]
name = "mta"
address = "127.0.0.1:0"
role = "mta"
[[listener]]
name = "bare"
address = "127.0.0.1:0"
role = "mta"
tls = "none"
[[listener]]
name = "msa"
address = "127.0.0.1:0"
role = "msa"
[[listener]]
name = "msas"
address = "127.0.0.1:0"
role = "msa"
tls = "implicit"
mech_list = ["PLAIN", "SCRAM-SHA-256"]
[[listener]]
name = "strict"
address = "127.0.0.1:0"
role = "mta"
require_tls = true
sender = "reject"
`;

/** A device that may use CRAM-MD5 without TLS from 127.5.0.1. */
const PRINTER = "printer@baz.co.jp";

const IPS = [
  ...["127.0.0.1", "127.0.0.1", "127.9.9.9", "127.1.1.1", "127.1.1.2", "127.1.1.3", "127.2.0.7", "127.3.0.5"],
  ...["127.3.0.6", "127.4.0.1", "127.168.200.7", "127.5.0.1", "127.5.0.1"],
];
const SENDERS = [
  ...["", "shin@baz.co.jp", "shin@foobar.co.jp", "SHIN+list@foobar.co.jp", "yuki@baz.co.jp", "sales@foobar.co.jp"],
  ...["spam@any.example", "a@x.spammer.example", "a@good.spammer.example", "busy@b.example", "later@b.example"],
  ...["gone@b.example", "someone@else.example", "bare", "日本@else.example", "a@host", PRINTER, PRINTER],
];
const RECIPIENTS = [
  ...["shin@baz.co.jp", "yuki@foobar.co.jp", "nobody@foobar.co.jp", "postmaster", "postmaster@foobar.co.jp"],
  ...["a@else.example", "a@partner.example", "a@b.partner.example", "a@mydomain.example", "a%b.example@foobar.co.jp"],
  ...["drop@foobar.co.jp", "shut@foobar.co.jp", "spam@else.example", "a@closed.example", "a@thrown.example", "bare"],
  ...["a@host", "日本@else.example", "sales@foobar.co.jp", "locked@baz.co.jp"],
];
const USERS = ["", "", "shin", "shin@baz.co.jp", "yuki", "locked", "ghost", "shin@wrong.example", PRINTER, PRINTER];
const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM", ""];
const AUTHORS = [
  ...["", "", "Shin <shin@baz.co.jp>", "yuki@baz.co.jp, shin@baz.co.jp", "x@else.example"],
  ...["=?UTF-8?Q?x?= <sales@foobar.co.jp>", "broken <", "undisclosed:;"],
];

interface Case {
  readonly ip: string;
  readonly listener: string;
  readonly tls: boolean;
  readonly user?: string | undefined;
  readonly mechanism?: string | undefined;
  readonly from: string;
  readonly headerFrom?: string | undefined;
  readonly to: readonly string[];
}

/** A case in which all goes well. */
function drawGood(random: Random): Case {
  const user = random.pick(["", "shin", "yuki", "shin@baz.co.jp"]);
  const common = { ip: random.pick(["127.0.0.1", "127.9.9.9"]), tls: true };
  const to = (from: readonly string[]) => Array.from({ length: 1 + random.below(3) }, () => random.pick(from));
  const here = ["shin@baz.co.jp", "yuki@foobar.co.jp", "postmaster", "a@partner.example", "a@b.mydomain.example"];
  if (user === "") return { ...common, listener: "mta", from: random.pick(["", "someone@else.example"]), to: to(here) };
  const listener = random.pick(["mta", "msa", "msas", "strict"]);
  const from = `${user.replace(/@.*$/, "")}@${random.pick(["baz.co.jp", "foobar.co.jp"])}`;
  return { ...common, listener, user, mechanism: "PLAIN", from, to: to([...here, "a@else.example"]) };
}

/** The same with something else in some places. */
function drawCase(random: Random): Case {
  const good = drawGood(random);
  const turn = <Value>(value: Value, draw: () => Value): Value => random.oneIn(5) ? draw() : value;
  return {
    ip: turn(good.ip, () => random.pick(IPS)),
    listener: turn(good.listener, () => random.pick(["mta", "bare", "msa", "msas", "strict"])),
    tls: turn(good.tls, () => false),
    user: turn(good.user, () => random.pick(USERS) || undefined),
    mechanism: turn(good.mechanism, () => random.pick(MECHANISMS) || undefined),
    from: turn(good.from, () => random.pick(SENDERS)),
    headerFrom: turn<string | undefined>(undefined, () => random.pick(AUTHORS) || undefined),
    to: good.to.map((recipient) => turn(recipient, () => random.pick(RECIPIENTS))),
  };
}

async function simulated(site: Site, asked: Case): Promise<Simulation> {
  const answer = await requestOverSocket(`${site.dataDir}/control.sock`, {
    ...{ method: "POST", path: "/api/v1/simulate", body: asked },
  });
  assert.ok(answer.ok && answer.value.status === 200, JSON.stringify(answer));
  return simulationSchema.parse(answer.value.body);
}

/** A reply as the simulation writes it. */
function withoutId(reply: string): string {
  return reply.replaceAll("\r\n", "\n").replace(/ \([0-9a-z]+-[0-9a-z]+\.\d+\)$/, "");
}

/** Until when a limit is closed is told to the second, and seconds pass. */
function timeless(reply: string): string {
  return /^4\d\d 4\.7\./.test(reply) ? reply.replaceAll(/\d+/g, "0") : reply;
}

/** Whose login. */
interface Login {
  readonly user: string;
  /** By the local part. */
  readonly passwords: ReadonlyMap<string, string>;
}

/** Logs in with the right password, as whoever has the name would. */
async function logIn(client: AddressClient, line: string, { user, passwords }: Login): Promise<string> {
  const mechanism = line.slice("AUTH ".length).replace(/-PLUS$/, "");
  if (!isClientMechanism(mechanism)) return await client.command(line);
  return await authenticate(
    mechanism,
    { authcid: user, password: passwords.get(user.replace(/@.*$/, "")) ?? "x", host: "mail.foobar.co.jp" },
    (text) => client.command(text),
  );
}

/** Plays the commands of a simulation for real. */
async function played(
  { program, passwords }: { readonly program: RunningProgram; readonly passwords: Login["passwords"] },
  asked: Case,
  { steps, content }: Simulation,
): Promise<readonly string[]> {
  using client = await AddressClient.connect(program.port(asked.listener), asked.ip);
  if (asked.listener === "msas") await client.startTls();
  const replies: string[] = [];
  for (const { step, client: line } of steps) {
    if (step === "content") continue;
    const isLogin = step === "auth" && asked.user !== undefined && line !== null;
    const reply = line === null
      ? await client.reply()
      : isLogin && offers(steps, line)
      ? await logIn(client, line, { user: asked.user, passwords })
      : await client.command(line);
    replies.push(withoutId(reply));
    if (step === "starttls" && reply.startsWith("220")) await client.startTls();
  }
  const author = asked.headerFrom ?? asked.from;
  if (content === null && !steps.some(({ step }) => step === "content")) return replies;
  assert.match(await client.command("DATA"), /^354 /);
  const reply = await client.command(`${author === "" ? "" : `From: ${author}\r\n`}Subject: x\r\n\r\nx\r\n.`);
  if (content === null) replies.push(withoutId(reply));
  else assert.match(reply, /^250 /);
  return replies;
}

/** Whether the last EHLO offers what a line begins. */
function offers(steps: readonly SimulationStep[], line: string): boolean {
  const hello = steps.findLast(({ step }) => step === "ehlo" || step === "ehlo-tls")?.reply ?? "";
  const names = /^250[- ]AUTH (.*)$/m.exec(hello)?.[1]?.split(" ") ?? [];
  return names.includes(line.slice("AUTH ".length));
}

Deno.test("a simulation and a session say the same, on random cases", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(join(folder.path, "access"), ACCESS);
  const site = await makeSite(folder.path, {
    ...{ more: MORE, listeners: LISTENERS },
    sasl: 'cleartext_networks = ["127.3.0.0/16"]\ncleartext_mechs = ["CRAM-MD5"]\n' +
      'trust_mech = ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"]\n',
  });
  const device = await runProgram(
    [
      ...["device", "add", PRINTER, "--from", PRINTER, "--network", "127.5.0.1", "--channel", "cram-md5"],
      ...["--to", "@foobar.co.jp", "--config", site.config],
    ],
  );
  const printed = /^([a-z]{16})$/m.exec(device.output)?.[1];
  assert.ok(printed !== undefined, device.output);
  const passwords = new Map([...PEOPLE.map(({ local, password }) => [local, password] as const), ["printer", printed]]);
  await using program = await startProgram(site);
  const limited = await requestOverSocket(`${site.dataDir}/control.sock`, {
    ...{ method: "POST", path: "/api/v1/limits/yuki%40baz.co.jp", body: { set: { recipients_per_hour: 20 } } },
  });
  assert.ok(limited.ok && limited.value.status === 200, JSON.stringify(limited));
  const set = await requestOverSocket(`${site.dataDir}/control.sock`, {
    ...{ method: "PUT", path: "/api/v1/accounts/shin%40baz.co.jp/addresses" },
    body: { addresses: ["sales@foobar.co.jp"] },
  });
  assert.ok(set.ok && set.value.status === 200, JSON.stringify(set));
  const given = Number(Deno.env.get("SIMULATE_SEED") ?? NaN);
  const first = Number.isNaN(given) ? Math.floor(Math.random() * 1_000_000) : given;
  const outcomes = new Map<string, number>();
  for (let seed = first; seed < first + (Number.isNaN(given) ? CASES : 1); seed++) {
    const asked = drawCase(new Random(seed));
    const simulation = await simulated(site, asked);
    const about = `SIMULATE_SEED=${seed} ${JSON.stringify(asked)}`;
    const replies = await played({ program, passwords }, asked, simulation);
    assert.deepEqual(replies.map(timeless), simulation.steps.map(({ reply }) => timeless(reply)), about);
    outcomes.set(simulation.outcome, (outcomes.get(simulation.outcome) ?? 0) + 1);
  }
  // Cases that all end in one way would show nothing.
  if (Number.isNaN(given)) {
    for (const outcome of ["accepted", "refused"]) {
      assert.ok((outcomes.get(outcome) ?? 0) > 5);
    }
  }
});
