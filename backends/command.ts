/**
 * The backend `command`: a program of the administrator that checks passwords, a helper that runs on, or one run for each question.
 *
 * @module
 */

import { z } from "zod";
import type { Backend } from "../src/backend.ts";
import { type BackendHost, type BackendModule, defineBackend } from "../src/backend_module.ts";
import { createCheckpasswordBackend } from "./command_checkpassword.ts";
import { Helper } from "./lib/helper.ts";
import { createHelperBackend } from "./lib/helper_backend.ts";
import { answersKey, answersOf, argument, schemesKey, systemUser, tokensKey } from "./lib/helper_options.ts";
import { PLAIN_ENVIRONMENT, type Program } from "./lib/helper_process.ts";
import { findProgramFile } from "./lib/program_file.ts";
import { findRunAs } from "./lib/run_as.ts";
import { nameForm } from "./lib/values.ts";

const INTERFACES = ["json", "checkpassword"] as const;

const OPTIONS = z.strictObject({
  /** The program and its arguments. A relative path is under `data_dir`; there is no search in PATH, and no shell. */
  command: z.array(argument, { error: 'expected a list such as ["/usr/local/libexec/check", "--fast"]' })
    .min(1, { error: "expected a program" }),
  interface: z.enum(INTERFACES, { error: 'expected one of "json", "checkpassword"' }).default("json"),
  /** How a checkpassword program is told the name; the other interface tells the parts. */
  userName: nameForm.optional(),
  answers: answersKey,
  schemes: schemesKey,
  tokens: tokensKey,
  /** Another user to run it as; only root can. */
  runAs: systemUser.optional(),
}).superRefine(({ interface: spoken, answers, schemes, tokens, userName }, context) => {
  const tell = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  const more = schemes.length + tokens.length > 0 || answers.some((kind) => kind !== "password");
  if (spoken === "checkpassword" && more) tell("interface", "checkpassword answers passwords and nothing else");
  if (spoken === "json" && userName !== undefined) {
    tell("userName", 'has an effect with interface = "checkpassword" only');
  }
});

const DEADLINE_MS = 10_000;

/** The module of type `command`. */
export const COMMAND: BackendModule<typeof OPTIONS> = defineBackend({
  type: "command",
  schema: OPTIONS,
  deadlineMs: DEADLINE_MS,
  needs: ["run"],
  open: async (name, options, host): Promise<Backend> => {
    const program = await findProgram(options, host);
    const warn = host.warn ?? (() => {});
    if (options.interface === "checkpassword") {
      const { userName = "{user}@{realm}" } = options;
      return createCheckpasswordBackend(name, { program, userName, warn, host });
    }
    const { deadlineMs = DEADLINE_MS } = host;
    const respondent = new Helper({ noun: "helper", program, deadlineMs, warn });
    return createHelperBackend(name, { answers: answersOf(options), respondent, who: "the helper" });
  },
});

async function findProgram(
  { command: [file = "", ...args], runAs }: z.output<typeof OPTIONS>,
  { dataDir }: BackendHost,
): Promise<Program> {
  const path = await findProgramFile(file, { folder: dataDir, executable: true });
  return { path, args, env: PLAIN_ENVIRONMENT, as: await findRunAs(runAs) };
}
