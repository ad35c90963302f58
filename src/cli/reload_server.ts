/**
 * Makes a running server take what a command has changed in files.
 *
 * @module
 */

import { requestOverSocket } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

/** Asks the server of a `data_dir` to reload. `done` is the sentence to print, without its end; the result is the exit code. */
export async function reloadServer(dataDir: string, done: string): Promise<number> {
  const answer = await requestOverSocket(`${dataDir}/control.sock`, { method: "POST", path: "/api/v1/reload" });
  if (!answer.ok) {
    if (answer.problem.kind === "no-server") {
      print(`${done} when the server starts`);
      return EXIT.ok;
    }
    complain(`The server does not know yet, reload it: ${answer.problem.message}`);
    return answer.problem.kind === "no-permission" ? EXIT.noPermission : EXIT.tempFail;
  }
  if (answer.value.status === 200) {
    print(`${done} from now on`);
    return EXIT.ok;
  }
  const mistakes: unknown = Reflect.get(Object(answer.value.body), "mistakes");
  complain("The server goes on as before, since it refuses the configuration:");
  for (const mistake of Array.isArray(mistakes) ? mistakes : []) complain(String(mistake));
  return EXIT.config;
}
