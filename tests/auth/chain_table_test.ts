/** What `src/auth/chain.ts` promises in its table: each row, and what must hold of every chain of up to three steps. */

import { deepEqual, equal, ok } from "node:assert/strict";
import type { Answer } from "../../src/backend.ts";
import { askChain, type ChainResult } from "../../src/auth/chain.ts";
import { account, memberOf, scripted } from "./lib.ts";

type Control = "sufficient" | "required";
type Says = "yes" | "unknown" | "wrong" | "expired" | "disabled" | "down";
/** `s:yes`: a sufficient step that says yes. */
type Step = `${"s" | "r"}:${Says}`;

const NAME = "shin@baz.co.jp";
const ANSWERS: Readonly<Record<Says, (name: string) => Answer>> = {
  yes: (name) => ({ kind: "accepted", account: account(NAME, name), credential: "c", version: "1" }),
  unknown: () => ({ kind: "rejected", why: "unknown-user" }),
  wrong: () => ({ kind: "rejected", why: "wrong-secret" }),
  expired: () => ({ kind: "rejected", why: "expired" }),
  disabled: () => ({ kind: "rejected", why: "disabled" }),
  down: (name) => ({ kind: "unavailable", cause: `${name} is down` }),
};
const SAYS = ["yes", "unknown", "wrong", "expired", "disabled", "down"] as const;

function read(step: Step): { readonly control: Control; readonly says: Says } {
  const [control, says] = step.split(":");
  const found = SAYS.find((each) => each === says);
  ok(found !== undefined);
  return { control: control === "r" ? "required" : "sufficient", says: found };
}

/** Asks a chain whose steps are called a, b, c. */
function run(steps: readonly Step[], skipped: readonly string[] = []): Promise<ChainResult> {
  const parts = steps.map((step, at) => ({ name: "abc"[at] ?? "", ...read(step) }));
  const members = parts.map(({ name, control, says }) =>
    memberOf(scripted(name, () => ANSWERS[says](name)), { control })
  );
  return askChain(members, {
    ask: async ({ backend }) => {
      const part = parts.find(({ name }) => name === backend.name);
      ok(part !== undefined);
      return await Promise.resolve({ answer: ANSWERS[part.says](part.name), note: null });
    },
    skips: ({ backend }) => skipped.includes(backend.name) ? "other realms" : null,
    now: () => 0,
  });
}

/** `yes by a`, `no: wrong-secret`, `down: a is down`. */
function summary({ answer, decidedBy }: ChainResult): string {
  if (answer.kind === "rejected") return `no: ${answer.why}`;
  return answer.kind === "unavailable" ? `down: ${answer.cause}` : `yes by ${decidedBy?.backend.name}`;
}

/** The chain, what comes out, and who was asked. */
const TABLE: readonly (readonly [readonly Step[], string, string])[] = [
  // Sufficient steps alone: the first yes ends it.
  [["s:yes", "s:down"], "yes by a", "a"],
  [["s:unknown", "s:yes"], "yes by b", "ab"],
  [["s:wrong", "s:yes"], "yes by b", "ab"],
  [["s:expired", "s:yes"], "yes by b", "ab"],
  [["s:down", "s:yes"], "yes by b", "ab"],
  [["s:disabled", "s:yes"], "no: disabled", "a"],
  [["s:unknown", "s:unknown"], "no: unknown-user", "ab"],
  [["s:unknown", "s:wrong"], "no: wrong-secret", "ab"],
  [["s:wrong", "s:expired"], "no: expired", "ab"],
  [["s:wrong", "s:down"], "down: b is down", "ab"],
  [["s:down", "s:unknown"], "down: a is down", "ab"],
  [["s:down", "s:down"], "down: a is down", "ab"],
  [["s:down", "s:disabled"], "no: disabled", "ab"],
  // Required steps alone: each must say yes.
  [["r:yes"], "yes by a", "a"],
  [["r:yes", "r:yes"], "yes by a", "ab"],
  [["r:yes", "r:unknown"], "no: unknown-user", "ab"],
  [["r:unknown", "r:yes"], "no: unknown-user", "a"],
  [["r:wrong", "r:yes"], "no: wrong-secret", "a"],
  [["r:yes", "r:wrong"], "no: wrong-secret", "ab"],
  [["r:yes", "r:down"], "down: b is down", "ab"],
  [["r:down", "r:yes"], "down: a is down", "a"],
  [["r:yes", "r:disabled"], "no: disabled", "ab"],
  // Both kinds: the required one and one of the others, in whichever order they stand.
  [["r:yes", "s:yes"], "yes by b", "ab"],
  [["s:yes", "r:yes"], "yes by a", "ab"],
  [["r:yes", "s:unknown"], "no: unknown-user", "ab"],
  [["s:unknown", "r:yes"], "no: unknown-user", "ab"],
  [["r:yes", "s:wrong"], "no: wrong-secret", "ab"],
  [["r:yes", "s:down"], "down: b is down", "ab"],
  [["s:down", "r:yes"], "down: a is down", "ab"],
  [["s:yes", "r:unknown"], "no: unknown-user", "ab"],
  [["s:yes", "r:wrong"], "no: wrong-secret", "ab"],
  [["s:yes", "r:down"], "down: b is down", "ab"],
  [["s:yes", "r:disabled"], "no: disabled", "ab"],
  [["r:down", "s:yes"], "down: a is down", "a"],
  [["r:wrong", "s:yes"], "no: wrong-secret", "a"],
  [["s:down", "r:wrong"], "no: wrong-secret", "ab"],
  [["s:down", "s:yes", "r:yes"], "yes by b", "abc"],
  [["r:yes", "s:down", "s:yes"], "yes by c", "abc"],
  [["s:yes", "s:down", "r:yes"], "yes by a", "ac"],
  [["s:yes", "r:yes", "s:disabled"], "yes by a", "ab"],
  [["s:unknown", "r:yes", "s:yes"], "yes by c", "abc"],
  [["r:yes", "s:wrong", "s:down"], "down: c is down", "abc"],
];

Deno.test("the table of the chain, row by row", async () => {
  for (const [steps, expected, asked] of TABLE) {
    const result = await run(steps);
    equal(summary(result), expected, steps.join(" "));
    equal(result.steps.map(({ backend }) => backend).join(""), asked, steps.join(" "));
  }
});

Deno.test("what holds of every chain of one to three steps", async () => {
  const one = SAYS.flatMap((says): readonly Step[] => [`s:${says}`, `r:${says}`]);
  const two = one.flatMap((first) => one.map((second) => [first, second]));
  const three = two.flatMap((both) => one.map((third) => [...both, third]));
  for (const steps of [...one.map((step) => [step]), ...two, ...three]) {
    const result = await run(steps);
    const parts = steps.map(read);
    const about = `${steps.join(" ")}: ${summary(result)}`;
    const required = parts.filter(({ control }) => control === "required");
    const sufficient = parts.filter(({ control }) => control === "sufficient");
    const askedParts = result.steps.map(({ backend }) => parts["abc".indexOf(backend)]);
    const agreed = required.every(({ says }) => says === "yes") &&
      (sufficient.length === 0 || sufficient.some(({ says }) => says === "yes"));

    // No yes without the agreement; and where everybody agrees only a "disabled" that came first stands against it.
    const closed = askedParts.some((part) => part?.says === "disabled");
    equal(result.answer.kind === "accepted", agreed && !closed, about);
    // Never a no while the one that could have said yes was down.
    if (result.answer.kind === "rejected" && askedParts.some((part) => part?.says === "down")) {
      const decisive = askedParts.at(-1);
      ok(decisive?.says === "disabled" || (decisive?.control === "required" && decisive.says !== "down"), about);
    }
    // Never "cannot tell" where everybody could.
    if (result.answer.kind === "unavailable") ok(askedParts.some((part) => part?.says === "down"), about);
    // A wrong secret that was seen counts, whatever comes out.
    equal(result.wrongSecret, askedParts.some((part) => part?.says === "wrong"), about);
    // Nobody is asked twice, nor out of order.
    const order = result.steps.map(({ backend }) => backend).join("");
    deepEqual([...order], [...new Set(order)].sort(), about);
  }
});

Deno.test("who is skipped counts as if it were not there, and is in the log", async () => {
  const skipping = async (steps: readonly Step[], skipped: readonly string[]) => {
    const result = await run(steps, skipped);
    return [summary(result), ...result.steps.map(({ backend, answer }) => `${backend} ${answer}`)];
  };
  deepEqual(await skipping(["r:down", "s:yes"], ["a"]), ["yes by b", "a skipped:other realms", "b accepted"]);
  deepEqual(await skipping(["s:unknown", "r:yes"], ["a"]), ["yes by b", "a skipped:other realms", "b accepted"]);
  deepEqual(await skipping(["s:yes", "s:down"], ["b"]), ["yes by a", "a accepted"]);
  deepEqual(await skipping(["s:yes", "r:yes"], ["a", "b"]), [
    "no: unknown-user",
    "a skipped:other realms",
    "b skipped:other realms",
  ]);
  deepEqual(await skipping([], []), ["no: unknown-user"]);
});
