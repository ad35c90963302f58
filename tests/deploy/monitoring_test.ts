import assert from "node:assert/strict";
import { HTTP_SECTION, makeTraffic, namesOf, scrape } from "../lib/metrics_scrape.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { SHIN } from "../lib/submission.ts";
import { makeFolder, requirePrograms, run } from "../servers/lib.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const RULES = new URL("prometheus-alerts.yml", DEPLOY).pathname;
const DASHBOARD = new URL("grafana-dashboard.json", DEPLOY);
const NAME_REGEXP = /\bdokodemo_\w+/g;

const test = requirePrograms(["promtool"]);

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await Deno.readTextFile(DASHBOARD));
}

test("promtool accepts the alerts and the example of a scrape", async () => {
  for (const args of [["check", "rules", RULES], ["check", "config", new URL("prometheus.yml", DEPLOY).pathname]]) {
    const { code, output } = await run("promtool", { args });
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /FAILED|WARN/i);
  }
});

test("the alerts fire when they should and not before", async () => {
  const { code, output } = await run("promtool", {
    args: ["test", "rules", new URL("alerts.test.yml", import.meta.url).pathname],
  });
  assert.equal(code, 0, output);
});

test("promtool reads each query of the dashboard", async () => {
  await using folder = await makeFolder();
  const queries = (await readDashboard()).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  assert.ok(queries.length > 20);
  const rules = queries.map((expr, at) => ({ record: `query_${at}`, expr: expr.replaceAll("$__rate_interval", "1m") }));
  const file = `${folder.path}/rules.yml`;
  await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  const { code, output } = await run("promtool", { args: ["check", "rules", file] });
  assert.equal(code, 0, output);
});

Deno.test("dashboard and alerts name only metrics that a running server has", async () => {
  await using folder = await makeFolder();
  const people = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];
  const site = await makeSite(folder.path, { people, more: HTTP_SECTION });
  await using program = await startProgram(site);
  await makeTraffic(program, site);
  const names = namesOf(await scrape(program));
  const dashboard = await Deno.readTextFile(DASHBOARD);
  const alerts = await Deno.readTextFile(RULES);
  for (const [file, text] of [["dashboard", dashboard], ["alerts", alerts]]) {
    const used = new Set(text?.match(NAME_REGEXP) ?? []);
    assert.ok(used.size > 5, file);
    assert.deepEqual([...used].filter((name) => !names.has(name)), [], file);
  }
});

Deno.test("each panel has its own id and title, and each alert says what to do", async () => {
  const { panels } = await readDashboard();
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  const alerts = await Deno.readTextFile(RULES);
  const count = (pattern: RegExp) => alerts.match(pattern)?.length ?? 0;
  assert.ok(count(/- alert: /g) > 5);
  assert.equal(count(/summary: "[^"]{20,}"/g), count(/- alert: /g));
});
