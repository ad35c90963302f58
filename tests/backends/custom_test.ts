import { deepEqual, equal, match, ok } from "node:assert/strict";
import { CUSTOM } from "../../backends/custom.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { EXAMPLE_PLUGIN } from "../../src/cli/backend_example.ts";
import { requireRoot } from "../lib/root.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { converse, logIn, SHIN } from "../lib/submission.ts";
import { type Folder, makeFolder, run } from "../servers/lib.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { eventually, never, ORIGIN } from "./contract_lib.ts";
import { askPassword, FOREIGN, fromPage, openWith, REALM, RIGHT, section, type Told } from "./helper_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

/** A plugin in TypeScript with an import of its own, which loops for ever while there is a file "paused" beside it. */
const PLUGIN = `
import { PEOPLE, type Person } from "./people.ts";
enum Kind { Password = "password", Lookup = "lookup" }
function waitForEver(): void {
  for (;;) {
    try { Deno.statSync(new URL("./paused", import.meta.url)); } catch { return; }
  }
}
export const backend = {
  async ask(question: { kind: string; user: Person; password?: string }, _signal: AbortSignal) {
    waitForEver();
    const { local, realm } = question.user;
    const password = PEOPLE.get(\`\${local}@\${realm}\`);
    if (password === undefined) return { kind: "rejected", why: "unknown-user" };
    if (question.kind === Kind.Lookup) return { kind: "known" };
    return password === question.password ? { kind: "accepted" } : { kind: "rejected", why: "wrong-secret" };
  },
  async probe() {
    waitForEver();
    return { ok: true };
  },
};
`;
const PEOPLE = `
export interface Person { local: string; realm: string }
export const PEOPLE = new Map<string, string>(${
  JSON.stringify([RIGHT, FOREIGN].map(({ user: { local, realm }, password }) => [`${local}@${realm}`, password]))
});
`;

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  write(text: string): Promise<void>;
}

async function makePlace(text: string, name = "plugin.ts"): Promise<Place> {
  const folder: Folder = await makeFolder({ open: true });
  const file = `${folder.path}/${name}`;
  const write = (text: string) => Deno.writeTextFile(file, text);
  await write(text);
  await Deno.writeTextFile(`${folder.path}/people.ts`, PEOPLE);
  return { folder: folder.path, file, write, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** A plugin that is stopped does not load; one that is paused loops for ever. */
function peerOf({ folder, write }: Place) {
  return {
    stop: () => write("throw new Error('not today');"),
    start: () => write(PLUGIN),
    pause: () => Deno.writeTextFile(`${folder}/paused`, ""),
    resume: () => Deno.remove(`${folder}/paused`),
  };
}

interface Opened extends OpenBackend {
  readonly place: Place;
}

const DEADLINE_MS = 5000;

async function openAt({ folder }: Place, keys: Record<string, unknown> = {}): Promise<Told> {
  return await openWith(CUSTOM, { file: "plugin.ts", ...keys }, { dataDir: folder, deadlineMs: DEADLINE_MS });
}

const BOTH = { answers: ["password", "lookup"] };

backendContract<Opened>("custom", {
  open: async () => {
    const place = await makePlace(PLUGIN);
    const { backend } = await openAt(place, BOTH);
    return {
      ...{ place, backend },
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await place[Symbol.asyncDispose]();
      },
    };
  },
  right: RIGHT,
  foreign: FOREIGN,
  unknown: { local: "nobody", realm: REALM },
  deadlineMs: DEADLINE_MS,
  peer: {
    stop: ({ place }) => peerOf(place).stop(),
    start: ({ place }) => peerOf(place).start(),
    pause: ({ place }) => peerOf(place).pause(),
    resume: ({ place }) => peerOf(place).resume(),
    reopen: async ({ place }) => (await openAt(place, BOTH)).backend,
  },
});

smtpAuth("custom", {
  open: async () => {
    const place = await makePlace(PLUGIN);
    return {
      ...peerOf(place),
      section: `file = "${place.file}"`,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  },
  right: { authcid: `${RIGHT.user.local}@${REALM}`, password: RIGHT.password },
  unknown: `nobody@${REALM}`,
  words: /plugin|not today|exit code/,
  test: (name, run) => Deno.test(name, run),
});

Deno.test("the section custom has its keys", () => {
  equal(BACKENDS.get("custom"), CUSTOM);
  const parsed = (keys: Record<string, unknown>) => CUSTOM.schema.safeParse({ file: "x.ts", ...keys }).success;
  for (
    const keys of [{}, { allowNet: true }, { allowNet: ["a:1"] }, { memory: "512 MiB" }, { file: "x.mjs" }, {
      trusted: true,
    }]
  ) {
    ok(parsed(keys), JSON.stringify(keys));
  }
  for (
    const keys of [
      ...[{ file: "x.py" }, { file: undefined }, { allowNet: "a:1" }, { allowEnv: true }, { memory: "1GB" }, {
        memory: "100MiB",
      }, {
        memory: 256,
      }],
      ...[{ trusted: true, runAs: "nobody" }, { trusted: "yes" }, { allowFfi: true }],
    ]
  ) ok(!parsed(keys), JSON.stringify(keys));
});

/** The worst that plugins do, and what is told of it. */
const FAULTS: readonly (readonly [string, string, RegExp, RegExp | null])[] = [
  [
    "a throw",
    `export const b = { async ask(question) { throw new TypeError("no " + question.password); } };`,
    /^thrown: the plugin threw TypeError at Object\.ask \(file:\/\/\/\S+\/plugin\.ts:1:\d+\)$/,
    null,
  ],
  [
    "a throw of no error",
    `export const b = { ask(question) { throw question.password; } };`,
    /^thrown: the plugin threw a value of type string$/,
    null,
  ],
  [
    "nothing as an answer",
    `export const b = { ask() {} };`,
    /^thrown: the plugin answered with a value of type undefined$/,
    null,
  ],
  ["null as an answer", `export const b = { ask: () => null };`, /^thrown: the plugin answered with null$/, null],
  [
    "true as an answer",
    `export const b = { ask: () => true };`,
    /^thrown: the plugin answered with a value of type boolean$/,
    null,
  ],
  [
    "a number as a reason",
    `export const b = { ask: () => ({ kind: "rejected", why: 7 }) };`,
    /^thrown: the plugin gave an answer that is none in why: /,
    null,
  ],
  [
    "an account of the wrong form",
    `export const b = { ask: () => ({ kind: "accepted", account: ["shin"] }) };`,
    /^thrown: the plugin gave an answer that is none in account: /,
    null,
  ],
  [
    "what cannot be sent",
    `export const b = { ask() { const a = { kind: "accepted" }; a.a = a; return a; } };`,
    /^thrown: the plugin threw TypeError at /,
    null,
  ],
  [
    "a bigint",
    `export const b = { ask: () => ({ kind: "accepted", n: 1n }) };`,
    /^thrown: the plugin threw TypeError at /,
    null,
  ],
  [
    "an endless loop",
    `export const b = { ask() { for (;;); } };`,
    /^the plugin was silent for 2500 ms and was killed$/,
    /was killed$/,
  ],
  [
    "an endless loop of promises",
    `export const b = { async ask() { for (;;) await null; } };`,
    /^the plugin was silent for 2500 ms and was killed$/,
    /was killed$/,
  ],
  [
    "a regular expression without end",
    `export const b = { ask: () => /^(x+x+)+y$/.test("x".repeat(40)) };`,
    /^the plugin was silent for 2500 ms and was killed$/,
    /was killed$/,
  ],
  ["an endless loop at its load", `for (;;);`, /^the plugin was silent for 2500 ms and was killed$/, /was killed$/],
  [
    "memory filled with objects",
    `export const b = { ask() { const a = []; for (;;) a.push({ x: [a.length, String(a.length)] }); } };`,
    /^the plugin ended with exit code 75$/,
    /has filled its memory of 256 MiB$/,
  ],
  [
    "memory filled with buffers",
    `export const b = { ask() { const a = []; for (;;) a.push(new Uint8Array(1e7).fill(1)); } };`,
    /^the plugin ended with exit code 75$/,
    /has filled its memory of 256 MiB$/,
  ],
  [
    "the end of its Worker",
    `export const b = { ask() { Deno.exit(0); } };`,
    /^the plugin was silent for 2500 ms and was killed$|^the plugin ended with exit code \d+$/,
    /./,
  ],
  [
    "the end of its process",
    `export const b = { ask: () => Deno.kill(Deno.pid, "SIGKILL") };`,
    /^the plugin was ended by SIGKILL$/,
    /SIGKILL$/,
  ],
  [
    "a mistake in the file",
    `export const b = {`,
    /^the plugin ended with exit code 65: Cannot load \S+\/plugin\.ts: /,
    /exit code 65/,
  ],
  [
    "a throw at its load",
    `throw new RangeError("too late");`,
    /exit code 65: Cannot load \S+: RangeError: too late$/,
    /too late/,
  ],
  ["an import that is not there", `import "./absent.ts";`, /exit code 65: Cannot load /, /absent/],
  [
    "nothing to ask",
    `export const b = { asks() {} };`,
    /Cannot load \S+: it exports no object with a method ask$/,
    /./,
  ],
  [
    "two to ask",
    `export const a = { ask() {} }; export const b = { ask() {} };`,
    /it exports several objects with a method ask$/,
    /./,
  ],
];

for (const [what, text, expected, warned] of FAULTS) {
  Deno.test(`custom: ${what} is an outage that the log explains, and ends when the file is mended`, async () => {
    await using place = await makePlace(text);
    // To fill the memory takes a slow machine some seconds, and silence is not what is looked for there.
    const deadlineMs = what.startsWith("memory") ? 60_000 : 1500;
    await using told = await openWith(CUSTOM, { file: "plugin.ts" }, { dataDir: place.folder, deadlineMs });
    const answer = await askPassword(told, "shin").catch((error: Error) => error);
    if (answer instanceof Error) match(`thrown: ${answer.name}`, expected);
    else match(answer.kind === "unavailable" ? answer.cause : JSON.stringify(answer), expected);
    ok(!JSON.stringify([answer, String(answer), told.warnings]).includes(RIGHT.password), "a password is told");
    if (warned !== null) ok(told.warnings.some((line) => warned.test(line)), told.warnings.join("\n"));
    await place.write(PLUGIN);
    // At once: what was wrong with the file before is no reason to wait.
    equal((await askPassword(told, "shin")).kind, "accepted", told.warnings.join("\n"));
    equal((await askPassword(told, "shin", { password: "x" })).kind, "rejected");
  });
}

Deno.test("custom: a question that is given up is cancelled, and others go on", async () => {
  await using place = await makePlace(`
export const b = {
  ask({ user: { local } }, signal) {
    if (local !== "slow") return { kind: "accepted" };
    return new Promise((_, reject) => signal.addEventListener("abort", () => {
      console.log("it was cancelled");
      reject(signal.reason);
    }));
  },
};
setTimeout(() => Promise.reject(new Error("correct-horse")), 1);
`);
  await using told = await openWith(CUSTOM, { file: "plugin.ts" }, { dataDir: place.folder, deadlineMs: 100 });
  const leaving = new AbortController();
  const slow = askPassword(told, "slow", { signal: leaving.signal });
  equal((await askPassword(told, "shin")).kind, "accepted");
  leaving.abort();
  equal((await slow).kind, "unavailable");
  equal((await askPassword(told, "shin")).kind, "accepted");
  await eventually(() => Promise.resolve(told.warnings.includes("the plugin says: it was cancelled")));
  await eventually(() => Promise.resolve(told.warnings.some((line) => line.includes("nobody has caught Error at"))));
  ok(!told.warnings.join("").includes("correct-horse"));
});

Deno.test("custom: octets are Uint8Array to the plugin, there and back", async () => {
  await using place = await makePlace(`
export const b = {
  ask(question) {
    if (question.kind === "token") {
      return { kind: "continue", challenge: question.octets.map((octet) => octet ^ 255), handle: "h" };
    }
    const key = new Uint8Array(32).fill(7);
    const verifier = { scheme: question.scheme, salt: key, iterations: 4096, storedKey: key, serverKey: key.toBase64() };
    return { kind: "verifiers", verifiers: [verifier] };
  },
};
`);
  await using told = await openAt(place, { schemes: ["scram-sha-256"], tokens: ["x"] });
  const token = {
    kind: "token",
    scheme: "x",
    octets: new Uint8Array([0, 1, 255]),
    handle: null,
    origin: ORIGIN,
  } as const;
  deepEqual(await told.backend.ask(token, never()), {
    kind: "continue",
    challenge: new Uint8Array([255, 254, 0]),
    handle: "h",
  });
  const asked = { kind: "verifiers", user: RIGHT.user, scheme: "scram-sha-256", origin: ORIGIN } as const;
  const answer = await told.backend.ask(asked, never());
  ok(answer.kind === "verifiers");
  const [verifier] = answer.verifiers;
  ok(verifier?.scheme === "scram-sha-256");
  deepEqual([verifier.salt.length, verifier.storedKey, verifier.credential], [32, verifier.serverKey, "password"]);
});

/** Tells, for each thing that is not granted, what the plugin gets. */
const CURIOUS = `
const tries = {
  net: () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
  read: () => Deno.readTextFile("/etc/passwd"),
  beside: () => Deno.readTextFile(new URL("./people.ts", import.meta.url)),
  write: () => Deno.writeTextFile(new URL("./mine", import.meta.url), ""),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command("/bin/true").output(),
  ffi: () => Deno.dlopen("libc.so.6", {}),
  sys: () => Deno.hostname(),
};
export const b = {
  async ask() {
    const told = [];
    for (const [name, attempt] of Object.entries(tries)) {
      try { await attempt(); told.push(name); } catch (error) { told.push(name + ":" + error.name); }
    }
    return { kind: "rejected", why: "disabled", note: told.join(" ") };
  },
};
`;

Deno.test("custom: the plugin has the permissions that are granted, and no others", async () => {
  await using place = await makePlace(CURIOUS);
  const tell = async (keys: Record<string, unknown>) => {
    await using told = await openAt(place, keys);
    const answer = await askPassword(told, "shin");
    ok(answer.kind === "rejected", `${JSON.stringify(answer)} ${told.warnings}`);
    return answer.note;
  };
  const no = "NotCapable";
  equal(await tell({}), `net:${no} read:${no} beside write:${no} env:${no} run:${no} ffi:${no} sys:${no}`);
  equal(
    await tell({ allow_net: ["127.0.0.1:1"], allow_read: ["/etc"], allow_env: ["HOME"], allow_run: true }),
    `net:ConnectionRefused read beside write:${no} env run ffi:${no} sys:${no}`,
  );
  equal(
    await tell({ allow_net: ["127.0.0.1:2"], allow_read: ["/usr"], allow_env: ["USER"], allow_run: ["/bin/false"] }),
    `net:${no} read:${no} beside write:${no} env:${no} run:${no} ffi:${no} sys:${no}`,
  );
});

Deno.test("custom: its process ignores SIGHUP and SIGINT, and goes when the backend does", async () => {
  const pidSays = PLUGIN.replace("enum", "console.log(`pid ${Deno.pid}`);\nenum");
  await using place = await makePlace(pidSays);
  const told = await openAt(place);
  equal((await askPassword(told, "shin")).kind, "accepted");
  const pids = () => told.warnings.flatMap((line) => /^the plugin says: pid (\d+)$/.exec(line)?.[1] ?? []).map(Number);
  const [pid = 0] = pids();
  for (const signal of ["SIGHUP", "SIGINT"] as const) {
    Deno.kill(pid, signal);
    equal((await askPassword(told, "shin")).kind, "accepted");
  }
  deepEqual(pids(), [pid]);
  await told[Symbol.asyncDispose]();
  ok(!await isThere(pid), "it has outlived its backend");
});

async function isThere(pid: number): Promise<boolean> {
  return await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
}

Deno.test("custom: a file that is changed under way: the old one answers what it was asked, the new one the rest", async () => {
  const answers = (note: string, more = "") =>
    `export const b = { async ask({ user }) {
       ${more}
       return { kind: "rejected", why: "disabled", note: "${note}" };
     } };`;
  const held = `if (user.local === "held") for (;;) {
    try { Deno.statSync(new URL("./paused", import.meta.url)); } catch { break; }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }`;
  await using place = await makePlace(answers("old", held));
  await using told = await openAt(place);
  await peerOf(place).pause();
  const first = askPassword(told, "held");
  const note = async (answer: ReturnType<typeof askPassword>) => {
    const { kind, note } = { note: "", ...await answer };
    return kind === "rejected" ? note : kind;
  };
  equal(await note(askPassword(told, "shin")), "old");
  await place.write(answers("the new one"));
  equal(await note(askPassword(told, "shin")), "the new one");
  await peerOf(place).resume();
  equal(await note(first), "old");
  deepEqual(told.warnings, []);
});

Deno.test("custom: trusted, in the server itself", async () => {
  await using place = await makePlace(PLUGIN);
  const keys = { trusted: true, ...BOTH };
  {
    await using told = await openAt(place, keys);
    equal((await askPassword(told, "shin")).kind, "accepted");
    equal((await askPassword(told, "shin", { password: "x" })).kind, "rejected");
    deepEqual(await told.backend.probe(never()), { ok: true, value: undefined });
    await place.write(
      `export const b = { ask({ password }) { throw new TypeError(password); }, probe: () => ({ ok: false, problem: "it is closed" }) };`,
    );
    equal((await askPassword(told, "shin")).kind, "accepted", "a change needs a reload");
  }
  {
    await using told = await openAt(place, keys);
    const thrown = await askPassword(told, "shin").catch((error: Error) => error.name);
    match(String(thrown), /^the plugin threw TypeError at Object\.ask /);
    deepEqual(await told.backend.probe(never()), { ok: false, problem: "it is closed" });
  }
  for (
    const [text, expected] of [["throw new Error('not today')", /^Cannot load \S+: not today$/], [
      "export const b = 1",
      /^Cannot use \S+: it exports no object/,
    ]] as const
  ) {
    await place.write(text);
    const problem = await openAt(place, keys).then(() => null, (error) => error);
    ok(problem instanceof BackendProblem, String(problem));
    match(problem.message, expected);
  }
});

// From the source tree the other user would have to read the tree, Deno and its cache: this is for the compiled binary alone.
const compiled = Deno.env.get("DOKODEMO_BIN");
if (compiled !== undefined) {
  requireRoot()("custom: run_as runs the process as another user, with the compiled binary", async () => {
    await using place = await makePlace(`
      const tell = () => Deno.readTextFile(new URL("./root-only", import.meta.url)).then(() => "it is root", (error) => error.name);
      export const b = { ask() {}, probe: async () => ({ ok: false, problem: await tell() }) };
    `);
    await Deno.writeTextFile(`${place.folder}/root-only`, "", { mode: 0o600 });
    const site = await makeSite(place.folder, {
      people: [],
      sasl: `pwcheck_method = ["mine", "root"]`,
      more: `[backend.mine]\ntype = "custom"\nfile = "${place.file}"\nrun_as = "nobody"\n` +
        `[backend.root]\ntype = "custom"\nfile = "${place.file}"`,
    });
    // Where that user may run it.
    const binary = `${place.folder}/dokodemo`;
    await Deno.copyFile(compiled, binary);
    const { output } = await run(binary, { args: ["check", "--connect", "--config", site.config] });
    match(output, /^unreachable: backend mine after \d+ ms: PermissionDenied$/m);
    match(output, /^unreachable: backend root after \d+ ms: it is root$/m);
  });
}

Deno.test("custom: what cannot be run at all is told at the start", async () => {
  await using place = await makePlace(PLUGIN);
  const problem = async (keys: Record<string, unknown>) => {
    const thrown = await openAt(place, keys).then(() => null, (error) => error);
    ok(thrown instanceof BackendProblem, String(thrown));
    return thrown.message;
  };
  match(await problem({ file: "absent.ts" }), /^Cannot use \S+\/absent\.ts: there is no such file$/);
  match(await problem({ run_as: "nobody-here" }), /no such user$/);
  await Deno.chmod(place.file, 0o666);
  match(await problem({}), /^Cannot use \S+\/plugin\.ts: everybody may change it; chmod o-w$/);
});

Deno.test("custom: the plugin of the page, through the program: faults and mending while others log in", async () => {
  const folder = await makeFolder();
  await using _folder = folder;
  const text = fromPage("## custom", "js");
  const file = `${folder.path}/mine.js`;
  await Deno.writeTextFile(file, text);
  const { file: _, ...keys } = section(fromPage("## custom", "toml"), "mine");
  deepEqual(keys, {});
  const site = await makeSite(folder.path, {
    sasl: `pwcheck_method = ["sasldb", "mine"]`,
    more: `[backend.mine]\ntype = "custom"\nfile = "${file}"\ndeadline = "1500ms"`,
  });
  await using program = await startProgram(site);
  const attempt = async (authcid: string, password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid, password })).slice(0, 9);
  };
  const taro = (password = "correct horse") => attempt("taro@example.jp", password);
  match(await taro(), /^235 /);
  match(await taro("wrong horse"), /^535 5\.7\.8/);
  match(await attempt("jiro@example.jp", "x"), /^535 5\.7\.8/);
  const faults = {
    throws: `throw new Error(question.password);`,
    loops: `for (;;);`,
    fills: `const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1));`,
    lies: `return { kind: "accepted", account: 7 };`,
  };
  for (const [what, fault] of Object.entries(faults)) {
    await Deno.writeTextFile(file, text.replace("async ask(question, signal) {", (found) => `${found} ${fault}`));
    const answers = await Promise.all([taro(), attempt(SHIN.authcid, SHIN.password)]);
    match(answers[0], /^454 4\.7\.0/, what);
    match(answers[1], /^235 /, what);
    await Deno.writeTextFile(file, text);
    match(await taro(), /^235 /, `not mended after: ${what}`);
    match(await taro("wrong horse"), /^535 /);
  }
  const { process } = program;
  match(process.output, /unavailable:bug: the plugin threw Error at Object\.ask/);
  match(process.output, /the plugin was silent for 2500 ms and was killed/);
  match(process.output, /has filled its memory of 256 MiB/);
  match(process.output, /unavailable:bug: the plugin gave an answer that is none in account/);
  ok(!process.output.includes("correct horse"), "the log holds a password");

  // A reload starts a fresh one without waiting, and the server ends with nothing left behind.
  await Deno.writeTextFile(file, `console.log("a fresh one");\n${text}`);
  match(await taro(), /^235 /);
  process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  match(await taro(), /^235 /);
  const said = await program.events(
    2,
    ({ kind, text }) => kind === "warning" && text === "the plugin says: a fresh one",
  );
  equal(said.length, 2);
});

Deno.test("custom: dokodemo backend new writes an example that works and knows nobody, and overwrites nothing", async () => {
  await using folder = await makeFolder();
  for (const name of ["mine.ts", "mine.js"]) {
    const file = `${folder.path}/${name}`;
    const { code, output } = await runProgram(["backend", "new", "custom", file]);
    equal(code, 0, output);
    equal(output, `${file} is written; its first lines say what to put into the configuration\n`);
    const text = await Deno.readTextFile(file);
    ok(text.includes(`//   file = "${file}"`));
    await using told = await openWith(CUSTOM, { file, ...BOTH }, { dataDir: "/" });
    deepEqual(await askPassword(told, "taro", { realm: "example.jp" }), { kind: "rejected", why: "unknown-user" });
    deepEqual(await told.backend.ask({ kind: "lookup", user: RIGHT.user }, never()), {
      kind: "rejected",
      why: "unknown-user",
    });
    deepEqual(await told.backend.probe(never()), { ok: true, value: undefined });
    await Deno.writeTextFile(file, text.replace(`  // ["taro@`, `  ["taro@`));
    const taro = (password: string) => askPassword(told, "taro", { password, realm: "example.jp" });
    equal((await taro("his password")).kind, "accepted");
    deepEqual(await taro("her password"), { kind: "rejected", why: "wrong-secret" });
    deepEqual(told.warnings, []);
    const again = await runProgram(["backend", "new", "custom", file]);
    deepEqual([again.code, again.output], [73, `dokodemo: Cannot write ${file}: it is there already\n`]);
  }
  equal((await runProgram(["backend", "new", "custom", `${folder.path}/mine.py`])).code, 64);
  equal((await runProgram(["backend", "new", "ldap", `${folder.path}/x.ts`])).code, 64);
  equal((await runProgram(["backend", "new", "custom", `${folder.path}/absent/x.ts`])).code, 73);
  ok(EXAMPLE_PLUGIN.endsWith("}\n"));
});

Deno.test("custom: check --connect says what is wrong with a plugin, and the host is not for people", async () => {
  await using place = await makePlace("export const b = {");
  const site = await makeSite(place.folder, {
    people: [],
    sasl: `pwcheck_method = ["mine"]`,
    more: `[backend.mine]\ntype = "custom"\nfile = "${place.file}"`,
  });
  const check = () => runProgram(["check", "--connect", "--config", site.config]);
  const wrong = await check();
  equal(wrong.code, 69, wrong.output);
  match(wrong.output, /^unreachable: backend mine after \d+ ms: the plugin ended with exit code 65: Cannot load /m);
  await place.write(PLUGIN);
  const right = await check();
  equal(right.code, 0, right.output);
  match(right.output, /^reached: backend mine in \d+ ms$/m);
  const { code, output } = await run(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", new URL("../../src/main.ts", import.meta.url).pathname, "plugin-host"],
  });
  deepEqual([code, output], [64, "dokodemo: plugin-host is for the backend custom, not for people\n"]);
});
