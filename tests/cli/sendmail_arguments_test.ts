import assert from "node:assert/strict";
import { parseSendmailArguments, type SendmailRequest, type SendRequest } from "../../src/cli/sendmail_arguments.ts";

const NOTHING: SendRequest = {
  kind: "send",
  recipients: [],
  fromMessage: false,
  reversePath: null,
  fullName: null,
  ignoreDots: false,
  notify: null,
  ret: null,
  envid: null,
  verbose: false,
};

const send = (changes: Partial<SendRequest>): SendmailRequest => ({ ...NOTHING, ...changes });

/** Command lines as programs really call sendmail, without its name. */
const REAL: readonly (readonly [who: string, line: readonly string[], expected: SendmailRequest])[] = [
  [
    "Vixie cron",
    ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t"],
    send({
      ...{ fullName: "CronDaemon", ignoreDots: true, fromMessage: true },
    }),
  ],
  [
    "Debian's cron",
    ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "shin"],
    send({
      ...{ ignoreDots: true, fullName: "CronDaemon", recipients: ["shin"] },
    }),
  ],
  [
    "cronie",
    ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"],
    send({
      ...{ fullName: "CronDaemon", ignoreDots: true, fromMessage: true, reversePath: "root" },
    }),
  ],
  ["PHP's mail()", ["-t", "-i"], send({ fromMessage: true, ignoreDots: true })],
  [
    "PHP's mail() with -f",
    ["-t", "-i", "-fwww@example.org"],
    send({
      ...{ fromMessage: true, ignoreDots: true, reversePath: "www@example.org" },
    }),
  ],
  [
    "PHPMailer",
    ["-oi", "-fwww@example.org", "-t"],
    send({
      ...{ ignoreDots: true, reversePath: "www@example.org", fromMessage: true },
    }),
  ],
  [
    "git send-email",
    ["-f", "me@example.org", "-i", "a@example.net", "b@example.net"],
    send({
      ...{ reversePath: "me@example.org", ignoreDots: true, recipients: ["a@example.net", "b@example.net"] },
    }),
  ],
  ["bsd-mailx", ["-i", "-t"], send({ ignoreDots: true, fromMessage: true })],
  ["bsd-mailx to addresses", ["-i", "--", "a@example.net"], send({ ignoreDots: true, recipients: ["a@example.net"] })],
  [
    "s-nail",
    ["-i", "-f", "me@example.org", "-F", "Shin Example", "--", "a@example.net"],
    send({
      ...{ ignoreDots: true, reversePath: "me@example.org", fullName: "Shin Example", recipients: ["a@example.net"] },
    }),
  ],
  [
    "mutt",
    ["-oem", "-oi", "-f", "me@example.org", "-N", "failure,delay", "-R", "hdrs", "--", "a@example.net"],
    send({
      ...{ ignoreDots: true, reversePath: "me@example.org", notify: ["failure", "delay"], ret: "hdrs" },
      recipients: ["a@example.net"],
    }),
  ],
  [
    "mailman",
    ["-f", "list-bounces@example.org", "-oi", "-oem", "-odb", "a@example.net"],
    send({
      ...{ reversePath: "list-bounces@example.org", ignoreDots: true, recipients: ["a@example.net"] },
    }),
  ],
  ["logwatch", ["-t"], send({ fromMessage: true })],
  [
    "fail2ban",
    ["-t", "-f", "fail2ban@example.org", "root@example.org"],
    send({
      ...{ fromMessage: true, reversePath: "fail2ban@example.org", recipients: ["root@example.org"] },
    }),
  ],
  ["smartd and mdadm", ["-oi", "-t", "-v"], send({ ignoreDots: true, fromMessage: true, verbose: true })],
  ["sudo", ["-t"], send({ fromMessage: true })],
  ["at", ["-i", "shin"], send({ ignoreDots: true, recipients: ["shin"] })],
  [
    "msmtp's options",
    ["-oi", "-t", "-f", "me@example.org", "-Ndelay", "-Rfull", "-Vid1"],
    send({
      ...{ ignoreDots: true, fromMessage: true, reversePath: "me@example.org", notify: ["delay"], ret: "full" },
      envid: "id1",
    }),
  ],
  [
    "procmail",
    ["-oi", "-f", "<>", "shin@example.org"],
    send({
      ...{ ignoreDots: true, reversePath: "", recipients: ["shin@example.org"] },
    }),
  ],
  [
    "procmail, empty",
    ["-oi", "-f", "", "shin@example.org"],
    send({
      ...{ ignoreDots: true, reversePath: "", recipients: ["shin@example.org"] },
    }),
  ],
  ["bugzilla", ["-ODeliveryMode=deferred", "-i", "-t"], send({ ignoreDots: true, fromMessage: true })],
  [
    "rails",
    ["-i", "-f", "app@example.org", "-t"],
    send({
      ...{ ignoreDots: true, reversePath: "app@example.org", fromMessage: true },
    }),
  ],
  [
    "joined flags",
    ["-tivfme@example.org"],
    send({
      ...{ fromMessage: true, ignoreDots: true, verbose: true, reversePath: "me@example.org" },
    }),
  ],
  [
    "old -r",
    ["-r", "<me@example.org>", "a@example.net"],
    send({
      ...{ reversePath: "me@example.org", recipients: ["a@example.net"] },
    }),
  ],
  ["everything that means nothing", [
    ...["-G", "-U", "-m", "-n", "-x", "-Am", "-bm", "-h5", "-Ltag", "-pESMTP:h", "-d8", "-C", "/etc/x.cf", "-X/tmp/l"],
    ...["-oQ/var/spool/x", "-O", "QueueDirectory=/x", "-em", "a@example.net"],
  ], send({ recipients: ["a@example.net"] })],
  ["IgnoreDots", ["-O", "IgnoreDots=True", "a"], send({ ignoreDots: true, recipients: ["a"] })],
  ["never a notice", ["-N", "never", "a"], send({ notify: ["never"], recipients: ["a"] })],
  ["pine", ["-bs", "-odb", "-oem"], { kind: "session", reversePath: null }],
  ["mailq", ["-bp"], { kind: "list-queue" }],
  ["newaliases", ["-bi"], { kind: "check-aliases" }],
  ["newaliases of old", ["-I"], { kind: "check-aliases" }],
  ["a check", ["-bv", "root", "a@example.net"], { kind: "check-addresses", addresses: ["root", "a@example.net"] }],
  ["ifup scripts", ["-q"], { kind: "run-queue", only: null }],
  ["one mail", ["-qIabc"], { kind: "run-queue", only: { by: "id", text: "abc" } }],
  ["one domain", ["-qRexample.net"], { kind: "run-queue", only: { by: "domain", text: "example.net" } }],
];

Deno.test("parseSendmailArguments() reads command lines of programs", () => {
  for (const [who, line, value] of REAL) {
    assert.deepEqual(parseSendmailArguments(line), { ok: true, value }, `${who}: ${line.join(" ")}`);
  }
});

Deno.test("parseSendmailArguments() says what to run instead of a daemon, and what is wrong", () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["-bd"], /^-bd is not done here: run the server with: dokodemo serve$/],
    [["-bd", "-q30m"], /dokodemo serve$/],
    [["-q30m"], /^-q30m runs the queue again and again, which the server does by itself: dokodemo serve$/],
    [["-qp5m"], /dokodemo serve$/],
    [["-Ac", "-q30m"], /dokodemo serve$/],
    [["-L", "sm-msp-queue", "-Ac", "-q1h"], /dokodemo serve$/],
    [["-bt"], /dokodemo route test/],
    [["-bH"], /dokodemo queue list/],
    [["-by"], /^There is no mode -by$/],
    [["-qSshin"], /dokodemo queue retry --help/],
    [[], /^There are no recipients/],
    [["-i"], /^There are no recipients/],
    [["-f"], /^-f needs a value$/],
    [["-w", "a"], /^There is no option -w$/],
    [["--help-me"], /^There is no option --$/],
    [["-N", "always", "a"], /^-N takes never, or some of/],
    [["-N", "never,delay", "a"], /^-N takes/],
    [["-R", "body", "a"], /^-R takes full or hdrs/],
    [["-V", "a\nb", "a"], /^-V takes/],
    [["-bv"], /^-bv needs an address$/],
    [["a@example.net", "-t"], /^-t stands behind a recipient/],
  ];
  for (const [line, expected] of cases) {
    const read = parseSendmailArguments(line);
    assert.ok(!read.ok, line.join(" "));
    assert.match(read.problem, expected);
  }
});
