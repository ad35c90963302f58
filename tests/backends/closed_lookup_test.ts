/** What is said of a locked account: to a recipient's look-up that it is there, to that of a login that it is closed. */

import { deepEqual, equal } from "node:assert/strict";
import { SHADOW } from "../../backends/shadow.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { SLAPD_PROGRAMS } from "../servers/slapd.ts";
import { never } from "./contract_lib.ts";
import { openLdap, PEOPLE_DN, REALM, serviceAccount, startDirectory } from "./ldap_people.ts";

const test = requirePrograms(SLAPD_PROGRAMS);
const HASH = "$6$saltsalt$xUYBn6PZYKh3RCxHorL6ZeL5IRnHsZqddDu/8KX3qKoKnD6lC4tPBZhw0ZJIf3K0z3wHrZ4dLQP33HSwG4H/L1";

async function askedBoth(backend: Backend, local: string, realm = REALM): Promise<readonly Answer[]> {
  const question = { kind: "lookup", user: { local, realm } } as const;
  return [await backend.ask(question, never()), await backend.ask({ ...question, login: true }, never())];
}

/** `known`, or why not. */
function saidOf(answers: readonly Answer[]): readonly string[] {
  return answers.map((answer) => answer.kind === "rejected" ? answer.why : answer.kind);
}

test("ldap: a look-up for a login sees the locks of the directory, as a bind does", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const service = await serviceAccount(folder.path);
  await using backend = await openLdap(slapd, { base: PEOPLE_DN, filter: "(uid={user})", ...service });
  deepEqual(saidOf(await askedBoth(backend, "locked")), ["known", "disabled"]);
  deepEqual(saidOf(await askedBoth(backend, "reset")), ["known", "must-change"]);
  deepEqual(saidOf(await askedBoth(backend, "nobody")), ["unknown-user", "unknown-user"]);
  const [one, other] = await askedBoth(backend, "taro");
  equal(one?.kind, "known");
  deepEqual(one, other);
});

Deno.test("shadow: a look-up for a login sees locked and expired accounts", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/shadow`;
  const lines = [
    `open:${HASH}:19000::::::`,
    `locked:!${HASH}:19000::::::`,
    `expired:${HASH}:19000:::::1:`,
    `aged:${HASH}:0::::::`,
    "nopassword:*:19000::::::",
  ];
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const host = {
    dataDir: folder.path,
    defaultRealm: REALM,
    accounts: () => {
      throw new TypeError("no store here");
    },
  };
  await using backend = await SHADOW.open("shadow", SHADOW.schema.parse({ file }), host);
  const said = async (local: string) => saidOf(await askedBoth(backend, local));
  deepEqual(await said("open"), ["known", "known"]);
  deepEqual(await said("locked"), ["known", "disabled"]);
  deepEqual(await said("expired"), ["known", "expired"]);
  deepEqual(await said("aged"), ["known", "must-change"]);
  deepEqual(await said("nopassword"), ["not-allowed", "not-allowed"]);
  deepEqual(await said("nobody"), ["unknown-user", "unknown-user"]);
});
