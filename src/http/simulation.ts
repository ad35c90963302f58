/**
 * What is asked of a simulation, and what it tells: the same for the API, the command and the page.
 *
 * @module
 */

import { isIP } from "node:net";
import { z } from "zod";
import { hasControl } from "../lib/text.ts";
import type { AccessStep } from "../policy/access_report.ts";
import { parseMailbox } from "../smtp/path.ts";

/** Recipients that one simulation may have. */
export const RECIPIENTS_MOST = 100;

const address = z.string().max(320).refine((text) => parseMailbox(text) !== null, {
  error: "expected an address such as shin@foobar.co.jp",
});
const word = (expected: string) => {
  const error = `expected ${expected}`;
  return z.string({ error }).min(1, { error }).max(320, { error }).refine((text) => !hasControl(text), { error });
};

/** Who would send what, from where. */
export const simulationRequestSchema = z.strictObject({
  ip: z.string().max(64).refine((text) => isIP(text) !== 0, { error: "expected an IP address" }),
  listener: word("the name of a listener").optional().meta({
    description: "default: the first with role msa where there is a user, else the first with role mta",
  }),
  tls: z.boolean().default(false).meta({
    description: "whether the client uses TLS; a listener with implicit TLS has it",
  }),
  user: word("a user name").optional().meta({ description: "as the client gives it; without it nobody logs in" }),
  mechanism: word("the name of a mechanism").optional().meta({ description: "default: the first that is offered" }),
  from: z.union([z.literal(""), address], { error: 'expected an address, or "" for the null reverse-path' }).meta({
    description: 'the reverse-path; "": the null one',
    example: "shin@foobar.co.jp",
  }),
  headerFrom: word("the content of a From field").optional().meta({
    description: "the content of the From field; default: the reverse-path",
  }),
  to: z.array(address).min(1).max(RECIPIENTS_MOST).meta({ example: ["someone@example.net"] }),
});

/** A question, complete. */
export type SimulationRequest = z.output<typeof simulationRequestSchema>;

const RESULTS = ["accepted", "refused", "temporary"] as const;

const stepSchema = z.object({
  step: z.enum(["connect", "ehlo", "starttls", "ehlo-tls", "auth", "mail", "rcpt", "content"]),
  client: z.string().nullable().meta({ description: "what the client would send" }),
  reply: z.string().meta({ description: "what it would be told, all lines, without the id" }),
  code: z.int(),
  result: z.enum(RESULTS),
  rule: z.string().nullable().meta({ description: "the rule that decides" }),
});

/** One command and its reply. */
export type SimulationStep = z.output<typeof stepSchema>;

const accessStepSchema = z.object({
  step: z.enum(["client", "sender", "recipient"]),
  subject: z.string(),
  result: z.enum(["accepted", "refused", "discarded"]),
  decides: z.string().nullable().meta({ description: "the line or setting that decides; null: none does" }),
  line: z.int().nullable(),
  reply: z.string(),
});

/** What the access rules say, step by step. */
export const accessReportSchema = z.object({
  result: z.enum(["accepted", "refused", "discarded"]),
  steps: z.array(accessStepSchema),
});

/** The worst of the steps is the result. */
export function accessReport(steps: readonly AccessStep[]): z.output<typeof accessReportSchema> {
  const bad = steps.find(({ result }) => result === "refused") ?? steps.find(({ result }) => result === "discarded");
  return { result: bad?.result ?? "accepted", steps: [...steps] };
}

const waySchema = z.object({
  recipient: z.string(),
  route: z.string().meta({ description: "alias: others stand for it, and follow; none: nowhere" }),
  host: z.string(),
  port: z.int(),
  account: z.string().nullable(),
  detail: z.string(),
  tls: z.string().nullable().meta({ description: "what is done about TLS; null: the way leads to no server" }),
});

/** All that a simulation tells. */
export const simulationSchema = z.object({
  outcome: z.enum([...RESULTS, "discarded"]).meta({ description: "of the whole: the worst of its steps" }),
  listener: z.object({ name: z.string(), role: z.enum(["mta", "msa"]), tls: z.enum(["implicit", "starttls", "none"]) }),
  mechanisms: z.object({
    withoutTls: z.array(z.string()).nullable(),
    withTls: z.array(z.string()).nullable(),
  }).meta({ description: "what EHLO offers; null: there is no EHLO in this condition" }),
  steps: z.array(stepSchema),
  login: z.object({
    user: z.string(),
    mechanism: z.string(),
    verdict: z.enum(["accepted", "rejected", "too-weak", "delayed", "unavailable", "not-offered"]),
    reason: z.string(),
    account: z.string().nullable(),
    relays: z.boolean(),
    chain: z.array(z.object({ backend: z.string(), answer: z.string(), ms: z.number() })),
  }).nullable().meta({ description: "with the right password; null: nobody logs in" }),
  access: z.array(accessStepSchema),
  recipients: z.array(z.object({
    recipient: z.string(),
    result: z.enum(RESULTS),
    ways: z.array(waySchema),
  })),
  content: z.object({
    disposition: z.enum(["deliver", "hold", "discard"]),
    reversePath: z.string().nullable().meta({ description: "as it goes out; null: the null one" }),
    from: z.string().nullable().meta({ description: "the From field as it goes out; null: there is none" }),
    dkim: z.array(z.object({ domain: z.string(), selector: z.string() })),
  }).nullable().meta({ description: "null: no content would be taken" }),
  limits: z.array(z.object({
    of: z.enum(["account", "credential", "network", "address"]),
    subject: z.string(),
    limit: z.string(),
    used: z.number(),
    most: z.number(),
    left: z.number(),
    opens: z.string().nullable().meta({ description: "when it opens again; null: it is open" }),
  })).meta({ description: "limits that this mail counts against, as they stand before it" }),
  hold: z.string().nullable().meta({ description: "why the account is on hold; null: it is not" }),
  notes: z.array(z.string()).meta({ description: "what would be logged beside" }),
});

/** The answer. */
export type Simulation = z.output<typeof simulationSchema>;

/** A recipient, and the ways that its mail would take. */
export type SimulatedRecipient = Simulation["recipients"][number];
