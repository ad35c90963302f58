/**
 * A backend as a mail client meets it: SMTP AUTH through the running program, with the real thing behind it stopped, hung and back.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { converse, logIn } from "../lib/submission.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { makeFolder, type RegisterTest } from "../servers/lib.ts";
import { eventually } from "./contract_lib.ts";

/** What is behind the backend. */
export interface SmtpAuthPeer extends AsyncDisposable {
  /** The lines of `[backend.NAME]`, `deadline` not among them; secret files have been written. */
  readonly section: string;
  stop(): Promise<void> | void;
  start(): Promise<void> | void;
  pause(): Promise<void> | void;
  resume(): Promise<void> | void;
}

/** What the test has to know. */
export interface SmtpAuthOptions {
  readonly open: () => Promise<SmtpAuthPeer>;
  /** As a client gives them. */
  readonly right: { readonly authcid: string; readonly password: string };
  readonly unknown: string;
  /** Never told to a client: words with which the peer says no. */
  readonly words: RegExp;
  readonly test: RegisterTest;
}

/** Each answer of a hung peer is waited for this long. */
const DEADLINE_MS = 2000;

/** Registers the test. */
export function smtpAuth(name: string, { open, right, unknown, words, test }: SmtpAuthOptions): void {
  test(`${name}: SMTP AUTH through the program, its peer stopped, hung and back`, async () => {
    await using folder = await makeFolder();
    await using peer = await open();
    const site = await makeSite(folder.path, {
      people: [],
      sasl: `pwcheck_method = ["${name}"]`,
      more: `[backend.${name}]\ndeadline = "${DEADLINE_MS}ms"\n${peer.section}`,
    });
    await using program = await startProgram(site);
    const wrong = { ...right, password: `${right.password}x` };
    const stranger = { ...right, authcid: unknown };

    for (const mechanism of ["PLAIN", "LOGIN"] as const) {
      await expectReply({ program, site }, { ...right, mechanism }, /^235 /);
      for (const login of [wrong, stranger]) {
        const reply = await expectReply({ program, site }, { ...login, mechanism }, /^535 5\.7\.8 /);
        ok(!words.test(reply), reply);
      }
    }

    await peer.stop();
    for (const login of [right, wrong, stranger]) {
      ok(!words.test(await expectReply({ program, site }, login, /^454 4\.7\.0 /)));
    }
    await peer.start();
    await recovers({ program, site }, right);
    await expectReply({ program, site }, wrong, /^535 /);

    await peer.pause();
    try {
      await expectReply({ program, site }, right, /^454 4\.7\.0 /);
      await expectReply({ program, site }, wrong, /^454 4\.7\.0 /);
    } finally {
      await peer.resume();
    }
    await recovers({ program, site }, right);

    const [outage] = await program.events(
      1,
      ({ kind, result }) => kind === "authentication" && result === "unavailable",
    );
    match(JSON.stringify(outage), new RegExp(`"backend":"${name}","answer":"unavailable:`));
    ok(!program.process.output.includes(right.password), "the log holds a password");
  });
}

interface Server {
  readonly program: RunningProgram;
  readonly site: Site;
}

type Attempt = Parameters<typeof logIn>[1];

async function expectReply(server: Server, login: Attempt, expected: RegExp): Promise<string> {
  const reply = await attempt(server, login);
  match(reply, expected);
  return reply;
}

/** Until it is there again, an outage is all that may be told. */
async function recovers(server: Server, login: Attempt): Promise<void> {
  await eventually(async () => {
    const reply = await attempt(server, login);
    if (reply.startsWith("454 ")) return false;
    equal(reply.slice(0, 4), "235 ");
    return true;
  });
}

async function attempt({ program, site }: Server, login: Attempt): Promise<string> {
  using client = await converse(program, site, { login: null });
  return await logIn(client, login);
}
