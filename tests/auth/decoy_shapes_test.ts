import { deepEqual, equal, ok } from "node:assert/strict";
import { DecoyShapes } from "../../src/auth/decoy_shapes.ts";
import type { Answer, Backend, UserName, Verifier } from "../../src/backend.ts";
import { account, type Bench, bench, scripted } from "./lib.ts";

const SCHEME = "scram-sha-256";

function verifier(iterations: number, saltOctets: number): Verifier {
  const [storedKey, serverKey] = [new Uint8Array(32), new Uint8Array(32)];
  return { scheme: SCHEME, credential: "c", salt: new Uint8Array(saltOctets), iterations, storedKey, serverKey };
}

/** A backend with one user, whose verifier has this shape. */
function backend(name: string, iterations: number, saltOctets: number): Backend {
  return scripted(name, (question): Answer => {
    if (question.kind !== "verifiers" || question.user.local !== name) return { kind: "rejected", why: "unknown-user" };
    const found = account(`${name}@baz.co.jp`, name);
    return { kind: "verifiers", account: found, verifiers: [verifier(iterations, saltOctets)], decoy: false };
  });
}

const user = (local: string, realm = "baz.co.jp"): UserName => ({ local, realm });

/** Iterations and octets of salt that somebody unknown is shown. */
async function shown(setup: Bench, name: UserName): Promise<string> {
  const { answer } = await setup.prove(name, false, { scheme: SCHEME });
  ok(answer.kind === "verifiers" && answer.decoy);
  const [decoy] = answer.verifiers;
  ok(decoy?.scheme === SCHEME);
  return `${decoy.iterations} ${decoy.salt.length}`;
}

const strangers = Array.from({ length: 40 }, (_, at) => user(`stranger${at}`));

Deno.test("unknown users are shown what real ones of each backend are, and each always the same", async () => {
  await using setup = bench({
    backends: [backend("here", 4096, 16), backend("far", 10_000, 24)],
    guessing: { enabled: false },
  });
  const before = await Promise.all(strangers.map((name) => shown(setup, name)));
  deepEqual([...new Set(before)], ["4096 16"]);
  await setup.prove(user("here"), true, { scheme: SCHEME });
  await setup.prove(user("far"), true, { scheme: SCHEME });
  const after = await Promise.all(strangers.map((name) => shown(setup, name)));
  deepEqual([...new Set(after)].sort(), ["10000 24", "4096 16"]);
  deepEqual(await Promise.all(strangers.map((name) => shown(setup, name))), after);
});

Deno.test("of a backend that is not asked for the realm nothing is shown", async () => {
  await using setup = bench({
    backends: [backend("here", 4096, 16), backend("far", 10_000, 24)],
    sections: { far: { realms: ["baz.co.jp"] } },
    guessing: { enabled: false },
  });
  await setup.prove(user("far"), true, { scheme: SCHEME });
  const elsewhere = strangers.map(({ local }) => user(local, "elsewhere.jp"));
  deepEqual([...new Set(await Promise.all(elsewhere.map((name) => shown(setup, name))))], ["4096 16"]);
});

Deno.test("only the first verifier of a backend is looked at", () => {
  const shapes = new DecoyShapes();
  shapes.learn("far", []);
  shapes.learn("far", [{ scheme: "cram-md5", credential: "c", inner: new Uint8Array(16), outer: new Uint8Array(16) }]);
  equal(shapes.of("far", SCHEME).iterations, 4096);
  shapes.learn("far", [verifier(10_000, 24)]);
  shapes.learn("far", [verifier(20_000, 8)]);
  deepEqual(shapes.of("far", SCHEME), { iterations: 10_000, saltOctets: 24 });
  deepEqual(shapes.of("far", "scram-sha-1"), { iterations: 4096, saltOctets: 16 });
  deepEqual(shapes.of("here", SCHEME), { iterations: 4096, saltOctets: 16 });
});
