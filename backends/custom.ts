/**
 * The backend `custom`: a file of the administrator in JavaScript or TypeScript that answers questions, in a process of its own.
 *
 * @module
 */

import { z } from "zod";
import { pathToFileURL } from "node:url";
import type { Backend } from "../src/backend.ts";
import { type BackendHost, type BackendModule, BackendProblem, defineBackend } from "../src/backend_module.ts";
import { succeed } from "../src/lib/result.ts";
import { Helper } from "./lib/helper.ts";
import { createHelperBackend, type Respondent } from "./lib/helper_backend.ts";
import { answersKey, answersOf, argument, schemesKey, systemUser, tokensKey } from "./lib/helper_options.ts";
import { PLAIN_ENVIRONMENT, type Program } from "./lib/helper_process.ts";
import { askPlugin, findPlugin } from "./lib/plugin.ts";
import { findProgramFile } from "./lib/program_file.ts";
import { findRunAs } from "./lib/run_as.ts";

const grant = z.union([z.boolean(), z.array(argument)], { error: "expected true, false or a list" }).default(false);

const LEAST_MEMORY_MIB = 128;
const MEMORY_EXPECTED = `expected a size such as "256MiB", at least "${LEAST_MEMORY_MIB}MiB"`;

const OPTIONS = z.strictObject({
  /** A module that exports one object with a method `ask`. */
  file: argument.regex(/\.m?[jt]s$/, { error: "expected a file with a name in .js or .ts" }),
  answers: answersKey,
  schemes: schemesKey,
  tokens: tokensKey,
  /** What the plugin may reach: `host:port` or `host`; `true` is everything. */
  allowNet: grant,
  /** Files and folders beside its own folder. */
  allowRead: grant,
  /** Variables of the environment of this program. */
  allowEnv: z.array(argument.min(1), { error: "expected a list of names" }).default([]),
  /** Programs. Whatever they do is not bounded by the other permissions. */
  allowRun: grant,
  /** Most memory of its process in octets, the runtime's own 50 to 100 MiB included. */
  memory: z.string({ error: MEMORY_EXPECTED }).transform((text, context) => {
    const mebibytes = Number(/^(\d{1,6}) ?MiB$/.exec(text)?.[1] ?? 0);
    if (mebibytes >= LEAST_MEMORY_MIB) return mebibytes * 1024 ** 2;
    context.addIssue({ code: "custom", message: MEMORY_EXPECTED });
    return z.NEVER;
  }).default(256 * 1024 ** 2),
  /** Loaded into this program, with all that it may do, and without a bound. */
  trusted: z.boolean({ error: "expected true or false" }).default(false),
  /** Another user to run it as; only root can. */
  runAs: systemUser.optional(),
}).superRefine(({ trusted, runAs }, context) => {
  if (!trusted || runAs === undefined) return;
  const message = "has no effect with trusted = true: such a plugin is a part of this program";
  context.addIssue({ code: "custom", path: ["runAs"], message });
});

type Options = z.output<typeof OPTIONS>;

const DEADLINE_MS = 10_000;

/** The module of type `custom`. */
export const CUSTOM: BackendModule<typeof OPTIONS> = defineBackend({
  type: "custom",
  schema: OPTIONS,
  deadlineMs: DEADLINE_MS,
  needs: ["run"],
  open: async (name, options, host): Promise<Backend> => {
    const file = await findProgramFile(options.file, { folder: host.dataDir, executable: false });
    const respondent = options.trusted ? await loadHere(file) : await startThere(file, options, host);
    return createHelperBackend(name, { answers: answersOf(options), respondent, who: "the plugin" });
  },
});

/** In this process. The address is another with each change of the file: a module is loaded only once from each. */
async function loadHere(file: string): Promise<Respondent> {
  const url = `${pathToFileURL(file).href}#${await markOf(file)}`;
  const loaded: unknown = await import(url).catch((error) => {
    throw new BackendProblem(`Cannot load ${file}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const plugin = findPlugin(loaded);
  if (!plugin.ok) throw new BackendProblem(`Cannot use ${file}: ${plugin.problem}`);
  return {
    ask: async (fields, signal) => succeed(await askPlugin(plugin.value, fields, signal)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** In a process that the helper's protocol reaches. */
async function startThere(file: string, options: Options, host: BackendHost): Promise<Respondent> {
  const program = await hostProgram(file, options);
  return new Helper({
    ...{ noun: "plugin", program, warn: host.warn ?? (() => {}) },
    deadlineMs: host.deadlineMs ?? DEADLINE_MS,
    mark: () => markOf(file),
  });
}

async function hostProgram(file: string, options: Options): Promise<Program> {
  const { allowNet, allowRead, allowEnv, allowRun, memory, runAs } = options;
  const granted = { net: allowNet, read: allowRead, env: allowEnv, run: allowRun, memory };
  return {
    path: Deno.execPath(),
    args: [...ownArguments(), "plugin-host", file, JSON.stringify(granted)],
    env: { ...PLAIN_ENVIRONMENT, NO_COLOR: "1", ...runtimeEnvironment(), ...environment(allowEnv) },
    as: await findRunAs(runAs),
  };
}

function environment(names: readonly string[]): Readonly<Record<string, string>> {
  const refused = names.find((variable) => Deno.permissions.querySync({ name: "env", variable }).state !== "granted");
  if (refused !== undefined) {
    throw new BackendProblem(
      `Cannot use allow_env: this program was compiled without the permission to read ${refused}`,
    );
  }
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** The compiled program is itself; from the tree it is Deno with `main.ts`. */
function ownArguments(): readonly string[] {
  if (Deno.build.standalone) return [];
  return ["run", "-A", "--quiet", "--no-check", new URL("../src/main.ts", import.meta.url).pathname];
}

/** Deno itself, which runs the program from the tree, has a cache. */
function runtimeEnvironment(): Readonly<Record<string, string>> {
  return Deno.build.standalone ? {} : environment(["HOME", "DENO_DIR"]);
}

/** Another with each change of the file. */
async function markOf(file: string): Promise<string> {
  try {
    const { mtime, size, ino } = await Deno.stat(file);
    return `${mtime?.getTime()}-${size}-${ino}`;
  } catch {
    return "none";
  }
}
