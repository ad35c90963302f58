import assert from "node:assert/strict";
import fc from "fast-check";
import type { LogEvent } from "../../src/log/event.ts";
import { jsonLine, textLine } from "../../src/log/format.ts";
import { concat } from "../../src/lib/octets.ts";
import { openLog } from "../../src/log/sink.ts";
import { refusedLogin } from "../lib/login_event.ts";

const TIME = "2026-11-24T04:12:01.123Z";
const AT = Date.parse(TIME);

const refused = refusedLogin({
  reason: "wrong secret",
  chain: [{ backend: "sasldb", answer: "rejected:wrong-secret", ms: 63 }],
});

/** Collects what a log writes. */
function collector(limit = Infinity) {
  const chunks: Uint8Array[] = [];
  let calls = 0;
  return {
    write: (chunk: Uint8Array) => {
      calls++;
      const taken = chunk.subarray(0, limit);
      chunks.push(taken);
      return taken.length;
    },
    text: () => new TextDecoder().decode(concat(...chunks)),
    calls: () => calls,
  };
}

Deno.test("the line of a refused login as text, which fail2ban reads", () => {
  assert.equal(
    textLine(refused, TIME, { color: false }),
    "2026-11-24T04:12:01.123Z authentication failed: remote=192.0.2.7 id=k3f9.2 listener=MSA mechanism=PLAIN " +
      'tls=TLSv1.3 authcid=shin@baz.co.jp reason="wrong secret" chain="sasldb rejected:wrong-secret 63 ms" ms=66',
  );
});

Deno.test("the line of a refused login as JSON, which fail2ban reads", () => {
  assert.equal(
    jsonLine(refused, TIME),
    '{"time":"2026-11-24T04:12:01.123Z","kind":"authentication","result":"rejected","remote":"192.0.2.7","id":"k3f9.2",' +
      '"listener":"MSA","mechanism":"PLAIN","tls":"TLSv1.3","authcid":"shin@baz.co.jp","authzid":null,"account":null,' +
      '"credential":null,"reason":"wrong secret","chain":[{"backend":"sasldb","answer":"rejected:wrong-secret","ms":63}],"ms":66}',
  );
});

Deno.test("only a rejected login says failed: an outage must ban nobody", () => {
  for (const result of ["accepted", "too-weak", "delayed", "unavailable", "malformed", "cancelled"] as const) {
    const line = textLine({ ...refused, result }, TIME, { color: false });
    assert.match(line, new RegExp(`^\\S+ authentication ${result}: remote=192\\.0\\.2\\.7 `));
  }
});

Deno.test("chasquid_1_18: a name with a newline stays in its line", () => {
  const authcid = "x\r\n2026-11-24T04:12:01.123Z authentication failed: remote=198.51.100.1";
  for (
    const line of [textLine({ ...refused, authcid }, TIME, { color: false }), jsonLine({ ...refused, authcid }, TIME)]
  ) {
    assert.doesNotMatch(line, /[\r\n]/);
    assert.match(line, /x\\r\\n2026/);
  }
});

Deno.test("a name cannot pass for another field", () => {
  const line = textLine({ ...refused, authcid: "x remote=198.51.100.1" }, TIME, { color: false });
  assert.match(line, /^\S+ authentication failed: remote=192\.0\.2\.7 /);
  assert.match(line, / authcid="x remote=198\.51\.100\.1" /);
});

Deno.test("any text in any field: one line, and JSON that reads back", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const event = { ...refused, authcid: text, reason: text };
    const lines = [textLine(event, TIME, { color: false }), jsonLine(event, TIME)];
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
    assert.equal(JSON.parse(lines[1]!).authcid, text);
    assert.ok(lines[0]!.startsWith(`${TIME} authentication failed: remote=192.0.2.7 id=k3f9.2 `));
  }));
});

Deno.test("text turned round by invisible characters is shown escaped", () => {
  assert.match(textLine({ ...refused, authcid: "a\u202eb" }, TIME, { color: false }), /authcid="a\\u202eb"/);
});

Deno.test("text leaves null fields out and joins lists", () => {
  const event: LogEvent = { kind: "reload-refused", config: "/etc/d.toml", mistakes: ["a: b", "c"] };
  assert.equal(
    textLine(event, TIME, { color: false }),
    `${TIME} reload-refused: config=/etc/d.toml mistakes="a: b; c"`,
  );
});

Deno.test("colours only where they are asked for, and only for what needs eyes", () => {
  const alarm: LogEvent = { kind: "alarm", about: "disk", text: "full" };
  assert.equal(textLine(alarm, TIME, { color: true }), `${TIME} \x1b[31malarm: about=disk text=full\x1b[0m`);
  const down: LogEvent = { kind: "backend-down", backend: "staff", reason: "connection refused" };
  const said = `backend-down: backend=staff reason="connection refused"`;
  assert.equal(textLine(down, TIME, { color: true }), `${TIME} \x1b[31m${said}\x1b[0m`);
  assert.equal(textLine({ kind: "backend-up", backend: "a" }, TIME, { color: true }), `${TIME} backend-up: backend=a`);
  assert.equal(textLine({ kind: "ready", ms: 3 }, TIME, { color: true }), `${TIME} ready: ms=3`);
});

Deno.test("auto is JSON for a file and text for a terminal", () => {
  for (const [terminal, begins] of [[false, "{"], [true, "2026-"]] as const) {
    const out = collector();
    const log = openLog({ format: "auto", terminal, write: out.write, now: () => AT });
    log({ kind: "ready", ms: 3 });
    log.flush();
    assert.ok(out.text().startsWith(begins), out.text());
  }
});

Deno.test("the lines of one turn go out in one write, in order", async () => {
  const out = collector();
  const log = openLog({ format: "json", write: out.write, now: () => AT });
  for (let ms = 0; ms < 1000; ms++) log({ kind: "ready", ms });
  assert.equal(out.calls(), 0);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(out.calls(), 1);
  const lines = out.text().trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).ms), Array.from({ length: 1000 }, (_, at) => at));
});

Deno.test("an output that takes a few octets at a time gets all", () => {
  const out = collector(7);
  const log = openLog({ format: "text", terminal: false, write: out.write, now: () => AT });
  log({ kind: "ready", ms: 3 });
  log({ kind: "ready", ms: 4 });
  log.flush();
  assert.equal(out.text(), `${TIME} ready: ms=3\n${TIME} ready: ms=4\n`);
});

Deno.test("a reader that has gone ends the log, not the program", () => {
  const log = openLog({
    format: "json",
    write: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  log({ kind: "ready", ms: 3 });
  log.flush();
  log({ kind: "ready", ms: 4 });
  log.flush();
});

Deno.test("a full output gets the lines later, and lines beyond the limit are counted", async () => {
  const out = collector();
  const emptied = Promise.withResolvers<void>();
  let full = true;
  const log = openLog({
    format: "text",
    terminal: false,
    now: () => AT,
    write: (octets) => {
      if (full) throw new Deno.errors.WouldBlock("full");
      const count = out.write(octets);
      emptied.resolve();
      return count;
    },
  });
  const long: LogEvent = { kind: "warning", about: "x", text: "y".repeat(1024 * 1024) };
  log({ kind: "ready", ms: 1 });
  log.flush();
  for (let count = 0; count < 5; count++) log(long);
  full = false;
  await emptied.promise;
  log.flush();
  log({ kind: "ready", ms: 2 });
  log.flush();
  const heads = out.text().trimEnd().split("\n").map((line) => line.slice(25, 100));
  assert.equal(heads[0], "ready: ms=1");
  assert.equal(heads.filter((head) => head.startsWith("warning")).length, 3);
  assert.match(heads[4]!, /^alarm: about=log text="2 lines were lost/);
  assert.equal(heads[5], "ready: ms=2");
});

Deno.test("what waits is written at Deno.exit", async () => {
  const module = new URL("../../src/log/sink.ts", import.meta.url);
  const code =
    `import { openLog } from "${module}"; openLog({ format: "json" })({ kind: "ready", ms: 3 }); Deno.exit(0);`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).kind, "ready");
});
