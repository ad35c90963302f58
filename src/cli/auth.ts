/**
 * `dokodemo auth test`: one login, by the same mechanisms, chain and verdict as in a session.
 *
 * @module
 */

import type { Command } from "commander";
import { Option } from "commander";
import { appPasswordAnswers, takesAppPasswords } from "../auth/app_passwords.ts";
import type { Authenticator, ConcludedVerdict } from "../auth/authenticator.ts";
import { answersForOffer, chainMembers, servedRealms } from "../auth/members.ts";
import { createOffer } from "../auth/offered.ts";
import { type Advice, type AuthenticationEvent, describeNamesakes, findNamesakes } from "../auth/realm_doctor.ts";
import type { Backend, Origin, UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { type Failure, findFailure, type LoginFacts, loginSteps } from "../http/login_steps.ts";
import { translator } from "../http/pages/language.ts";
import { unreachable } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../sasl/client.ts";
import type { ClientTurn } from "../sasl/client_exchange.ts";
import type { ExchangeInput, ExchangeOutcome, Mechanism } from "../sasl/mechanism.ts";
import { mechanismNamed, MECHANISMS } from "../sasl/mechanisms.ts";
import { parseUserName } from "../sasl/user_name.ts";
import { REPLIES } from "../smtp/replies.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { type OpenChain, openChain } from "./open_chain.ts";
import { complain, print } from "./output.ts";
import { readHidden, readPasswordFromStdin } from "./prompt.ts";
import { formatTable } from "./table.ts";

interface TestOptions extends ConfigOption {
  readonly mech: ClientMechanismName;
  readonly service: "smtp";
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** The longest look at other realms. */
const LOOK_MS = 10_000;
/** Commands speak English. */
const ENGLISH = translator("en");

/** Questions about logins. */
export const command: CliCommand = { build };

function build(): Command {
  const auth = newCommand("auth", "Asks the configured backends about a login.");
  takesConfig(auth.command("test <USER>"))
    .description(
      "try a login as a session would, step by step, say which step failed and what the client would be told " +
        "(a running server may also delay it, after failures that it has counted)",
    )
    .addOption(new Option("--mech <MECHANISM>", "how to log in").choices(CLIENT_MECHANISMS).default("PLAIN"))
    .addOption(new Option("--service <SERVICE>", "for what").choices(["smtp"]).default("smtp"))
    .option("--password-stdin", "read the password from standard input, up to the first line end")
    .option("--json", "print JSON")
    .action(exits(test));
  return auth;
}

async function test(user: string, options: TestOptions): Promise<number> {
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config.problem;
  const password = options.passwordStdin === true ? readPasswordFromStdin() : readHidden("Password: ");
  if (!password.ok) return password.problem;
  const mechanism = mechanismNamed(options.mech);
  if (mechanism === null) throw new TypeError(`Cannot use ${options.mech}: no such mechanism`);

  const logged = Promise.withResolvers<AuthenticationEvent>();
  const chain = await openChain(config.value, (event) => {
    if (event.kind === "authentication") logged.resolve(event);
    else if (event.kind === "bug") complain(`${event.where}: ${event.text}`);
  });
  if (!chain.ok) {
    complain(chain.problem.message);
    return chain.problem.exit;
  }
  await using open = chain.value;
  const verdict = await logIn(mechanism, {
    ...{ config: config.value, authenticator: open.authenticator, user, password: password.value, name: options.mech },
  });
  // The line about a name that is unknown comes a moment later, with what was found about it.
  const event = await logged.promise;
  const facts = await gatherFacts({ config: config.value, open, event, verdict, mechanism, typed: user });
  report(facts, { verdict, failure: findFailure(facts, ENGLISH), json: options.json === true });
  return exitOf(verdict);
}

interface Attempt {
  readonly config: Config;
  readonly open: OpenChain;
  readonly event: AuthenticationEvent;
  readonly verdict: ConcludedVerdict;
  readonly mechanism: Mechanism;
  readonly typed: string;
}

async function gatherFacts({ config, open, event, verdict, mechanism, typed }: Attempt): Promise<LoginFacts> {
  const user = parseUserName(typed, config);
  const identity = verdict.kind === "accepted" ? verdict.identity : null;
  const backend = open.backends.find(({ name }) => name === identity?.account.backend);
  const isUnknown = event.result === "rejected" && event.reason.startsWith("unknown-user");
  return {
    mechanism: mechanism.name,
    offered: isOffered(mechanism, { config, backends: open.backends }),
    ...{ typed, user, served: servedRealms(config), event },
    advice: isUnknown && user !== null ? await lookElsewhere(user, { config, open, typed }) : null,
    relays: identity?.trusted ?? false,
    standing: user === null ? null : await backend?.local?.standing(user) ?? null,
  };
}

/** Where there is TLS, at one listener at least. */
function isOffered(
  mechanism: Mechanism,
  { config, backends }: { readonly config: Config; readonly backends: readonly Backend[] },
): boolean {
  const offer = createOffer({
    ...{ sasl: config.sasl, answers: answersForOffer(config, backends), mechanisms: MECHANISMS },
    appPasswords: backends.some(takesAppPasswords) ? appPasswordAnswers(config.sasl.legacyVerifiers) : null,
  });
  const facts = { tls: true, bound: false, remote: "local", health: false };
  return [{ mechList: null }, ...config.listeners].some((listener) => offer(listener, facts).includes(mechanism));
}

/** Looks for the name in each realm that the client could have meant. */
async function lookElsewhere(
  user: UserName,
  { config, open, typed }: Pick<Attempt, "config" | "open" | "typed">,
): Promise<Advice | null> {
  const { hostname, defaultRealm, localDomains, backends, sasl } = config;
  const domain = hostname.slice(hostname.indexOf(".") + 1);
  const realms = [
    ...[defaultRealm, ...sasl.realms, ...localDomains, hostname, domain],
    ...backends.flatMap((section) => section.realms),
  ];
  const members = chainMembers(config, { backends: open.backends, log: () => {} });
  const found = await findNamesakes(members, user, { realms, signal: AbortSignal.timeout(LOOK_MS) });
  const said = typed.includes("@") ? user.realm : `no realm, which stands for ${defaultRealm}`;
  return describeNamesakes(user, found, { said });
}

interface Login {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly user: string;
  readonly password: string;
  readonly name: ClientMechanismName;
}

/** Plays client and server of one exchange. */
async function logIn(mechanism: Mechanism, login: Login): Promise<ConcludedVerdict> {
  const { hostname, defaultRealm, sasl: { realms } } = login.config;
  const origin: Origin = { remote: "local", listener: "local", tls: null, mechanism: mechanism.name };
  using exchange = login.authenticator.begin(origin, "test");
  const client = startClient(login.name, {
    ...{ authcid: login.user, authzid: "", password: login.password, realm: "", host: hostname },
    nonce: crypto.getRandomValues(new Uint8Array(18)),
  });
  let state = mechanism.start({
    ...{ nonce: crypto.getRandomValues(new Uint8Array(18)), hostname, service: "smtp" as const, realms, defaultRealm },
    ...{ binding: null, plusOffered: false, origin },
  });
  let turn: ClientTurn = client;
  let input: ExchangeInput = { kind: "initial", response: client.initial };
  while (true) {
    const step = mechanism.step(state, input);
    if (step.kind === "end") return await exchange.conclude(step.outcome, "test.1");
    state = step.state;
    if (step.kind === "ask") {
      input = { kind: "answer", answer: await exchange.ask(step.question, AbortSignal.timeout(120_000)) };
      continue;
    }
    const reaction = turn.respond(step.challenge);
    if (reaction.kind === "failed") return await exchange.conclude(cancelled(reaction.why), "test.1");
    turn = reaction.next;
    input = { kind: "response", response: reaction.octets };
  }
}

function cancelled(why: string): ExchangeOutcome {
  return { kind: "failed", authcid: null, why: "cancelled", detail: `the client gave up: ${why}` };
}

function report(
  facts: LoginFacts,
  { verdict, failure, json }: {
    readonly verdict: ConcludedVerdict;
    readonly failure: Failure;
    readonly json: boolean;
  },
): void {
  const { mechanism, offered, relays, user, advice, event: { reason, chain } } = facts;
  const reply = formatReply(replyOf(verdict)).trimEnd();
  const account = verdict.kind === "accepted" ? verdict.identity.account.name : null;
  const steps = loginSteps(facts, failure, ENGLISH);
  if (json) {
    const name = { user: user?.local ?? null, realm: user?.realm ?? null };
    const outcome = {
      result: verdict.kind,
      failed: failure?.step ?? null,
      reason,
      advice: advice?.text ?? null,
      account,
    };
    print(JSON.stringify([{ ...outcome, mechanism, offered, relays, ...name, steps, chain, reply }], null, 2));
    return;
  }
  print(formatTable(steps, [
    { head: "STEP", cell: ({ step }) => step },
    { head: "RESULT", cell: ({ result }) => result === "none" ? "-" : result },
    { head: "DETAIL", cell: ({ detail }) => detail },
  ]));
  print("");
  if (failure === null) print(`accepted: the account is ${account}`);
  else print(`${verdict.kind}: it fails at the step "${failure.step}": ${printable(failure.detail, 500)}`);
  print(`the client would be told: ${reply}`);
}

function replyOf({ kind }: ConcludedVerdict): Reply {
  switch (kind) {
    case "accepted":
      return REPLIES.authSucceeded;
    case "rejected":
      return REPLIES.authRejected;
    case "too-weak":
      return REPLIES.authTooWeak;
    case "delayed":
      return REPLIES.authDelayed;
    case "unavailable":
      return REPLIES.authUnavailable;
    default:
      return unreachable(kind);
  }
}

function exitOf({ kind }: ConcludedVerdict): number {
  if (kind === "accepted") return EXIT.ok;
  return kind === "unavailable" || kind === "delayed" ? EXIT.unavailable : EXIT.no;
}
