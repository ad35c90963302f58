/**
 * A login step by step, and which step failed: for `auth test` and the pages of administrators.
 *
 * @module
 */

import type { Standing, UserName } from "../backend.ts";
import type { Advice, AuthenticationEvent } from "../auth/realm_doctor.ts";
import type { ChainStep } from "../log/event.ts";
import { adviceText, answerText, reasonText } from "./login_words.ts";
import type { Translate } from "./pages/language.ts";

/** How a step came out. `warning`: as it should be, but look at it; `none`: not reached, or nothing to say. */
export type StepResult = "ok" | "no" | "FAILED" | "warning" | "none";

/** One step: `mechanism`, `name`, `realm`, `backend NAME`, `user`, `password`, `account`, `relay`. */
export interface LoginStep {
  readonly step: string;
  readonly result: StepResult;
  readonly detail: string;
}

/** What is known of a login that is over. */
export interface LoginFacts {
  readonly mechanism: string;
  /** Whether any listener offers it. */
  readonly offered: boolean;
  /** As it was typed. */
  readonly typed: string;
  /** As it was parsed; `null`: it is no name. */
  readonly user: UserName | null;
  /** In canonical form; `null`: each. */
  readonly served: ReadonlySet<string> | null;
  readonly event: Omit<AuthenticationEvent, "kind">;
  /** Where else the name is, where nobody knows it. */
  readonly advice: Advice | null;
  /** Whether it lets mail for everywhere through; `null`: no mail can follow it. */
  readonly relays: boolean | null;
  /** Of an account on this machine that was accepted. */
  readonly standing: Standing | null;
}

/** Where it failed and why; `null`: it did not. */
export type Failure = { readonly step: string; readonly detail: string } | null;

/** Steps in the order in which they are taken, whatever the names of backends are. */
const BEFORE_BACKENDS = ["mechanism", "name", "realm"] as const;
const AFTER_BACKENDS = ["user", "password", "account", "relay"] as const;

/** Names the step at which a login failed. */
export function findFailure(facts: LoginFacts, t: Translate): Failure {
  const { event: { result, reason, chain }, user } = facts;
  const detail = reasonText(reason, t);
  switch (result) {
    case "accepted":
      return null;
    case "malformed":
      return { step: user === null ? "name" : "mechanism", detail };
    case "cancelled":
    case "delayed":
      return { step: "mechanism", detail };
    case "too-weak":
      return { step: "account", detail };
    case "unavailable": {
      const down = chain.find(({ answer }) => answer === `unavailable:${reason}`);
      return { step: down === undefined ? "account" : stepOf(down), detail };
    }
    case "rejected":
      return findRefusal(facts, t);
  }
}

/** All steps; those behind the one that failed were not reached. */
export function loginSteps(facts: LoginFacts, failure: Failure, t: Translate): readonly LoginStep[] {
  const details = detailsOf(facts, t);
  let failed = false;
  const steps: LoginStep[] = [];
  const add = (step: string) => {
    if (failure?.step === step) {
      failed = true;
      steps.push({ step, result: "FAILED", detail: failure.detail });
    } else {
      steps.push({ step, ...(failed ? NOT_REACHED : details.get(step) ?? NOT_REACHED) });
    }
  };
  BEFORE_BACKENDS.forEach(add);
  for (const each of backendSteps(facts, t)) {
    steps.push(failure?.step === each.step ? { ...each, result: "FAILED" } : each);
    failed ||= failure?.step === each.step;
  }
  AFTER_BACKENDS.forEach(add);
  return steps;
}

const NOT_REACHED = { result: "none", detail: "" } as const;

/** With these a backend has found the user, or does not tell. */
const KNOWING_NO = ["wrong-secret", "previous-secret", "disabled", "expired", "must-change", "not-allowed"].map((why) =>
  `rejected:${why}`
);

/** What stands in for a backend in the chain where none was asked. */
const NO_BACKENDS: ReadonlySet<string> = new Set(["realms", "chain"]);

function findRefusal(facts: LoginFacts, t: Translate): Failure {
  const { event: { reason, chain } } = facts;
  // Behind it may stand what the realm doctor of the log has found.
  const [why = ""] = reason.split("; ");
  switch (why) {
    case "unknown-user":
      return findUnknown(facts, t);
    case "wrong-secret": {
      const teller = namesOf(chain, "rejected:wrong-secret");
      return { step: "password", detail: t(`wrong, says ${teller}`, `違います(${teller} の回答)`) };
    }
    case "stale password":
      return {
        step: "password",
        detail: t(
          "the one before: the device has to be told the new one",
          "変更前のものです。機器に新しいパスワードを設定してください",
        ),
      };
    case "the proof fits no verifier": {
      const teller = namesOf(chain, "verifiers");
      const words = t(`wrong: ${why} of ${teller}`, `違います(${teller} の検証値と一致しません)`);
      return { step: "password", detail: words + spellingHint(facts, t) };
    }
    case "disabled":
    case "expired":
    case "must-change": {
      const teller = namesOf(chain, `rejected:${why}`);
      const words = reasonText(why, t);
      return {
        step: "account",
        detail: teller === "" ? words : t(`${why}, says ${teller}`, `${words}(${teller} の回答)`),
      };
    }
    case "not-allowed":
      return findForbidding(facts, t);
    default:
      return { step: "account", detail: reasonText(why, t) };
  }
}

function findUnknown({ event: { chain }, mechanism, user, advice, served }: LoginFacts, t: Translate): Failure {
  const realm = user?.realm ?? "";
  if (advice !== null) return { step: advice.wrong === "realm" ? "realm" : "user", detail: adviceText(advice.text, t) };
  if (chain.some(({ backend }) => backend === "realms")) {
    const all = [...served ?? []].join(", ");
    return {
      step: "realm",
      detail: t(`${realm} is not served, only ${all}`, `${realm} は対象外です。対象のレルム: ${all}`),
    };
  }
  if (chain.every(({ answer }) => answer === "skipped:other realms")) {
    const detail = t(`no backend is asked for ${realm}`, `${realm} を担当するバックエンドがありません`);
    return { step: "realm", detail };
  }
  if (chain.every(({ answer }) => answer.startsWith("skipped:"))) {
    return {
      step: "mechanism",
      detail: t(
        `no backend for ${realm} can answer ${mechanism}`,
        `${realm} のバックエンドはどれも ${mechanism} に対応していません`,
      ),
    };
  }
  const detail = t(
    "no backend that was asked knows this name",
    "問い合わせたどのバックエンドにも、この名前はありません",
  );
  return { step: "user", detail };
}

/** What else it can be with DIGEST-MD5, where the realm is a part of the proof as it is written (RFC 2831 section 2.1.2.1). */
function spellingHint({ mechanism, typed, user }: LoginFacts, t: Translate): string {
  const other = mechanism === "DIGEST-MD5" && user !== null && typed.includes("@") && !typed.endsWith(`@${user.realm}`);
  return other
    ? t(
      `, or the realm has to be written as ${user.realm}`,
      `。またはレルムを ${user.realm} と書く必要があります`,
    )
    : "";
}

function findForbidding({ event: { chain }, mechanism }: LoginFacts, t: Translate): Failure {
  const forbidding = chain.find(({ answer }) => answer.startsWith("rejected:not-allowed"));
  if (forbidding !== undefined) return { step: stepOf(forbidding), detail: answerText(forbidding.answer, t) };
  return {
    step: "mechanism",
    detail: t(
      `several backends must agree, and ${mechanism} cannot be shown to each`,
      `複数のバックエンドの承認が必要ですが、${mechanism} はそのすべてに示すことができません`,
    ),
  };
}

function detailsOf(facts: LoginFacts, t: Translate): ReadonlyMap<string, Omit<LoginStep, "step">> {
  const { mechanism, offered, typed, user, served, event: { account, chain }, relays } = facts;
  const details = new Map<string, Omit<LoginStep, "step">>();
  const ok = (step: string, detail: string) => details.set(step, { result: "ok", detail });
  if (offered) ok("mechanism", mechanism);
  else {
    const detail = t(
      `${mechanism} is not offered to clients, because not every backend can answer it (or mech_list)`,
      `${mechanism} はクライアントに提示されていません(対応していないバックエンドがあるか、mech_list にありません)`,
    );
    details.set("mechanism", { result: "warning", detail });
  }
  if (user !== null) {
    const given = typed.includes("@") ? "" : t(" (the default: none was given)", "(指定がないため既定値)");
    ok("name", t(`user ${user.local}, realm ${user.realm}`, `ユーザー ${user.local}、レルム ${user.realm}`) + given);
  }
  ok(
    "realm",
    served === null ? t("every realm is served", "すべてのレルムが対象です") : t("served", "対象のレルムです"),
  );
  const knowing = namesOf(chain, "accepted", "verifiers");
  // A backend may look at a lock before it looks at the password.
  if (knowing !== "") ok("password", t("right", "正しい"));
  const knowers = knowing === "" ? namesOf(chain, ...KNOWING_NO) : knowing;
  ok("user", t(`known to ${knowers}`, `${knowers} にあります`));
  ok("account", describeAccount(facts, t));
  if (account !== null && relays !== null) details.set("relay", relayDetail(mechanism, { relays, t }));
  return details;
}

function relayDetail(
  mechanism: string,
  { relays, t }: { readonly relays: boolean; readonly t: Translate },
): Omit<LoginStep, "step"> {
  if (relays) return { result: "ok", detail: t("mail for everywhere is taken", "どこ宛てのメールも受け付けます") };
  return {
    result: "warning",
    detail: t(
      `${mechanism} is not in trust_mech: this login may not relay`,
      `${mechanism} は trust_mech にないため、このログインでは中継できません`,
    ),
  };
}

/** Lock, scope and expiry. */
function describeAccount({ event: { account, credential }, standing }: LoginFacts, t: Translate): string {
  const name = account ?? "";
  if (standing === null) {
    return t(
      `${name}: its backend has looked at lock and expiry together with the password`,
      `${name}: 無効化と期限は、パスワードとともにバックエンドが確認しました`,
    );
  }
  const scope = standing.credentials.find(({ id }) => id === credential);
  const [networks, mechanisms] = [scope?.networks.join(", ") ?? "", scope?.mechanisms?.join(", ") ?? null];
  const expires = scope?.expires ?? null;
  return [
    t(`${name}: not disabled`, `${name}: 有効`),
    networks === "" ? t("from every network", "接続元の制限なし") : t(`from ${networks}`, `${networks} からのみ`),
    mechanisms === null
      ? t("with each mechanism", "認証方式の制限なし")
      : t(`with ${mechanisms}`, `${mechanisms} のみ`),
    expires === null ? t("does not expire", "期限なし") : t(`until ${expires}`, `${expires} まで`),
  ].join(t(", ", "、"));
}

function backendSteps({ event: { chain } }: LoginFacts, t: Translate): readonly LoginStep[] {
  return chain.filter(({ backend }) => !NO_BACKENDS.has(backend)).map((each) => {
    const yes = /^(?:accepted|verifiers)/.test(each.answer);
    const words = answerText(each.answer, t);
    if (each.answer.startsWith("skipped:")) return { step: stepOf(each), result: "none", detail: words };
    return { step: stepOf(each), result: yes ? "ok" : "no", detail: `${words} (${each.ms} ms)` };
  });
}

/** The backends that gave one of these answers. */
function namesOf(chain: readonly ChainStep[], ...answers: readonly string[]): string {
  const gave = (answer: string) => answers.some((each) => answer === each || new RegExp(`^${each}[:,]`).test(answer));
  return chain.filter(({ answer }) => gave(answer)).map(({ backend }) => backend).join(", ");
}

function stepOf({ backend }: ChainStep): string {
  return `backend ${backend}`;
}
