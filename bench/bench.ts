/**
 * `deno task bench [PART...]`: dokodemo and Postfix with Cyrus SASL on this machine, in the same run. The parts are those of
 * `parts.ts`; all of them take some twenty-five minutes; `BENCH_QUICK=1` only shows that they run. `$DOKODEMO_BIN` measures the compiled program. Needs root and what
 * `.ci/install` installs.
 *
 * @module
 */

import { runProgram } from "../tests/lib/program.ts";
import { makeCertificate } from "../tests/servers/certificate.ts";
import { makeFolder, run } from "../tests/servers/lib.ts";
import { PARTS } from "./parts.ts";
import { formatReport, ratioOf, type Report } from "./report.ts";
import { compileTools } from "./tools.ts";

const RESULTS = new URL("results/", import.meta.url);

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.filter((name) => !PARTS.has(name));
  if (unknown.length > 0) {
    print(`Cannot measure ${unknown.join(", ")}: the parts are ${[...PARTS.keys()].join(", ")}`);
    return 64;
  }
  await compileTools();
  await using folder = await makeFolder({ open: true });
  const certificate = await makeCertificate(folder.path);
  const machine = await describeMachine();
  print(Object.entries(machine).map(([what, value]) => `${what}: ${value}`).join("\n"));
  const reports: Report[] = [];
  for (const [name, part] of PARTS) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const made = await part(certificate);
    reports.push(...made);
    for (const report of made) print(`\n${formatReport(report)}`);
    print(`load average ${Deno.loadavg().map((load) => load.toFixed(1)).join(" ")}`);
  }
  await writeResults({ machine, reports });
  return 0;
}

async function describeMachine(): Promise<Readonly<Record<string, string>>> {
  const first = async (program: string, ...args: string[]) =>
    (await run(program, { args })).output.split("\n")[0] ?? "";
  return {
    "measured": new Date().toISOString(),
    "dokodemo": ((await runProgram(["version"])).output.split("\n")[0] ?? "") +
      (Deno.env.get("DOKODEMO_BIN") ? ", compiled" : ", from the tree"),
    "postfix": await first("postconf", "-dh", "mail_version"),
    "kernel": Deno.osRelease(),
    "cores": `${navigator.hardwareConcurrency}, shared with the load generator`,
  };
}

async function writeResults(
  { machine, reports }: { readonly machine: Readonly<Record<string, string>>; readonly reports: readonly Report[] },
): Promise<void> {
  await Deno.mkdir(RESULTS, { recursive: true });
  const file = new URL(`${(machine["measured"] ?? "").replaceAll(":", "-")}.json`, RESULTS);
  const withRatios = reports.map((report) => ({
    ...report,
    rows: report.rows.map((row) => ({ ...row, ratio: ratioOf(row) })),
  }));
  await Deno.writeTextFile(file, `${JSON.stringify({ machine, reports: withRatios }, null, 2)}\n`);
  print(`\nwritten to ${file.pathname}`);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
