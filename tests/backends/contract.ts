/**
 * The contract suite: what every backend must do, against the real thing behind it. A backend's test calls `backendContract` once.
 *
 * @module
 */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import type { Answer, Backend, UserName } from "../../src/backend.ts";
import type { RegisterTest } from "../servers/lib.ts";
import {
  type Asker,
  asker,
  eventually,
  inTime,
  isNo,
  isNoBecause,
  isYes,
  limited,
  type Login,
  never,
  ORIGIN,
  settled,
  wait,
} from "./contract_lib.ts";
import { exchangeTests } from "./contract_exchanges.ts";

export type { Login } from "./contract_lib.ts";

/** A backend, opened as the program opens it, and with it whatever it needs; disposing ends both. */
export interface OpenBackend extends AsyncDisposable {
  readonly backend: Backend;
}

/** What can be done to the real thing behind an opened backend. Each waits until it has happened. */
export interface Peer<Opened> {
  stop(opened: Opened): Promise<void> | void;
  start(opened: Opened): Promise<void> | void;
  /** SIGSTOP: it takes questions and answers none; `null` where no such state exists. */
  readonly pause: ((opened: Opened) => Promise<void> | void) | null;
  /** SIGCONT. */
  readonly resume: ((opened: Opened) => Promise<void> | void) | null;
  /** Opens the backend once more over the same peer, which may be stopped. */
  reopen(opened: Opened): Promise<Backend>;
}

/** What the suite has to know. Each test opens the backend anew, and runs one after the other. */
export interface ContractOptions<Opened extends OpenBackend> {
  /** Opens it, with its peer running and the accounts there. */
  readonly open: () => Promise<Opened>;
  /** A login that is right. The password has at least 8 characters and is part of no name or path. */
  readonly right: Login;
  /** One whose name or password, or both, are not ASCII; `null` where the place cannot have it. */
  readonly foreign: Login | null;
  /** A name that is not there, in the realm of `right`. */
  readonly unknown: UserName;
  /** The name of the account of `right`; default `local@realm`. */
  readonly account?: string;
  /** False for a protocol that says only yes and no, such as RADIUS: a wrong secret and an unknown name then are the same answer. Default true. */
  readonly tellsUnknown?: boolean;
  /** The longest that one answer of a hung peer is waited for, as in the section's `deadline`. */
  readonly deadlineMs: number;
  /** The module's cap of questions at a time; default 16, as in the core. */
  readonly concurrency?: number;
  /** How many log in at once. Default 200; fewer where each login is work for this machine. */
  readonly crowd?: number;
  /** `null` for a backend without one, whose place is always there. */
  readonly peer: Peer<Opened> | null;
  /** Registers a test; default `Deno.test`. Give the result of `requirePrograms` where the peer is a program. */
  readonly test?: RegisterTest;
}

/** Registers the tests `NAME: ...`. */
export function backendContract<Opened extends OpenBackend>(name: string, options: ContractOptions<Opened>): void {
  const { open, test = (title, run) => Deno.test(title, run) } = options;
  const register = (title: string, run: (asked: Asker, opened: Opened) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      await using opened = await open();
      await run(asker(opened.backend, options.right), opened);
    });
  answerTests(register, options);
  strangeTests(register, options);
  exchangeTests(register, options);
  lifeTests(register, options);
  if (options.peer !== null) outageTests(register, options, options.peer);
}

/** Registers a test of the suite. */
export type RegisterContractTest<Opened> = (
  title: string,
  run: (asked: Asker, opened: Opened) => Promise<void>,
) => void;

type Options = Omit<ContractOptions<OpenBackend>, "open" | "peer" | "test">;

function answerTests(test: RegisterContractTest<OpenBackend>, options: Options): void {
  const { right, foreign, unknown, account = `${right.user.local}@${right.user.realm}`, tellsUnknown = true } = options;

  test("the right password is accepted, and the account is named in full", async ({ backend, password }) => {
    const first = await password(right);
    ok(first.kind === "accepted", JSON.stringify(first));
    equal(first.account.name, account);
    equal(first.account.backend, backend.name);
    ok(first.credential !== "" && first.version !== "");
    const second = await password(right);
    deepEqual(second, first, "the same login gave another account, credential or version");
  });

  test("a wrong password, an unknown name and an empty password are rejected", async ({ password }) => {
    const wrong = await password({ ...right, password: `${right.password}x` });
    isNoBecause(wrong, "wrong-secret");
    isNo(await password({ ...right, password: "" }));
    const stranger = await password({ user: unknown, password: right.password });
    if (tellsUnknown) isNoBecause(stranger, "unknown-user");
    else isNo(stranger);
    isNo(await password({ user: unknown, password: "" }));
    isYes(await password(right));
  });

  if (foreign !== null) {
    test("a name and a password that are not ASCII", async ({ password }) => {
      isYes(await password(foreign));
      isNo(await password({ ...foreign, password: `${foreign.password}\u00e9` }));
      isNo(await password({ ...foreign, password: foreign.password.replace(/[^\x20-\x7e]/gu, "?") + "?" }));
    });
  }

  const { crowd = 200 } = options;
  test(`${crowd} at once, half of them wrong: not one wrong answer`, async ({ password }) => {
    const atOnce = limited(options.concurrency ?? 16);
    const answers = await Promise.all(
      Array.from(
        { length: crowd },
        (_, at) => atOnce(() => password(at % 2 === 0 ? right : { ...right, password: `${right.password}${at}` })),
      ),
    );
    for (const [at, answer] of answers.entries()) at % 2 === 0 ? isYes(answer) : isNo(answer);
  });

  test("a look-up tells who is there, or is said not to be answered", async ({ backend, ask }) => {
    if (!backend.answers.lookup) return notEqual((await ask({ kind: "lookup", user: right.user })).kind, "known");
    const known = await ask({ kind: "lookup", user: right.user });
    ok(known.kind === "known", JSON.stringify(known));
    equal(known.account.name, account);
    equal(known.account.backend, backend.name);
    for (const local of [unknown.local, "constructor", "*", ""]) {
      isNoBecause(await ask({ kind: "lookup", user: { ...unknown, local } }), "unknown-user");
    }
  });
}

/** Names and passwords that mean something to somebody: each is data, and none is an outage, since that would be one for all. */
function strangeTests(test: RegisterContractTest<OpenBackend>, { right, unknown }: Options): void {
  const { user, password: secret } = right;
  const long = "x".repeat(10_000);

  test("strange passwords are wrong passwords", async ({ password }) => {
    const whole = [
      "\0",
      "\n",
      "'",
      '"',
      "\\",
      "*()",
      "*",
      "%s%n",
      "constructor",
      long,
      "\u00e9".repeat(5_000),
      "\u{1f511}",
    ];
    const longer = ["\0", "\0x", "\n", "\r\n", " ", "'", '"', "\\", "*()", long].map((end) => secret + end);
    for (
      const each of [
        ...whole,
        ...longer,
        secret.slice(0, 1),
        secret.slice(0, -1),
        `\0${secret}`,
        secret.toUpperCase() + "*",
      ]
    ) {
      isNo(await password({ user, password: each }), JSON.stringify(each.slice(0, 40)));
    }
    isYes(await password(right));
  });

  test("strange names are unknown names", async ({ password }) => {
    const beside = [
      "\0",
      "\0x",
      "\n",
      "\r\n",
      "'",
      '"',
      "\\",
      "*",
      "*()",
      ")(uid=*",
      "' OR '1'='1",
      ":",
      "/",
      ",ou=x",
      long,
    ];
    const whole = [
      "",
      "*",
      "*()",
      "\0",
      "\\",
      "constructor",
      "__proto__",
      "toString",
      "..",
      "../x",
      "%",
      "%s%n",
      "-",
      "-x",
      long,
    ];
    const locals = [...whole, ...beside.map((end) => user.local + end), "\u{1f464}", "\u00e9".repeat(5_000)];
    for (const local of locals) {
      isNo(await password({ user: { ...user, local }, password: secret }), JSON.stringify(local.slice(0, 40)));
    }
    for (const realm of ["constructor", "*", "x'y", 'x"y', "x\\y", "x)(y", "x,dc=y", "\u00e9.jp", long]) {
      isNo(
        await password({ user: { local: unknown.local, realm }, password: secret }),
        JSON.stringify(realm.slice(0, 40)),
      );
    }
    isYes(await password(right));
  });

  test("a question of another kind is not answered with yes", async ({ ask }) => {
    const token = {
      kind: "token",
      scheme: "xoauth2",
      octets: new Uint8Array(3),
      handle: null,
      origin: ORIGIN,
    } as const;
    isNo(await ask(token));
  });
}

function lifeTests(test: RegisterContractTest<OpenBackend>, { right }: Options): void {
  const wrong = { ...right, password: `${right.password}x` };

  test("a question whose asker has gone ends, and is answered neither with yes nor with no to the other", async (asked) => {
    const gone = AbortSignal.abort();
    notWrong(await settled(asked.password(right, gone)), "yes");
    notWrong(await settled(asked.password(wrong, gone)), "no");
    const leaving = new AbortController();
    const under = [right, wrong, right, wrong].map((login) => settled(asked.password(login, leaving.signal)));
    await Promise.resolve();
    leaving.abort();
    const [first, second, third, fourth] = await Promise.all(under);
    for (const answer of [first, third]) notWrong(answer, "yes");
    for (const answer of [second, fourth]) notWrong(answer, "no");
    isYes(await asked.password(right));
    isNo(await asked.password(wrong));
  });

  test("it says that it can be reached", async ({ backend }) => {
    deepEqual(await backend.probe(never()), { ok: true, value: undefined });
  });

  test("disposed twice, and asked afterwards: nothing is thrown that is not an answer", async ({ backend, password }) => {
    isYes(await password(right));
    await backend[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    notWrong(await settled(password(right)), "yes");
    notWrong(await settled(password(wrong)), "no");
  });

  test("disposed under way: every question ends", async ({ backend, password }) => {
    const under = [right, wrong, right].map((login) => settled(password(login)));
    await backend[Symbol.asyncDispose]();
    const [first, second, third] = await Promise.all(under);
    for (const answer of [first, third]) notWrong(answer, "yes");
    notWrong(second, "no");
  });
}

function outageTests<Opened extends OpenBackend>(
  test: RegisterContractTest<Opened>,
  options: ContractOptions<Opened>,
  { stop, start, pause, resume, reopen }: Peer<Opened>,
): void {
  const { right, unknown, deadlineMs } = options;
  const wrong = { ...right, password: `${right.password}x` };
  const stranger = { ...right, user: unknown };

  test(
    "with its peer stopped it answers unavailable, and recovers without being opened again",
    async (asked, opened) => {
      isYes(await asked.password(right));
      await stop(opened);
      const within = () => AbortSignal.timeout(deadlineMs);
      for (const login of [right, wrong, stranger]) isOutage(await settled(asked.password(login, within())));
      // Had it been asked, it could not be known to be wrong.
      isNo(await asked.password({ ...right, password: "" }, within()), "an empty password was sent to the peer");
      if (opened.backend.answers.lookup) {
        isOutage(
          await settled(asked.ask({ kind: "lookup", user: unknown }, within())),
        );
      }
      const probed = await opened.backend.probe(within());
      ok(!probed.ok, "the probe reached a peer that is stopped");
      match(probed.problem, /\S/);
      ok(!probed.problem.includes(right.password), "the problem quotes a password");
      await start(opened);
      await recovers(asked, right);
      isNo(await asked.password(wrong));
    },
  );

  test(
    "opened while its peer is stopped it waits for nothing, and answers when the peer is there",
    async (_, opened) => {
      await stop(opened);
      await using backend = await reopen(opened);
      const asked = asker(backend, right);
      isOutage(await settled(asked.password(right, AbortSignal.timeout(deadlineMs))));
      await start(opened);
      await recovers(asked, right);
    },
  );

  if (pause === null || resume === null) return;
  test("with its peer hung it obeys the signal, and recovers without being opened again", async (asked, opened) => {
    isYes(await asked.password(right));
    await pause(opened);
    try {
      const leaving = new AbortController();
      const under = [right, wrong, stranger, right].map((login) => settled(asked.password(login, leaving.signal)));
      // Long enough for the questions to be on their way; none of them can be answered.
      await wait(200);
      leaving.abort();
      for (const answer of await inTime(under)) isOutage(answer);
      const probe = opened.backend.probe(AbortSignal.timeout(300)).then((probed) => probed.ok, () => false);
      deepEqual(await inTime([probe]), [false], "the probe reached a peer that is hung");
    } finally {
      await resume(opened);
    }
    await recovers(asked, right);
    isNo(await asked.password(wrong));
  });
}

/** Until the first yes every answer is an outage: never a no to the right password. */
async function recovers({ password }: Asker, right: Login): Promise<void> {
  await eventually(async () => {
    const answer = await settled(password(right, AbortSignal.timeout(10_000)));
    if (answer === "thrown" || answer.kind === "unavailable") return false;
    isYes(answer);
    return true;
  });
}

function isOutage(answer: Answer | "thrown"): void {
  // Thrown counts as unavailable, where the signal was aborted.
  if (answer !== "thrown") equal(answer.kind, "unavailable", JSON.stringify(answer));
}

function notWrong(answer: Answer | "thrown" | undefined, allowed: "yes" | "no"): void {
  if (answer === "thrown" || answer?.kind === "unavailable") return;
  equal(answer?.kind, allowed === "yes" ? "accepted" : "rejected");
}
