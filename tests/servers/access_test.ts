import assert from "node:assert/strict";
import { join } from "node:path";
import { AddressClient } from "../lib/address_client.ts";
import { makeSite, personOf, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { SENDMAIL_PROGRAMS } from "./sendmail.ts";
import { startSendmailServer } from "./sendmail_server.ts";

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

/** Where a session ends, and how: the class of the reply to the first step that is refused, or what became of the mail. */
async function verdictOf(port: number, { client, sender, recipient }: Case): Promise<string> {
  using connection = await AddressClient.connect(port, client);
  const greeting = await connection.reply();
  if (!greeting.startsWith("220")) return `connect ${greeting[0]}`;
  await connection.command("EHLO client.example");
  const steps = [["mail", `MAIL FROM:<${sender}>`], ["rcpt", `RCPT TO:<${recipient}>`]] as const;
  for (const [name, command] of steps) {
    const reply = await connection.command(command);
    if (!reply.startsWith("250")) return `${name} ${reply[0]}`;
  }
  await connection.command("RSET");
  return "accepted";
}

const PEOPLE = ["shin", "spam", "blocked", "quiet", "robot", "robot+1", "postmaster"].map((local) =>
  personOf(`${local}@foobar.co.jp`, "correct-horse")
);

async function withBoth(
  options: {
    readonly access: string;
    readonly ours?: string;
    readonly macros?: readonly string[];
    readonly hosts?: readonly string[];
  },
  run: (ports: { readonly sendmail: number; readonly ours: number }) => Promise<void>,
): Promise<void> {
  const { access, ours = "", ...theirs } = options;
  await using folder = await makeFolder();
  await using sendmail = await startSendmailServer({ access, ...theirs });
  // The very database that sendmail reads.
  await Deno.copyFile(`${sendmail.folder}/access.db`, join(folder.path, "access.db"));
  const section = `[access]\nfile = "access"\nrelay_domains = ["partner.example"]\n${ours}`;
  const site = await makeSite(folder.path, { more: section, people: PEOPLE });
  await using program = await startProgram(site);
  await run({ sendmail: sendmail.port, ours: program.port("mta") });
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
      assert.equal(own, theirs, JSON.stringify(each));
      seen.add(own);
    }
    assert.deepEqual([...seen].toSorted(), ["accepted", "mail 4", "mail 5", "rcpt 5"]);
  });
});
