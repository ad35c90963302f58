import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { COMMAND } from "../../backends/command.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { requireRoot } from "../lib/root.ts";
import { FREERADIUS_PROGRAMS, startFreeradius } from "../servers/freeradius.ts";
import { findProgram, makeFolder, requirePrograms, runOrThrow } from "../servers/lib.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never } from "./contract_lib.ts";
import {
  accountLines,
  askPassword,
  FOREIGN,
  fromPage,
  openWith,
  PidFile,
  REALM,
  RIGHT,
  section,
  type Told,
  writeProgram,
} from "./helper_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

const python = requirePrograms(["python3"]);
const bash = requirePrograms(["bash"]);

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly command: readonly string[];
  stop(): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void> | void;
  resume(): Promise<void> | void;
}

/** The helper of the page. A script before it remembers its process, and refuses to start it while it is "stopped". */
async function pythonPlace(): Promise<Place> {
  const folder = await makeFolder({ open: true });
  const at = (name: string) => `${folder.path}/${name}`;
  await writeProgram(at("people.py"), fromPage("### A helper in Python", "python"));
  await Deno.writeTextFile(at("people"), accountLines([RIGHT, FOREIGN]));
  const first =
    `#!/bin/sh\n[ -e "$1/stopped" ] && { echo "not today" >&2; exit 1; }\necho $$ >"$1/pid"\nshift\nexec "$@"\n`;
  const command = [
    await writeProgram(at("first"), first),
    folder.path,
    findProgram("python3") ?? "",
    at("people.py"),
    at("people"),
  ];
  const process = new PidFile(at("pid"));
  return {
    ...{ folder: folder.path, command },
    stop: async () => {
      await Deno.writeTextFile(at("stopped"), "");
      process.signal("SIGKILL");
    },
    start: () => Deno.remove(at("stopped")),
    pause: () => process.signal("SIGSTOP"),
    resume: () => process.signal("SIGCONT"),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A checkpassword program that is run for each question, so it hangs and fails because of files. */
const CHECKPASSWORD = `#!/bin/bash
[ -e "$1/stopped" ] && exit 111
while [ -e "$1/paused" ]; do sleep 0.05; done
IFS= read -r -d '' user <&3 || exit 2
IFS= read -r -d '' password <&3 || exit 2
IFS= read -r -d '' stamp <&3 || exit 2
[[ $stamp =~ ^[0-9]+$ ]] || exit 2
while IFS=$'\\t' read -r known secret; do
  [ "$known" = "$user" ] && [ "$secret" = "$password" ] && exec "\${@:2}"
done <"$1/people"
exit 1
`;

async function bashPlace(): Promise<Place> {
  const folder = await makeFolder({ open: true });
  const at = (name: string) => `${folder.path}/${name}`;
  const lines = [RIGHT, FOREIGN].map(({ user: { local, realm }, password }) => `${local}@${realm}\t${password}\n`);
  await Deno.writeTextFile(at("people"), lines.join(""));
  const command = [await writeProgram(at("check"), CHECKPASSWORD), folder.path, "/bin/true"];
  return {
    ...{ folder: folder.path, command },
    stop: () => Deno.writeTextFile(at("stopped"), ""),
    start: () => Deno.remove(at("stopped")),
    pause: () => Deno.writeTextFile(at("paused"), ""),
    resume: () => Deno.remove(at("paused")),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

interface Opened extends OpenBackend {
  readonly place: Place;
}

function contract(
  name: string,
  { keys, place, tellsUnknown, test }: {
    readonly keys: Record<string, unknown>;
    readonly place: () => Promise<Place>;
    readonly tellsUnknown: boolean;
    readonly test: typeof python;
  },
): void {
  const open = async (place: Place) =>
    (await openWith(COMMAND, { command: place.command, ...keys }, { dataDir: "/", deadlineMs: 5000 })).backend;
  backendContract<Opened>(name, {
    open: async () => {
      const made = await place();
      const backend = await open(made);
      return {
        ...{ backend, place: made },
        async [Symbol.asyncDispose]() {
          await backend[Symbol.asyncDispose]();
          await made[Symbol.asyncDispose]();
        },
      };
    },
    right: RIGHT,
    foreign: FOREIGN,
    unknown: { local: "nobody", realm: REALM },
    tellsUnknown,
    deadlineMs: 5000,
    peer: {
      stop: ({ place }) => place.stop(),
      start: ({ place }) => place.start(),
      pause: ({ place }) => place.pause(),
      resume: ({ place }) => place.resume(),
      reopen: ({ place }) => open(place),
    },
    test,
  });
  smtpAuth("command", {
    open: async () => {
      const made = await place();
      const more = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
      return { ...made, section: [`command = ${JSON.stringify(made.command)}`, ...more].join("\n") };
    },
    right: { authcid: `${RIGHT.user.local}@${REALM}`, password: RIGHT.password },
    unknown: `nobody@${REALM}`,
    words: /helper|program|exit code|not today/,
    test: (title, run) => test(`${name}: ${title}`, run),
  });
}

contract("command, the page's helper in Python", {
  keys: { answers: ["password", "lookup"] },
  place: pythonPlace,
  tellsUnknown: true,
  test: python,
});
contract("command, a checkpassword program", {
  keys: { interface: "checkpassword" },
  place: bashPlace,
  tellsUnknown: false,
  test: bash,
});

Deno.test("the section command has its keys, and those of one interface are not those of the other", () => {
  equal(BACKENDS.get("command"), COMMAND);
  deepEqual(COMMAND.needs, ["run"]);
  const command = ["/bin/true"];
  deepEqual(COMMAND.schema.parse({ command }), {
    ...{ command, interface: "json", answers: ["password"], schemes: [], tokens: [] },
  });
  for (
    const wrong of [
      {},
      { command: [] },
      { command: "/bin/true" },
      { command: ["/bin/true\0"] },
      { command, interface: "xml" },
      { command, answers: ["verifiers"] },
      { command, interface: "checkpassword", answers: ["password", "lookup"] },
      { command, interface: "checkpassword", schemes: ["cram-md5"] },
      { command, userName: "{user}" },
      { command, runAs: "-x" },
    ]
  ) equal(COMMAND.schema.safeParse(wrong).success, false, JSON.stringify(wrong));
});

Deno.test("command: what cannot be run at all is told at the start", async () => {
  await using folder = await makeFolder();
  const problem = (command: readonly string[], keys: Record<string, unknown> = {}) =>
    openWith(COMMAND, { command, ...keys }, { dataDir: folder.path }).then(() => "none", (error) => {
      ok(error instanceof BackendProblem, String(error));
      return error.message;
    });
  equal(await problem(["absent"]), `Cannot use ${folder.path}/absent: there is no such file`);
  equal(await problem(["/tmp"]), "Cannot use /tmp: it is not a file");
  await Deno.writeTextFile(`${folder.path}/plain`, "", { mode: 0o644 });
  equal(await problem(["plain"]), `Cannot use ${folder.path}/plain: it is not executable; chmod +x`);
  await Deno.chmod(`${folder.path}/plain`, 0o757);
  equal(await problem(["plain"]), `Cannot use ${folder.path}/plain: everybody may change it; chmod o-w`);
  equal(await problem(["/bin/true"], { run_as: "nobody-here" }), "Cannot run a program as nobody-here: no such user");
});

/** A backend over a helper in shell. */
async function openShell(
  text: string,
  keys: Record<string, unknown> = {},
): Promise<Told & { readonly folder: string }> {
  const folder = await makeFolder({ open: true });
  const command = [await writeProgram(`${folder.path}/helper`, text), folder.path];
  const told = await openWith(COMMAND, { command, ...keys }, { dataDir: folder.path, deadlineMs: 300 });
  return {
    ...{ folder: folder.path, backend: told.backend, warnings: told.warnings },
    async [Symbol.asyncDispose]() {
      await told[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const HELLO = `#!/bin/sh\necho '{"dokodemo":1}'\n`;

Deno.test("command: a helper that is none is killed or has ended, and the log says why", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["#!/bin/sh\necho hello\nsleep 60\n", /^the helper wrote a line that is no JSON object and was killed$/],
    [
      `#!/bin/sh\necho '{"id":1,"kind":"accepted"}'\nsleep 60\n`,
      /^the helper did not begin with {"dokodemo":1} and was killed$/,
    ],
    [`#!/bin/sh\necho '{"dokodemo":2}'\nsleep 60\n`, /^the helper did not begin with/],
    ["#!/bin/sh\nexec cat\n", /^the helper was silent for 1300 ms and was killed$/],
    ["#!/bin/sh\nsleep 60\n", /^the helper was silent for 1300 ms and was killed$/],
    [`${HELLO}sleep 60\n`, /^the helper was silent for 1300 ms and was killed$/],
    ["#!/bin/sh\necho out of order >&2\nexit 3\n", /^the helper ended with exit code 3: out of order$/],
    ["#!/bin/absent\n", /^the helper cannot be started: /],
    [`${HELLO}read line\necho "$line" >&2\nexit 4\n`, /^the helper ended with exit code 4$/],
    [`${HELLO}read line\nkill -TERM $$\n`, /^the helper was ended by SIGTERM$/],
    [
      `${HELLO}read line\nhead -c 300000 /dev/zero | tr '\\0' x\nsleep 60\n`,
      /^the helper wrote a line of more than 262144/,
    ],
    [`${HELLO}read line\necho '[1]'\nsleep 60\n`, /^the helper wrote a line that is no JSON object and was killed$/],
    [`${HELLO}read line\nprintf '\\377\\n'\nsleep 60\n`, /^the helper wrote a line that is no JSON object/],
  ];
  for (const [text, expected] of cases) {
    await using told = await openShell(text);
    const answer = await askPassword(told, "shin");
    ok(answer.kind === "unavailable", JSON.stringify(answer));
    match(answer.cause, expected);
    ok(told.warnings.some((line) => expected.test(line)), told.warnings.join("\n"));
  }
});

Deno.test("command: what it says on its standard error is logged without control characters, cut, and not without end", async () => {
  const noise = `i=0; while [ $i -lt 200 ]; do echo "line $i" >&2; i=$((i+1)); done`;
  await using told = await openShell(
    `#!/bin/sh\nprintf 'a\\033[31mb\\n' >&2\nhead -c 1000 /dev/zero | tr '\\0' y >&2; echo >&2\n${noise}\nexit 1\n`,
  );
  await askPassword(told, "shin");
  const said = told.warnings.filter((line) => line.startsWith("the helper says: "));
  equal(said.length, 50);
  equal(said[0], "the helper says: a?[31mb");
  equal(said[1], `the helper says: ${"y".repeat(500)}...`);
});

/** Answers each question with `$1`, a file of fields. */
const REPEATS = `${HELLO}while IFS= read -r line; do
id=\${line#*:}; id=\${id%%,*}
printf '{"id":%s,%s}\\n' "$id" "$(cat "$1/answer")"
done
`;

Deno.test("command: an answer that is none, or not to this question, is a fault of the helper and never a yes or a no", async () => {
  await using told = await openShell(REPEATS, {
    answers: ["password", "lookup"],
    schemes: ["scram-sha-1"],
    tokens: ["x"],
  });
  const { backend, folder } = told;
  const says = (fields: string) => Deno.writeTextFile(`${folder}/answer`, fields);
  const lies = [
    `"kind":"yes"`,
    `"kind":true`,
    `"answer":"accepted"`,
    `"kind":"accepted","account":"shin"`,
    `"kind":"accepted","account":{"name":"shin"}`,
    `"kind":"accepted","account":{"name":"../x@${REALM}"}`,
    `"kind":"accepted","account":{"name":"shin@BAZ.co.jp"}`,
    `"kind":"accepted","account":{"name":7}`,
    `"kind":"accepted","account":{"addresses":"*"}`,
    `"kind":"accepted","account":{"addresses":["a\\nb"]}`,
    `"kind":"accepted","version":""`,
    `"kind":"rejected"`,
    `"kind":"rejected","why":"because"`,
    `"kind":"fault","text":"no idea"`,
    `"kind":"verifiers","verifiers":[]`,
  ];
  for (const lie of lies) {
    await says(lie);
    await rejects(
      askPassword(told, "shin"),
      (error: Error) => /^the helper (gave an answer that is none|no idea)/.test(error.name),
      lie,
    );
  }
  // The right kind of object to another kind of question: the core refuses it.
  await says(`"kind":"known"`);
  equal((await askPassword(told, "shin")).kind, "known");

  const verifiers = (fields: string) => says(`"kind":"verifiers","verifiers":[${fields}]`);
  const asked = {
    kind: "verifiers",
    user: RIGHT.user,
    scheme: "scram-sha-1",
    origin: { remote: "", listener: "", tls: null, mechanism: "" },
  } as const;
  const key = new Uint8Array(20).toBase64();
  const scram = `"scheme":"scram-sha-1","iterations":4096,"storedKey":"${key}","serverKey":"${key}"`;
  for (
    const wrong of [
      `{${scram}}`,
      `{${scram},"salt":"??"}`,
      `{${scram},"salt":"AAAA"},{${scram},"salt":"AAAB"}`,
      `{"scheme":"cram-md5","inner":"${new Uint8Array(16).toBase64()}","outer":"${new Uint8Array(16).toBase64()}"}`,
    ]
  ) {
    await verifiers(wrong);
    await rejects(backend.ask(asked, never()), (error: Error) => /^the helper gave/.test(error.name), wrong);
  }
  await verifiers(`{${scram},"salt":"AAAA"}`);
  const answer = await backend.ask(asked, never());
  ok(answer.kind === "verifiers" && answer.account?.name === `shin@${REALM}` && !answer.decoy);

  const token = {
    kind: "token",
    scheme: "x",
    octets: new Uint8Array([0, 255]),
    handle: null,
    origin: asked.origin,
  } as const;
  await says(`"kind":"continue","challenge":"AP8=","handle":"h"`);
  deepEqual(await backend.ask(token, never()), { kind: "continue", challenge: new Uint8Array([0, 255]), handle: "h" });
  await says(`"kind":"accepted"`);
  await rejects(backend.ask(token, never()), {
    name: "the helper accepted somebody without saying whose account it is",
  });
  await says(
    `"kind":"accepted","account":{"name":"a@${REALM}","addresses":["@b.jp"]},"credential":"phone","version":"7"`,
  );
  deepEqual(await backend.ask(token, never()), {
    kind: "accepted",
    account: { name: `a@${REALM}`, backend: "mine", addresses: ["@b.jp"], groups: [], attributes: {} },
    ...{ credential: "phone", version: "7" },
  });
  // A name as the client gave it that cannot be an account's, accepted without another.
  await says(`"kind":"accepted"`);
  equal((await askPassword(told, "../shin")).kind, "rejected");
  await says(`"kind":"unavailable","cause":"closed\\n today"`);
  deepEqual(await askPassword(told, "shin"), { kind: "unavailable", cause: "closed? today" });
  await says(`"kind":"rejected","why":"disabled","note":"since May"`);
  deepEqual(await askPassword(told, "shin"), { kind: "rejected", why: "disabled", note: "since May" });
});

Deno.test("command: many are under way, and answers find their questions in any order", async () => {
  // Answers only when 10 questions are there, the last one first.
  await using told = await openShell(`${HELLO}n=0; all=
while IFS= read -r line; do
id=\${line#*:}; id=\${id%%,*}
name=\${line#*local\\":\\"}; name=\${name%%\\"*}
all="{\\"id\\":$id,\\"kind\\":\\"rejected\\",\\"why\\":\\"unknown-user\\",\\"note\\":\\"$name\\"}
$all"
n=$((n+1)); [ $n -eq 10 ] && printf '{"id":99999,"kind":"accepted"}\\n%s' "$all"
done
`);
  const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => askPassword(told, `n${at}`)));
  deepEqual(
    answers.map((answer) => answer.kind === "rejected" ? answer.note : answer),
    Array.from({ length: 10 }, (_, at) => `n${at}`),
  );
});

Deno.test("command: after its end there is a pause, which grows, and a new backend has none", async () => {
  await using told = await openShell(`#!/bin/sh\necho x >>"$1/starts"\nexit 1\n`);
  const starts = async () => (await Deno.readTextFile(`${told.folder}/starts`)).length / 2;
  const answers = [];
  for (let at = 0; at < 50; at++) answers.push(await askPassword(told, "shin"));
  ok(answers.every(({ kind }) => kind === "unavailable"));
  ok(
    answers.some((answer) => answer.kind === "unavailable" && /it may be started again in \d+ ms$/.test(answer.cause)),
  );
  ok(await starts() < 6, `${await starts()} starts`);
  const before = await starts();
  await using again = await openWith(COMMAND, { command: [`${told.folder}/helper`, told.folder] }, { dataDir: "/" });
  await askPassword(again, "shin");
  equal(await starts(), before + 1);
});

Deno.test("command: no password and nothing of our environment is in its arguments and its environment", async () => {
  await using told = await openShell(`${HELLO}read line
{ tr '\\0' '\\n' </proc/$$/environ; tr '\\0' '\\n' </proc/$$/cmdline; pwd; } >"$1/seen"
printf '{"id":1,"kind":"accepted"}\\n'
read line
`);
  equal((await askPassword(told, "shin")).kind, "accepted");
  const seen = (await Deno.readTextFile(`${told.folder}/seen`)).split("\n");
  deepEqual(seen.slice(0, 2).map((line) => line.split("=")[0]).toSorted(), ["LANG", "PATH"]);
  deepEqual(seen.slice(2, -1), ["/bin/sh", `${told.folder}/helper`, told.folder, "/"]);
});

Deno.test("command: what it has started is killed with it, and so is what does not end when its input does", async () => {
  const folder = await makeFolder();
  const text = `#!/bin/sh\nsleep 600 &\necho $! >"$1/child"\necho $$ >"$1/pid"\n${HELLO}sleep 600\n`;
  const command = [await writeProgram(`${folder.path}/helper`, text), folder.path];
  const told = await openWith(COMMAND, { command }, { dataDir: "/", deadlineMs: 100 });
  equal((await askPassword(told, "shin")).kind, "unavailable");
  await told[Symbol.asyncDispose]();
  for (const name of ["pid", "child"]) {
    const pid = (await Deno.readTextFile(`${folder.path}/${name}`)).trim();
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
    // Killed, and perhaps not yet waited for by its new parent.
    ok(state === "gone" || /\) Z /.test(state), state);
  }
  await folder[Symbol.asyncDispose]();
});

requireRoot()("command: run_as runs it as another user, without our groups", async () => {
  await using told = await openShell(
    `${HELLO}read line\nprintf '{"id":1,"kind":"rejected","why":"disabled","note":"%s"}\\n' "$(id -un) $(id -G)"\nread line\n`,
    { run_as: "nobody" },
  );
  const gid = (await runOrThrow("id", { args: ["-g", "nobody"] })).trim();
  deepEqual(await askPassword(told, "shin"), { kind: "rejected", why: "disabled", note: `nobody ${gid}` });
});

Deno.test("command: exit codes of a checkpassword program, and what is too long for it", async () => {
  const text = `#!/bin/sh\n[ -n "$2" ] && kill -$2 $$\necho "TCPREMOTEIP=$TCPREMOTEIP" >>"$3/asked"\nexit $1\n`;
  await using folder = await makeFolder();
  const program = await writeProgram(`${folder.path}/check`, text);
  const open = (code: string, signal = "") =>
    openWith(COMMAND, { command: [program, code, signal, folder.path], interface: "checkpassword" }, { dataDir: "/" });
  const cases: readonly (readonly [string, string])[] = [
    ["0", "accepted"],
    ["1", "rejected"],
    ["2", "unavailable"],
    ["3", "unavailable"],
    ["111", "unavailable"],
    ["127", "unavailable"],
  ];
  for (const [code, kind] of cases) {
    await using told = await open(code);
    equal((await askPassword(told, "shin")).kind, kind, code);
    equal((await told.backend.probe(never())).ok, kind !== "unavailable", code);
  }
  await using killed = await open("0", "KILL");
  deepEqual(await askPassword(killed, "shin"), { kind: "unavailable", cause: "the program was ended by SIGKILL" });
  await using yes = await open("0");
  const asked = async () => (await Deno.readTextFile(`${folder.path}/asked`)).split("\n").length;
  const before = await asked();
  match(await Deno.readTextFile(`${folder.path}/asked`), /^TCPREMOTEIP=192\.0\.2\.1$/m);
  equal((await askPassword(yes, "shin", { password: "x".repeat(512) })).kind, "rejected");
  equal((await askPassword(yes, "shin", { password: "a\0b" })).kind, "rejected");
  equal(await asked(), before, "it was asked all the same");
});

Deno.test("command: a checkpassword program is told the name in the form that is configured", async () => {
  await using place = await bashPlace();
  await Deno.writeTextFile(`${place.folder}/people`, `shin\t${RIGHT.password}\n`);
  await using told = await openWith(
    COMMAND,
    { command: place.command, interface: "checkpassword", user_name: "{user}" },
    { dataDir: "/" },
  );
  equal((await askPassword(told, "shin")).kind, "accepted");
  deepEqual(await askPassword(told, "shin", { realm: "other.example" }), { kind: "rejected", why: "unknown-user" });
});

requirePrograms(["jq", "openssl"])("command: the page's helper in shell", async () => {
  await using folder = await makeFolder();
  const helper = await writeProgram(`${folder.path}/helper`, fromPage("### A helper in shell", "sh"));
  const hash = await runOrThrow("openssl", { args: ["passwd", "-6", "-stdin"], input: `${RIGHT.password}\n` });
  await Deno.mkdir(`${folder.path}/people`);
  await Deno.writeTextFile(`${folder.path}/people/shin@${REALM}`, hash);
  await using told = await openWith(COMMAND, { command: [helper, `${folder.path}/people`] }, { dataDir: "/" });
  const kinds = async (local: string, password: string) => {
    const answer = await askPassword(told, local, { password });
    return answer.kind === "rejected" ? answer.why : answer.kind;
  };
  equal(await kinds("shin", RIGHT.password), "accepted");
  for (const wrong of ["x", `${RIGHT.password}\n`, `${RIGHT.password}\nx`, `'"$(id)\\`, "-6", "x".repeat(10_000)]) {
    equal(await kinds("shin", wrong), "wrong-secret", wrong.slice(0, 20));
  }
  for (const name of ["nobody", "constructor", "..", "../people/shin", "*", "-x", "$(id)", 'shin"', "shin\\"]) {
    equal(await kinds(name, RIGHT.password), "unknown-user", name);
  }
  deepEqual(await told.backend.probe(never()), { ok: true, value: undefined });
});

requirePrograms([...FREERADIUS_PROGRAMS, "radclient", "bash"])(
  "command: the page's helper with radclient",
  async () => {
    await using folder = await makeFolder();
    const shared = { secret: "shared secret 1" };
    const strange = 'a"b\\\\c %{User-Name} %n $x `id`';
    const radius = await startFreeradius({
      ...shared,
      accounts: { [`shin@${REALM}`]: RIGHT.password, [`hana@${REALM}`]: strange },
    });
    await using daemon = radius.daemon;
    await Deno.writeTextFile(`${folder.path}/secret`, `${shared.secret}\n`, { mode: 0o600 });
    const keys = section(fromPage("### checkpassword", "toml"), "radclient");
    const program = await writeProgram(`${folder.path}/check`, fromPage("### checkpassword", "bash"));
    const command = [program, `127.0.0.1:${radius.port}`, `${folder.path}/secret`];
    await using told = await openWith(COMMAND, { ...keys, command }, { dataDir: "/" });
    const kind = async (local: string, password: string) => (await askPassword(told, local, { password })).kind;
    equal(await kind("shin", RIGHT.password), "accepted");
    equal(await kind("hana", strange), "accepted");
    for (
      const wrong of ["x", `${RIGHT.password}'`, `'\nUser-Name = 'hana`, RIGHT.password.slice(1), `${RIGHT.password}\\`]
    ) {
      equal(await kind("shin", wrong), "rejected", wrong);
    }
    for (const name of ["nobody", "Received Access-Accept ", "shin'", "shin\\", "%{User-Password}"]) {
      equal(await kind(name, RIGHT.password), "rejected", name);
    }
    await daemon.stop();
    equal(await kind("shin", RIGHT.password), "unavailable");
    ok(told.warnings.some((line) => line === `the program says: no answer of 127.0.0.1:${radius.port}`));
    await daemon.start();
    equal(await kind("shin", RIGHT.password), "accepted");
  },
);
