/**
 * The realm doctor: where else a name is known that nobody knows in the realm in which it was tried. What it finds is for the
 * administrator alone.
 *
 * @module
 */

import type { Backend, UserName } from "../backend.ts";
import { printable } from "../lib/text.ts";
import type { Log, LogEvent } from "../log/event.ts";
import { askBackend, canAsk, type ChainMember } from "./ask_backend.ts";
import { canonicalRealm, whySkipped } from "./members.ts";

/** The end of an exchange, as it is logged. */
export type AuthenticationEvent = Extract<LogEvent, { readonly kind: "authentication" }>;

/** Logs refusals of unknown names. Disposing it waits for those that are under way. */
export interface RealmDoctor extends AsyncDisposable {
  /** Logs the event with what is found about the name. Returns at once; nothing is looked for before the caller's reply is on its way. */
  log(event: AuthenticationEvent, user: UserName): void;
}

/** Makes one that looks at the accounts of this machine. */
export function createRealmDoctor(
  { backends, defaultRealm, log }: {
    readonly backends: readonly Backend[];
    readonly defaultRealm: string;
    readonly log: Log;
  },
): RealmDoctor {
  const local = backends.flatMap(({ local }) => local?.namesakes === undefined ? [] : [local]);
  const underWay = new Set<Promise<void>>();

  const examine = async (event: AuthenticationEvent, user: UserName) => {
    // Not in this turn: whoever measures the reply must not see whether there was something to find.
    await new Promise((resolve) => setTimeout(resolve));
    const found = await findNamesakesHere(local, user);
    const said = user.realm === defaultRealm ? `${user.realm}, or no realm` : user.realm;
    const advice = describeNamesakes(user, found, { said });
    log(advice === null ? event : { ...event, reason: `${event.reason}; ${advice.text}` });
  };

  return {
    log: (event, user) => {
      if (local.length === 0) return log(event);
      const examined = examine(event, user).finally(() => underWay.delete(examined));
      underWay.add(examined);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(underWay);
    },
  };
}

/** The accounts of this machine with this local part, the name itself not among them. A store that cannot be read has none. */
export async function findNamesakesHere(
  local: readonly Required<Backend>["local"][],
  user: UserName,
): Promise<readonly UserName[]> {
  const found: UserName[] = [];
  for (const accounts of local) {
    try {
      found.push(...await accounts.namesakes?.(user.local) ?? []);
    } catch {
      // It is said elsewhere when a store cannot be read; here there is only nothing to add.
    }
  }
  return distinct(found.filter((name) => !isSame(name, user)));
}

/**
 * Asks each member that can tell, also those on other machines, for the name in each of these realms. What cannot be told now counts as
 * not there. Never rejects.
 */
export async function findNamesakes(
  members: readonly ChainMember[],
  user: UserName,
  { realms, signal }: { readonly realms: readonly string[]; readonly signal: AbortSignal },
): Promise<readonly UserName[]> {
  const here = await findNamesakesHere(members.flatMap(({ backend }) => backend.local ?? []), user);
  const names = distinct(realms.map((realm) => ({ local: user.local, realm: canonicalRealm(realm) })))
    .filter((name) => !isSame(name, user));
  const asked = await Promise.all(names.map(async (name) => {
    const question = { kind: "lookup", user: name } as const;
    const able = members.filter((member) =>
      member.backend.local === undefined && canAsk(member.backend, question) && whySkipped(member, question) === null
    );
    const answers = await Promise.all(able.map((member) => askBackend(member, question, { signal, onBug: () => {} })));
    return answers.some(({ kind }) => kind === "known") ? [name] : [];
  }));
  return distinct([...here, ...asked.flat()]);
}

/** What is wrong with a name that somebody else has. */
export interface Advice {
  readonly wrong: "realm" | "case";
  /** "`taro` exists in realm example.jp, the client said mail.example.jp" */
  readonly text: string;
}

/** What was found, in words; `null`: nothing was. `said`: the realm, as it is to be told. */
export function describeNamesakes(
  user: UserName,
  found: readonly UserName[],
  { said }: { readonly said: string },
): Advice | null {
  const elsewhere = found.filter(({ realm }) => realm !== canonicalRealm(user.realm));
  const [other] = elsewhere.length > 0 ? elsewhere : found;
  if (other === undefined) return null;
  const name = `\`${printable(other.local, 64)}\``;
  if (elsewhere.length === 0) {
    return { wrong: "case", text: `${name} exists, the client said \`${printable(user.local, 64)}\`` };
  }
  const realms = [...new Set(elsewhere.map(({ realm }) => printable(realm, 255)))];
  const where = realms.length === 1 ? `realm ${realms[0]}` : `the realms ${realms.join(", ")}`;
  return { wrong: "realm", text: `${name} exists in ${where}, the client said ${printable(said, 300)}` };
}

function isSame(a: UserName, b: UserName): boolean {
  return a.local === b.local && canonicalRealm(a.realm) === canonicalRealm(b.realm);
}

function distinct(names: readonly UserName[]): readonly UserName[] {
  return [...new Map(names.map((name) => [`${name.local}@${name.realm}`, name])).values()];
}
