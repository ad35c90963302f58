/**
 * `dokodemo auth test`: one login, by the same mechanisms, chain and verdict as in a session.
 *
 * @module
 */

import type { Command } from "commander";
import { Option } from "commander";
import { answersForOffer } from "../auth/members.ts";
import { createOffer } from "../auth/offered.ts";
import type { Authenticator, ConcludedVerdict } from "../auth/authenticator.ts";
import type { Origin } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { unreachable } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import type { LogEvent } from "../log/event.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../sasl/client.ts";
import type { ClientTurn } from "../sasl/client_exchange.ts";
import type { ExchangeInput, ExchangeOutcome, Mechanism } from "../sasl/mechanism.ts";
import { mechanismNamed, MECHANISMS } from "../sasl/mechanisms.ts";
import { REPLIES } from "../smtp/replies.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { openChain } from "./open_chain.ts";
import { complain, print } from "./output.ts";
import { readHidden, readPasswordFromStdin } from "./prompt.ts";

interface TestOptions extends ConfigOption {
  readonly mech: ClientMechanismName;
  readonly service: "smtp";
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** Questions about logins. */
export const command: CliCommand = { build };

function build(): Command {
  const auth = newCommand("auth", "Asks the configured backends about a login.");
  takesConfig(auth.command("test <USER>"))
    .description(
      "try a login as a session would, say what each backend answered and what the client would be told " +
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

  let event: Extract<LogEvent, { readonly kind: "authentication" }> | null = null;
  const chain = await openChain(config.value, (logged) => {
    if (logged.kind === "authentication") event = logged;
    else if (logged.kind === "bug") complain(`${logged.where}: ${logged.text}`);
  });
  if (!chain.ok) {
    complain(chain.problem.message);
    return chain.problem.exit;
  }
  await using open = chain.value;
  const answers = answersForOffer(config.value, open.backends);
  const offer = createOffer({ sasl: config.value.sasl, answers, mechanisms: MECHANISMS });
  const offered = offer({ mechList: null }, { tls: true, bound: false, remote: "local", health: false });
  const verdict = await logIn(mechanism, {
    ...{ config: config.value, authenticator: open.authenticator, user, password: password.value, name: options.mech },
  });
  report({
    verdict,
    event,
    offered: offered.includes(mechanism),
    json: options.json === true,
    mechanism: options.mech,
  });
  return exitOf(verdict);
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
  { verdict, event, offered, json, mechanism }: {
    readonly verdict: ConcludedVerdict;
    readonly event: Extract<LogEvent, { readonly kind: "authentication" }> | null;
    readonly offered: boolean;
    readonly json: boolean;
    readonly mechanism: string;
  },
): void {
  const chain = event?.chain ?? [];
  const reply = formatReply(replyOf(verdict)).trimEnd();
  const account = verdict.kind === "accepted" ? verdict.identity.account.name : null;
  const relays = verdict.kind === "accepted" && verdict.identity.trusted;
  if (json) {
    print(
      JSON.stringify(
        [{ result: verdict.kind, account, mechanism, offered, relays, reason: event?.reason, chain, reply }],
        null,
        2,
      ),
    );
    return;
  }
  for (const { backend, answer, ms } of chain) print(`${backend}: ${printable(answer, 300)} (${ms} ms)`);
  if (chain.length === 0) print("no backend was asked");
  print(
    account === null
      ? `${verdict.kind}: ${printable(event?.reason ?? "", 300)}`
      : `accepted: the account is ${account}`,
  );
  if (account !== null && !relays) print(`${mechanism} is not in trust_mech: this login may not relay`);
  if (!offered) print(`${mechanism} is not offered to clients, because not every backend can answer it (or mech_list)`);
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
