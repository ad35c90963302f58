/**
 * `dokodemo passwd`: a person's own password, through the socket that everybody on the machine may use. It needs neither the
 * configuration nor the account store.
 *
 * @module
 */

import { join } from "node:path";
import { z } from "zod";
import { printable } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir, requestOverSocket, type SocketAnswer } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { readHidden, readNewPassword } from "./prompt.ts";

const PROBLEM = z.object({ detail: z.string() });

/** Changes one's own password with the old one. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("passwd", "Changes your own password. The server asks for the old one, and has to run."))
      .argument("[USER@REALM]", "the account; default: your login name in the default realm")
      .action(exits(run)),
};

async function run(account: string | undefined, options: ConfigOption): Promise<number> {
  const user = account ?? Deno.env.get("USER") ?? "";
  if (user === "") {
    complain("Cannot tell who you are: give USER@REALM");
    return EXIT.usage;
  }
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) {
    complain(dataDir.problem);
    return EXIT.config;
  }
  print(`Changing the password of ${printable(user, 300)} (the old one is checked once the new one is typed)`);
  const old = readHidden("Old password: ");
  if (!old.ok) return old.problem;
  const fresh = readNewPassword({ first: "New password: ", again: "Again (for verification): " });
  if (!fresh.ok) return fresh.problem;
  const answer = await requestOverSocket(join(dataDir.value, "public.sock"), {
    method: "POST",
    path: "/v1/password",
    body: { user, oldPassword: old.value, newPassword: fresh.value },
  });
  if (answer.ok) return report(answer.value);
  complain(
    answer.problem.kind === "no-server" ? `The server does not run: ${answer.problem.message}` : answer.problem.message,
  );
  return EXIT.unavailable;
}

function report({ status, body }: SocketAnswer): number {
  if (status >= 200 && status < 300) {
    print("The password is changed");
    return EXIT.ok;
  }
  const problem = PROBLEM.safeParse(body);
  complain(problem.success ? printable(problem.data.detail, 300) : `The server answered ${status}`);
  if (status === 403) return EXIT.noPermission;
  if (status === 503) return EXIT.tempFail;
  return status >= 500 ? EXIT.unavailable : EXIT.data;
}
