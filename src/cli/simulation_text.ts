/**
 * A simulation as people read it in a terminal.
 *
 * @module
 */

import type { Simulation } from "../http/simulation.ts";
import { formatTable } from "./table.ts";

/** All that it tells, without a line end behind it. */
export function simulationText(simulation: Simulation): string {
  const parts = [
    transcript(simulation),
    login(simulation),
    access(simulation),
    content(simulation),
    ways(simulation),
    limits(simulation),
  ];
  const last = `${simulation.outcome}: ${OUTCOMES[simulation.outcome]}`;
  return [...parts.filter((part) => part !== ""), last].join("\n\n");
}

const OUTCOMES: Readonly<Record<Simulation["outcome"], string>> = {
  accepted: "the mail would be taken for all recipients",
  refused: "something would be refused",
  temporary: "something would be refused for now",
  discarded: "the mail would be accepted and thrown away",
};

/** What both sides would say; the rule behind a reply is below it. */
function transcript({ listener, steps, notes }: Simulation): string {
  const lines = [`listener ${listener.name} (${listener.role}, TLS ${listener.tls})`];
  for (const { client, reply, rule, step } of steps) {
    const said = client ?? (step === "content" ? "(content)" : null);
    if (said !== null) lines.push(`C: ${said}`);
    lines.push(...reply.split("\n").map((line) => `S: ${line}`));
    if (rule !== null && !reply.endsWith(rule)) lines.push(`   ${rule}`);
  }
  lines.push(...notes.map((note) => `   ${note}`));
  return lines.join("\n");
}

function login({ login: found }: Simulation): string {
  if (found === null) return "";
  const { verdict, user, mechanism, reason, account, relays, chain } = found;
  const who = account === null ? "" : `, account ${account}, ${relays ? "may relay" : "may not relay"}`;
  const asked = chain.map(({ backend, answer }) => `  ${backend}: ${answer}`);
  return [`login of ${user} by ${mechanism}: ${verdict}${who} (${reason})`, ...asked].join("\n");
}

function access({ access: steps }: Simulation): string {
  return formatTable(steps, [
    { head: "ACCESS RULES", cell: ({ step }) => step },
    { head: "OF", cell: ({ subject }) => subject === "" ? "<>" : subject },
    { head: "RESULT", cell: ({ result }) => result },
    { head: "DECIDED BY", cell: ({ decides }) => decides ?? "no rule" },
  ]);
}

function content({ content: found }: Simulation): string {
  if (found === null) return "";
  const { disposition, reversePath, from, dkim } = found;
  const keys = dkim.map(({ domain, selector }) => `${selector}._domainkey.${domain}`).join(", ");
  return [
    `kept: ${DISPOSITIONS[disposition]}`,
    `reverse-path as it goes out: <${reversePath ?? ""}>`,
    `From as it goes out: ${from ?? "none"}`,
    `DKIM key: ${keys === "" ? "none" : keys}`,
  ].join("\n");
}

function limits({ limits: found, hold }: Simulation): string {
  const table = found.length === 0 ? "" : formatTable(found, [
    { head: "LIMIT", cell: ({ of, limit }) => `${of}.${limit}` },
    { head: "OF", cell: ({ subject }) => subject },
    { head: "USED", cell: ({ used, most }) => `${used} of ${most}` },
    { head: "LEFT", cell: ({ left }) => String(left) },
    { head: "OPENS", cell: ({ opens }) => opens ?? "-" },
  ]);
  return [table, hold === null ? "" : `the account is on hold: ${hold}`].filter((part) => part !== "").join("\n");
}

const DISPOSITIONS = { deliver: "for delivery", hold: "on hold", discard: "not at all" } as const;

function ways({ recipients }: Simulation): string {
  const rows = recipients.flatMap(({ ways }) => ways);
  if (rows.length === 0) return "";
  return formatTable(rows, [
    { head: "RECIPIENT", cell: ({ recipient }) => recipient },
    { head: "ROUTE", cell: ({ route }) => route },
    { head: "HOP", cell: ({ host, port }) => host === "" ? "-" : port === 0 ? host : `${host}:${port}` },
    { head: "ACCOUNT", cell: ({ account }) => account ?? "-" },
    { head: "TLS", cell: ({ tls }) => tls ?? "-" },
    { head: "DETAIL", cell: ({ detail }) => detail },
  ]);
}
