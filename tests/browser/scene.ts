/**
 * Where the walks happen: the running program with pages over HTTPS, and what can be tried out over SMTP.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ClientMechanismName } from "../../src/sasl/client.ts";
import { PEOPLE } from "../lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, logIn } from "../lib/submission.ts";
import { enrol, type Phone } from "../http/phone.ts";
import { quietPort } from "../http/page_client.ts";
import { makeFolder } from "../servers/lib.ts";
import type { Inspector } from "./inspector.ts";
import type { Visitor } from "./browser.ts";

/** What a walk has. */
export interface WalkParts {
  readonly scene: Scene;
  /** `null`: nobody looks closely. */
  readonly inspector: Inspector | null;
  readonly visitor: Visitor;
}

/** The server, its people and what they know. */
export interface Scene extends AsyncDisposable {
  readonly site: Site;
  readonly program: RunningProgram;
  readonly origin: string;
  readonly person: { readonly name: string; readonly password: string };
  readonly administrator: { readonly name: string; readonly password: string; readonly phone: Phone };
  /** The reply codes to a login over SMTP by each of these mechanisms. */
  replies(user: string, password: string, mechanisms: readonly ClientMechanismName[]): Promise<readonly string[]>;
}

const PERSON = "shin@baz.co.jp";
const ADMINISTRATOR = "yuki@baz.co.jp";

/** Opens it. */
export async function openScene(): Promise<Scene> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await makeFolder());
  const [msas, msa] = [quietPort(), quietPort()];
  const site = await makeSite(folder.path, {
    listeners: `[[listener]]
name = "msas"
address = "127.0.0.1:${msas}"
role = "msa"
tls = "implicit"
[[listener]]
name = "msa"
address = "127.0.0.1:${msa}"
role = "msa"`,
    more: `[http]
address = "127.0.0.1:0"
tls = true
[http.profiles]
name = "Foobar"
imap = { address = "imap.foobar.co.jp:993" }
`,
  });
  const phone = await enrol(site, ADMINISTRATOR);
  const program = opened.use(await startProgram(site));
  const kept = opened.move();
  return {
    site,
    program,
    origin: `https://localhost:${program.port("http")}`,
    person: { name: PERSON, password: passwordOf(PERSON) },
    administrator: { name: ADMINISTRATOR, password: passwordOf(ADMINISTRATOR), phone },
    replies: async (authcid, password, mechanisms) => {
      const codes: string[] = [];
      for (const mechanism of mechanisms) {
        using client = await converse(program, site, { login: null });
        codes.push((await logIn(client, { authcid, password, mechanism })).slice(0, 3));
      }
      return codes;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function passwordOf(name: string): string {
  const person = PEOPLE.find(({ local, realm }) => `${local}@${realm}` === name);
  assert.ok(person !== undefined);
  return person.password;
}
