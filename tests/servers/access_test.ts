import assert from "node:assert/strict";
import { join } from "node:path";
import { AddressClient } from "../lib/address_client.ts";
import { makeSite, personOf, type RunningProgram, runProgram, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { SENDMAIL_PROGRAMS } from "./sendmail.ts";
import { type SendmailServer, startSendmailServer } from "./sendmail_server.ts";

const test = requirePrograms(SENDMAIL_PROGRAMS);

const ACCESS = `# the how-to's lines; its network is one of loopback
spammer@aol.com\tREJECT
spammer.com\tERROR:"550 We don't accept mail from spammers"
127.168.200\tDISCARD
spam@\tREJECT
cyberspammer.com\tREJECT
good.cyberspammer.com\tOK
mydomain.co.jp\tRELAY
127.1.1.1\tREJECT
127.1.1.2\tERROR:"450 Come back tomorrow"
Connect:127.1.2\tREJECT
Connect:127.1.2.3\tOK
127.1.3\tSKIP
127.2\tRELAY
127.2.9\tOK
127.2.8\tREJECT
Connect:127.3\tRELAY
From:127-only.example\tREJECT
From:liar.example\tERROR:5.1.8:"554 Liar"
From:tmp.example\tERROR:"451 4.7.1 Later"
To:liar.example\tOK
From:boss@liar.example\tOK
To:blocked@foobar.co.jp\tREJECT
To:quiet@foobar.co.jp\tDISCARD
To:spam@foobar.co.jp\tOK
To:far.example\tRELAY
To:closed.far.example\tREJECT
To:odd.far.example\tSKIP
user+news@\tREJECT
robot+*@foobar.co.jp\tREJECT
tagged.example\tREJECT
To:tagged.example\tRELAY
bare.example\t553 Bare as in 8.11
codeless.example\tERROR:"No code"
`;

const CLIENTS = [
  ...["127.9.9.9", "127.9.9.9", "127.9.9.9", "127.1.2.3", "127.1.3.9", "127.2.1.1", "127.2.9.1", "127.3.4.5"],
  ...["127.168.200.8", "127.1.1.1", "127.1.1.2", "127.1.2.9", "127.2.8.1"],
];
const SENDERS = [
  ...["", "a@b.example", "spammer@aol.com", "ok@aol.com", "x@spammer.com", "x@deep.spammer.com", "spam@b.example"],
  ...["a@cyberspammer.com", "a@good.cyberspammer.com", "SPAM@B.example", "x@liar.example", "boss@liar.example"],
  ...["x@tmp.example", "user+news@b.example", "user+other@b.example", "robot+1@foobar.co.jp", "x@tagged.example"],
  ...["x@bare.example", "x@codeless.example", "blocked@foobar.co.jp", "x@127-only.example"],
];
const RECIPIENTS = [
  ...["shin@foobar.co.jp", "spam@foobar.co.jp", "blocked@foobar.co.jp", "quiet@foobar.co.jp", "robot+1@foobar.co.jp"],
  ...["a@mydomain.co.jp", "a@sub.mydomain.co.jp", "spammer@aol.com", "a@else.example", "spam@else.example"],
  ...["a@far.example", "a@closed.far.example", "a@odd.far.example", "a@tagged.example", "a@partner.example"],
  ...["a@sub.partner.example", "a@spammer.com", "x!a@mydomain.co.jp", "a%x.example@mydomain.co.jp"],
  ...["a%x.example@foobar.co.jp", "x@bare.example", "postmaster"],
];

interface Case {
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
}

/** One of the two servers. */
interface Peer {
  readonly port: number;
  /** Runs what sends one mail and gets its 250; tells what became of the mail. */
  fateOf(send: () => Promise<void>): Promise<"kept" | "discarded">;
}

/** Where a session ends, and how: the class of the reply to the first step that is refused, or what became of the mail. */
async function verdictOf(peer: Peer, { client, sender, recipient }: Case): Promise<string> {
  using connection = await AddressClient.connect(peer.port, client);
  const greeting = await connection.reply();
  if (!greeting.startsWith("220")) return `connect ${greeting[0]}`;
  await connection.command("EHLO client.example");
  const steps = [["mail", `MAIL FROM:<${sender}>`], ["rcpt", `RCPT TO:<${recipient}>`]] as const;
  for (const [name, command] of steps) {
    const reply = await connection.command(command);
    if (!reply.startsWith("250")) return `${name} ${reply[0]}`;
  }
  return await peer.fateOf(async () => {
    assert.match(await connection.command("DATA"), /^354 /);
    assert.match(await connection.command("Subject: x\r\n\r\nhello\r\n."), /^250 /);
  });
}

function sendmailPeer({ port, folder }: SendmailServer): Peer {
  const queued = async () => {
    const entries = await Array.fromAsync(Deno.readDir(`${folder}/queue`));
    return entries.filter(({ name }) => name.startsWith("qf")).length;
  };
  return {
    port,
    async fateOf(send) {
      const before = await queued();
      await send();
      return await queued() > before ? "kept" : "discarded";
    },
  };
}

function ourPeer(program: RunningProgram): Peer {
  let sent = 0;
  return {
    port: program.port("mta"),
    async fateOf(send) {
      await send();
      sent++;
      const ends = await program.events(sent, ({ kind }) => kind === "accepted-mail" || kind === "discarded-mail");
      return ends.at(-1)?.kind === "accepted-mail" ? "kept" : "discarded";
    },
  };
}

const PEOPLE = [
  ...["shin@baz.co.jp", "shin@foobar.co.jp", "spam@foobar.co.jp", "blocked@foobar.co.jp", "quiet@foobar.co.jp"],
  ...["robot@foobar.co.jp", "robot+1@foobar.co.jp"],
].map((account) => personOf(account, "correct-horse"));

async function withBoth(
  options: {
    readonly access: string;
    readonly ours?: string;
    readonly macros?: readonly string[];
    readonly hosts?: readonly string[];
  },
  run: (peers: { readonly sendmail: Peer; readonly ours: Peer }) => Promise<void>,
): Promise<void> {
  const { access, ours = "", ...theirs } = options;
  await using folder = await makeFolder();
  await using sendmail = await startSendmailServer({ access, ...theirs });
  // The very database that sendmail reads.
  await Deno.copyFile(`${sendmail.folder}/access.db`, join(folder.path, "access.db"));
  const section = `[access]\nfile = "access"\nrelay_domains = ["partner.example"]\n${ours}`;
  const site = await makeSite(folder.path, { more: section, people: PEOPLE });
  await using program = await startProgram(site);
  await run({ sendmail: sendmailPeer(sendmail), ours: ourPeer(program) });
}

test("60 cases of client, sender and recipient have the same verdict in sendmail and here, from one access.db", async () => {
  const random = new Random(60);
  const cases: Case[] = Array.from({ length: 60 }, () => ({
    client: random.pick(CLIENTS),
    sender: random.pick(SENDERS),
    recipient: random.pick(RECIPIENTS),
  }));
  // Each client, sender and recipient once beside what is let in everywhere.
  cases.push(
    ...CLIENTS.map((client) => ({ client, sender: "a@b.example", recipient: "a@else.example" })),
    ...SENDERS.map((sender) => ({ client: "127.9.9.9", sender, recipient: "shin@foobar.co.jp" })),
    ...RECIPIENTS.map((recipient) => ({ client: "127.9.9.9", sender: "a@b.example", recipient })),
  );
  await withBoth({ access: ACCESS }, async ({ sendmail, ours }) => {
    const seen = new Set<string>();
    for (const each of cases) {
      const [theirs, own] = [await verdictOf(sendmail, each), await verdictOf(ours, each)];
      // The differences that docs/access-differences.md lists and that these cases can meet.
      const expected = RELAYING.test(each.client) && THROUGH_US.test(each.recipient) && theirs === "kept"
        ? "rcpt 5"
        : theirs;
      assert.equal(own, expected, JSON.stringify(each));
      seen.add(own);
    }
    assert.deepEqual([...seen].toSorted(), ["discarded", "kept", "mail 4", "mail 5", "rcpt 5"]);
  });
});

/** Clients that a line lets relay, and paths through our own domain. */
const RELAYING = /^127\.(?:2\.1|3)\./;
const THROUGH_US = /[%!].*@foobar\.co\.jp$/;

/** Each difference of docs/access-differences.md that shows in a session: what sendmail says, and what we say. */
const DIFFERENCES: readonly (readonly [string, Case, string, string])[] = [
  [
    "the name of a client is not looked up",
    {
      client: "127.4.4.4",
      sender: "a@b.example",
      recipient: "a@else.example",
    },
    "kept",
    "rcpt 5",
  ],
  [
    "a client that a name would shut out comes in",
    {
      client: "127.4.4.5",
      sender: "a@b.example",
      recipient: "shin@foobar.co.jp",
    },
    "mail 5",
    "kept",
  ],
  [
    "this machine itself does not relay without a login",
    {
      client: "127.0.0.1",
      sender: "a@b.example",
      recipient: "a@else.example",
    },
    "kept",
    "rcpt 5",
  ],
  [
    "no path leads through our domains, also for a client that may relay",
    {
      client: "127.2.1.1",
      sender: "a@b.example",
      recipient: "a%else.example@foobar.co.jp",
    },
    "kept",
    "rcpt 5",
  ],
  [
    "nor to a domain that everybody may relay to",
    {
      client: "127.9.9.9",
      sender: "a@b.example",
      recipient: "a%mydomain.co.jp@foobar.co.jp",
    },
    "kept",
    "rcpt 5",
  ],
  [
    "a network in CIDR form is one",
    { client: "127.6.7.8", sender: "a@b.example", recipient: "shin@foobar.co.jp" },
    "kept",
    "mail 5",
  ],
  [
    "554 for a client stands in the place of the greeting",
    {
      client: "127.5.5.5",
      sender: "a@b.example",
      recipient: "shin@foobar.co.jp",
    },
    "mail 5",
    "connect 5",
  ],
];

test("the differences from sendmail are those that the documents list", async () => {
  const more = 'host.out.example\tREJECT\n127.6.0.0/16\tREJECT\n127.5.5.5\tERROR:"554 Never"\n';
  const hosts = ["127.4.4.4 host.mydomain.co.jp", "127.4.4.5 host.out.example"];
  await withBoth({ access: ACCESS + more, hosts }, async ({ sendmail, ours }) => {
    for (const [name, each, theirs, own] of DIFFERENCES) {
      assert.equal(await verdictOf(sendmail, each), theirs, name);
      assert.equal(await verdictOf(ours, each), own, name);
    }
  });
});

test("values that sendmail takes for texts are mistakes here, and keep the server from starting", async () => {
  const access = 'skip@a.example\tSKIP\nb.example\tREJCT\nc.example\tERROR:4.7.1:"550 odd"\n';
  await using sendmail = await startSendmailServer({ access });
  for (const sender of ["skip@a.example", "x@b.example", "x@c.example"]) {
    assert.equal(await verdictOf(sendmailPeer(sendmail), { client: "127.9.9.9", sender, recipient: "" }), "mail 5");
  }
  await using folder = await makeFolder();
  await Deno.writeTextFile(join(folder.path, "access"), access);
  const site = await makeSite(folder.path, { people: [] });
  await Deno.writeTextFile(site.config, `${await Deno.readTextFile(site.config)}[access]\nfile = "access"\n`);
  const checked = await runProgram(["check", "--config", site.config]);
  assert.equal(checked.code, 78);
  for (const line of [1, 2, 3]) assert.match(checked.output, new RegExp(`access\\.file: .*/access, line ${line}: `));
});
