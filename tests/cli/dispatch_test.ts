import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { commandLine, dokodemo, environment, makeSite } from "./lib.ts";

const golden = (name: string) => Deno.readTextFile(new URL(`../golden/cli/${name}`, import.meta.url));

Deno.test("help shows the commands in groups", async () => {
  const expected = await golden("help.txt");
  for (const args of [["--help"], ["-h"], ["help"]]) {
    assert.deepEqual(await dokodemo(args), { code: 0, stdout: expected, stderr: "" });
  }
  assert.deepEqual(await dokodemo([]), { code: 64, stdout: "", stderr: expected });
});

Deno.test("help of a command with subcommands, and of one of those", async () => {
  assert.deepEqual(await dokodemo(["user", "--help"]), { code: 0, stdout: await golden("user.txt"), stderr: "" });
  const add = { code: 0, stdout: await golden("user_add.txt"), stderr: "" };
  assert.deepEqual(await dokodemo(["user", "add", "--help"]), add);
  assert.deepEqual(await dokodemo(["help", "user", "add"]), add);
});

Deno.test("each command of the table builds, under its name, with a description", async () => {
  for (const [name, entry] of COMMANDS) {
    const tree = (await entry.load()).command.build();
    assert.equal(tree.name(), `dokodemo ${name}`);
    assert.notEqual(tree.description(), "", name);
  }
});

Deno.test("an unknown command is a usage error with the nearest one", async () => {
  const near = await dokodemo(["usr"]);
  assert.deepEqual(near, { code: 64, stdout: "", stderr: 'dokodemo: There is no command "usr": did you mean user?\n' });
  const far = await dokodemo(["frobnicate\n"]);
  const stderr = 'dokodemo: There is no command "frobnicate?": dokodemo --help lists them\n';
  assert.deepEqual(far, { code: 64, stdout: "", stderr });
  assert.equal((await dokodemo(["constructor"])).code, 64);
});

Deno.test("wrong options, arguments and subcommands are usage errors", async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["user", "ad", "x"], /^dokodemo: unknown command 'ad'\n\(Did you mean add\?\)\n$/],
    [["user", "add"], /^dokodemo: missing required argument 'USER@REALM'\n$/],
    [["user", "list", "--jsn"], /^dokodemo: unknown option '--jsn'\n\(Did you mean --json\?\)\n$/],
    [["user", "list", "more"], /^dokodemo: too many arguments/],
    [["version", "--x"], /^dokodemo: unknown option '--x'\n/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await dokodemo(args);
    assert.deepEqual([code, stdout], [64, ""], args.join(" "));
    assert.match(stderr, expected);
  }
  assert.equal((await dokodemo(["user"])).code, 64);
});

Deno.test("version has one line, and loads no library for it", async () => {
  const { code, stdout } = await dokodemo(["version"]);
  assert.equal(code, 0);
  assert.equal(stdout, `dokodemo ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})\n`);
  assert.deepEqual(await dokodemo(["--version"]), { code: 0, stdout, stderr: "" });
  const { stdout: info } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL("../../src/main.ts", import.meta.url).href],
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(info));
  const byName = new Map<string, Module>(modules.map((module: Module) => [module.specifier, module]));
  const loaded = new Set<string>();
  const follow = (specifier: string) => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (const { isDynamic, code, type } of byName.get(specifier)?.dependencies ?? []) {
      if (isDynamic !== true && type === undefined && code?.specifier !== undefined) follow(code.specifier);
    }
  };
  follow(new URL("../../src/main.ts", import.meta.url).href);
  assert.deepEqual([...loaded].filter((specifier) => specifier.startsWith("npm:")), []);
  assert.ok(loaded.size > 5 && loaded.size < 15, `${loaded.size} modules: ${[...loaded].join(" ")}`);
});

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly type?: unknown;
    readonly code?: { readonly specifier?: string };
  }[];
}

Deno.test("a reader that has gone is no error to tell", async () => {
  // `true` has ended long before the program writes; standard error then has nothing but the exit code.
  const script = '{ "$@"; echo $? >&2; } | true';
  const { stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...commandLine(["completions", "bash"])],
    clearEnv: true,
    env: environment(),
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "141\n");
});

Deno.test("output that cannot be written is told and ends with 73: it is no bug", async () => {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", '"$@" >/dev/full', "sh", ...commandLine(["version"])],
    clearEnv: true,
    env: environment(),
  }).output();
  assert.equal(code, 73);
  assert.match(new TextDecoder().decode(stderr), /^dokodemo: Cannot write the output: No space left on device/);
});

Deno.test("a bug is one line and 70, and its stack only on request", async () => {
  await using site = await makeSite();
  // Something that no code here expects.
  const preload = `${site.folder}/bug.ts`;
  await Deno.writeTextFile(
    preload,
    'Object.defineProperty(Deno, "uid", { value: () => { throw new TypeError("odd"); } });\n',
  );
  const run = async (env: Record<string, string>) => {
    const [program = "", , ...rest] = commandLine(["user", "list"]);
    const { code, stderr } = await new Deno.Command(program, {
      args: ["run", "--preload", preload, ...rest],
      clearEnv: true,
      env: environment({ DOKODEMO_CONFIG: site.config, ...env }),
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  assert.deepEqual(await run({}), { code: 70, stderr: "dokodemo: This is a bug: odd\n" });
  assert.match((await run({ DOKODEMO_DEBUG: "1" })).stderr, /^dokodemo: This is a bug: odd\nTypeError: odd\n +at /);
});
