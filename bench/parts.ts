/**
 * The parts of the bench, each a question that can be asked alone.
 *
 * @module
 */

import type { Certificate } from "../tests/servers/certificate.ts";
import type { Part, Report, Row } from "./report.ts";
import { measureLdap } from "./ldap.ts";
import { compare, faults, measure, type Measured, rate } from "./rounds.ts";
import { MANY_USERS, PASSWORD, startDokodemo, startPeer, type Subject, type SubjectOptions, USER } from "./servers.ts";
import { ACCOUNTS, IDLE_SESSIONS, NAMES, RELAYED } from "./settings.ts";
import { holdSessions, load, type LoadMechanism, startSink } from "./tools.ts";

const MECHANISMS: readonly LoadMechanism[] = ["plain", "login", "cram-md5", "digest-md5", "scram-sha-256"];
const SESSIONS = [1, 20, 100] as const;
const LOGIN = { user: USER, password: PASSWORD } as const;
const MAIL = { mode: "send", mechanism: "plain", octets: 4096, mailsPerSession: 10, ...LOGIN } as const;

/** All parts by name, in the order in which they run. */
export const PARTS: ReadonlyMap<string, Part> = new Map<string, Part>([
  ["logins", measureLogins],
  ["passwords", measurePasswords],
  ["busy", measureBusy],
  ["mails", measureMails],
  ["relay", measureRelay],
  ["memory", measureMemory],
  ["timing", measureTiming],
  ["ldap", measureLdap],
]);

/** Logins a second, each on a connection of its own, by mechanism, with and without TLS. */
async function measureLogins(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await withBoth({ next: "queue" }, certificate, async (subjects) => {
    for (const [tls, port] of [["none", "clear"], ["starttls", "starttls"]] as const) {
      for (const mechanism of MECHANISMS) {
        for (const sessions of SESSIONS) {
          const what = `${mechanism}${tls === "none" ? "" : " STARTTLS"}, ${sessions} at once`;
          rows.push(
            await compare(
              what,
              subjects,
              ({ ports }) => rate({ port: ports[port], tls, mechanism, sessions, mode: "auth", ...LOGIN }),
            ),
          );
        }
      }
    }
  });
  return [{ part: "logins", unit: "a second; PLAIN and LOGIN with a warm cache", rows }];
}

/** What scrypt costs: the same password again, with the cache off, and each of many accounts once. */
async function measurePasswords(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await using peer = await startPeer({ next: "queue", accounts: ACCOUNTS }, certificate);
  await using warm = await startDokodemo({ next: "queue" });
  await using off = await startDokodemo({ next: "queue", successCache: false });
  for (const mechanism of ["plain", "login"] as const) {
    const login = { tls: "none", mechanism, sessions: 20, mode: "auth", ...LOGIN } as const;
    for (const [state, server] of [["warm cache", warm], ["cache off", off]] as const) {
      rows.push(
        await compare(`${mechanism}, ${state}`, [server, peer], ({ ports }) => rate({ port: ports.clear, ...login })),
      );
    }
  }
  // Once each: a second round on the same server would find its cache warm, so this is one long run.
  await using many = await startDokodemo({ next: "queue", accounts: ACCOUNTS });
  const eachOnce = async ({ ports }: Subject): Promise<Measured> => {
    const login = { user: MANY_USERS, password: PASSWORD, accounts: ACCOUNTS, total: ACCOUNTS, deadlineSeconds: 600 };
    const result = await load({
      port: ports.clear,
      tls: "none",
      mechanism: "plain",
      sessions: 20,
      mode: "auth",
      ...login,
    });
    return { value: result.rate, notes: faults(result) };
  };
  const [ours, theirs] = [await eachOnce(many), await eachOnce(peer)];
  rows.push({
    what: `plain, ${ACCOUNTS} accounts once each (one run)`,
    values: { dokodemo: ours.value, postfix: theirs.value },
    ratio: ["dokodemo", "postfix"],
    notes: [...ours.notes, ...theirs.notes],
  });
  return [{ part: "passwords", unit: "logins a second, 20 at once", rows }];
}

/** CRAM-MD5 and SCRAM logins need no scrypt: are they as fast while others keep it busy? */
async function measureBusy(): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await using server = await startDokodemo({ next: "queue", successCache: false });
  const port = server.ports.clear;
  for (const mechanism of ["cram-md5", "scram-sha-256"] as const) {
    const login = { port, tls: "none", mechanism, sessions: 1, total: 200, mode: "auth", ...LOGIN } as const;
    const latency = async (): Promise<Measured> => {
      const result = await load(login);
      return { value: result.p50, notes: faults(result) };
    };
    const row = await measure(`${mechanism}, 1 at once`, {
      "idle": latency,
      "scrypt busy": async () => {
        await using _busy = startBusy(port);
        return await latency();
      },
    });
    rows.push({ ...row, ratio: ["scrypt busy", "idle"] });
  }
  return [{ part: "busy", unit: "median ms to the 235", rows }];
}

/** Clients that keep both of scrypt's places taken, until disposed. */
function startBusy(port: number): AsyncDisposable {
  let over = false;
  const running = (async () => {
    while (!over) {
      await load({ port, tls: "none", mechanism: "plain", sessions: 4, total: 16, mode: "auth", ...LOGIN });
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      await running;
    },
  };
}

/** Mails of 4 KB that are durable when 250 is said; nobody delivers them. */
async function measureMails(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await withBoth({ next: "queue" }, certificate, async (subjects) => {
    for (const sessions of SESSIONS) {
      rows.push(
        await compare(
          `${sessions} at once`,
          subjects,
          ({ ports }) => rate({ port: ports.clear, tls: "none", sessions, ...MAIL }),
        ),
      );
    }
  });
  return [{ part: "mails", unit: "accepted a second, 4 KB, 10 a connection", rows }];
}

/** The same mails, counted when the next hop has them all. */
async function measureRelay(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  await using sink = await startSink();
  await withBoth({ next: { port: sink.port } }, certificate, async (subjects) => {
    for (const sessions of SESSIONS) {
      rows.push(
        await compare(`${sessions} at once`, subjects, async ({ ports }) => {
          const before = await sink.count();
          const began = performance.now();
          const result = await load({ port: ports.clear, tls: "none", sessions, total: RELAYED, ...MAIL });
          while (await sink.count() < before + result.ok) await new Promise((resolve) => setTimeout(resolve, 5));
          return { value: result.ok / (performance.now() - began) * 1000, notes: faults(result) };
        }),
      );
    }
  });
  return [{ part: "relay", unit: "relayed a second, 4 KB, 10 a connection", rows }];
}

/** What an authenticated session costs that does nothing, above the server without one. */
async function measureMemory(certificate: Certificate): Promise<readonly Report[]> {
  const rows: Row[] = [];
  const sessions = IDLE_SESSIONS;
  for (const [tls, port] of [["none", "clear"], ["starttls", "starttls"]] as const) {
    const each = (start: () => Promise<Subject>) => async (): Promise<Measured> => {
      await using subject = await start();
      const target = { port: subject.ports[port], tls, mechanism: "plain", ...LOGIN } as const;
      // What the first login brings to life is not part of a session.
      await load({ ...target, sessions: 10, total: 50, mode: "auth" });
      const before = await subject.memory();
      await using _held = await holdSessions({ ...target, sessions });
      return { value: (await subject.memory() - before) / sessions, notes: [] };
    };
    const row = await measure(tls === "none" ? "without TLS" : "with TLS", {
      dokodemo: each(() => startDokodemo({ next: "queue" })),
      postfix: each(() => startPeer({ next: "queue" }, certificate)),
    });
    rows.push({ ...row, ratio: ["dokodemo", "postfix"] });
  }
  return [{ part: "memory", unit: `KiB an idle authenticated session, ${sessions} of them`, rows }];
}

/**
 * Whether the time tells a user who is not there from a password that is wrong. Over several names: what dokodemo adds to a refusal
 * differs from name to name, and is the same at each try.
 */
async function measureTiming(certificate: Certificate): Promise<readonly Report[]> {
  const reports: Report[] = [];
  await withBoth({ next: "queue", accounts: NAMES }, certificate, async (subjects) => {
    for (const { name, ports } of subjects) {
      const rows: Row[] = [];
      for (const mechanism of MECHANISMS) {
        const refused = (user: string) => async (): Promise<Measured> => {
          const login = {
            port: ports.clear,
            tls: "none",
            mechanism,
            user,
            password: "wrong",
            accounts: NAMES,
          } as const;
          const result = await load({ ...login, sessions: 1, total: NAMES, mode: "auth", expect: 535 });
          return { value: result.p50, notes: faults(result) };
        };
        const kinds = { "unknown user": refused("nobody%ld@baz.co.jp"), "wrong secret": refused(MANY_USERS) };
        rows.push({ ...await measure(mechanism, kinds), ratio: ["unknown user", "wrong secret"] });
      }
      reports.push({ part: `timing of ${name}`, unit: `median ms to the 535, ${NAMES} names`, rows });
    }
  });
  return reports;
}

async function withBoth(
  options: SubjectOptions,
  certificate: Certificate,
  run: (subjects: readonly Subject[]) => Promise<void>,
): Promise<void> {
  await using ours = await startDokodemo(options);
  await using peer = await startPeer(options, certificate);
  await run([ours, peer]);
}
