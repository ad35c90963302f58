/**
 * `dokodemo saslpasswd`: the command of the how-to, with its options, prompts and effects.
 *
 * @module
 */

import type { AccountAdmin, AccountProblem } from "../accounts/account_store.ts";
import type { UserName } from "../backend.ts";
import { type Result, succeed } from "../lib/result.ts";
import { explain, type OpenAccounts, readUserName, warnOfRealm, withAccounts } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { type AccountAct, noteAccounts } from "./note_accounts.ts";
import { complain } from "./output.ts";
import { obtainNewPassword, readPasswordFromStdin } from "./prompt.ts";

interface SaslpasswdOptions extends ConfigOption {
  readonly c?: boolean;
  readonly d?: boolean;
  readonly p?: boolean;
  readonly u?: string;
}

/** Sets a password and makes the account where it is missing. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("saslpasswd", "Sets the password of an account, and makes the account where it is missing."))
      .argument("<USER>", "the name, without or with @REALM")
      .option("-c", "create the account; this is done without it too")
      .option("-d", "disable the account: it is kept, listed no more, and enabled again by a new password")
      .option("-p", "pipe mode: read the password from standard input, without a prompt")
      .option("-u <REALM>", "the realm (default: default_realm)")
      .action(
        exits((user: string, options: SaslpasswdOptions) =>
          withAccounts(options, (accounts) => run(user, options, accounts))
        ),
      ),
};

async function run(text: string, options: SaslpasswdOptions, accounts: OpenAccounts): Promise<number> {
  const { config, store } = accounts;
  if (options.u !== undefined && text.includes("@")) {
    complain("Cannot take two realms: give either -u REALM or USER@REALM");
    return EXIT.usage;
  }
  const user = readUserName(options.u === undefined ? text : `${text}@${options.u}`, config);
  if (!user.ok) return user.problem;
  if (options.d === true) {
    const disabled = await store.setDisabled(user.value, true);
    if (!disabled.ok) return explain(disabled.problem, user.value);
    await noteAccounts(config, [{ what: "account.disable", account: disabled.value.name }]);
    return EXIT.ok;
  }
  const password = options.p === true ? readPasswordFromStdin() : obtainNewPassword({});
  if (!password.ok) return password.problem;
  const act = await setOrAdd(user.value, password.value, store);
  if (!act.ok) return explain(act.problem, user.value);
  warnOfRealm(user.value, accounts);
  await noteAccounts(config, [act.value]);
  return EXIT.ok;
}

async function setOrAdd(
  user: UserName,
  password: string,
  store: AccountAdmin,
): Promise<Result<AccountAct, AccountProblem>> {
  const set = await store.setPassword(user, password);
  if (!set.ok && set.problem === "unknown-account") {
    const added = await store.add(user, password);
    return added.ok ? succeed({ what: "account.add", account: added.value.name }) : added;
  }
  const enabled = set.ok && set.value.disabled ? await store.setDisabled(user, false) : set;
  if (!enabled.ok) return enabled;
  const detail = enabled === set ? "" : "it was disabled, and is enabled";
  return succeed({ what: "account.password", account: enabled.value.name, detail });
}
