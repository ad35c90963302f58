/**
 * Counts what the log is told. The values of labels are words of this program or names of the configuration, never what a client chose.
 *
 * @module
 */

import type { LogEvent } from "../../log/event.ts";
import { answerKind, decidingBackend, type LoginEvent } from "./deciding_backend.ts";
import type { Family } from "./exposition.ts";
import { Counter, Histogram } from "./series.ts";

const LOGIN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ATTEMPT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const QUEUE_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 259_200];

/** Alarms that are counted from 0, so that the first one is an increase. */
const ALARMS = [
  "delivery",
  "guessing",
  "log",
  "maildir",
  "smarthost-auth",
  "smarthost-network",
  "smarthost-tls",
  "spool",
];

/** What is counted. */
export interface EventCounters {
  /** Counts one event: some microseconds. `isRequired`: whether the yes of the backend of this name is required. */
  note(event: LogEvent, isRequired: (backend: string) => boolean): void;
  families(): readonly Family[];
}

/** Begins to count, at 0. */
export function createEventCounters(): EventCounters {
  const all = counters();
  for (const about of ALARMS) all.alarms.add([about], 0);
  for (const result of ["done", "refused"]) all.reloads.add([result], 0);
  return {
    note: (event, isRequired) => count(all, event, isRequired),
    families: () => Object.values(all).map((each) => each.family()),
  };
}

function counters() {
  const counter = (name: string, help: string, ...labels: readonly string[]) =>
    new Counter({ name: `dokodemo_${name}_total`, help, labels });
  const seconds = (name: string, help: string, bounds: readonly number[], ...labels: readonly string[]) =>
    new Histogram({ name: `dokodemo_${name}_seconds`, help, labels, bounds });
  return {
    logins: counter(
      "logins",
      "Ends of logins, with the backend that decided.",
      ...["mechanism", "backend", "result"],
    ),
    loginTimes: seconds(
      "login_duration",
      "From AUTH to the verdict, the client's own time included.",
      LOGIN_SECONDS,
      ...["mechanism", "result"],
    ),
    answerTimes: seconds(
      "backend_answer_duration",
      "The time of one backend in the chain of a login, by what it said.",
      LOGIN_SECONDS,
      ...["backend", "answer"],
    ),
    handshakes: counter("tls_handshakes", "TLS handshakes that succeeded.", "version"),
    handshakeFailures: counter("tls_handshake_failures", "TLS handshakes that failed."),
    mails: counter("mails_accepted", "Mails that were answered with 250."),
    mailOctets: counter("mails_accepted_bytes", "Octets of the content of these mails."),
    mailRecipients: counter("mails_accepted_recipients", "Recipients of these mails."),
    discarded: counter(
      "mails_discarded",
      "Mails that were answered with 250 and thrown away: DISCARD of the access map.",
    ),
    refusals: counter("refusals", "Replies 4xx and 5xx.", "code"),
    limits: counter(
      "limits_reached",
      "What was over a limit on sending, by whose limit it is; reported: it was accepted all the same.",
      ...["scope", "limit", "result"],
    ),
    holds: counter("account_holds", "Accounts that were put on hold."),
    deliveries: counter("deliveries", "Outcomes of attempts to deliver, one for each recipient.", "route", "outcome"),
    attemptTimes: seconds(
      "delivery_attempt_duration",
      "From the look for a connection to the outcome of a recipient.",
      ATTEMPT_SECONDS,
      "route",
    ),
    mailTimes: seconds("mail_queue_duration", "From the 250 to the end of the last recipient.", QUEUE_SECONDS),
    notices: counter("notices", "Reports to senders that were made."),
    alarms: counter("alarms", "Lines of the log that ask somebody to act.", "about"),
    warnings: counter("warnings", "Warnings in the log.", "about"),
    bugs: counter("bugs", "Errors of the program itself."),
    reloads: counter("reloads", "Reloads of the configuration.", "result"),
  };
}

function count(all: ReturnType<typeof counters>, event: LogEvent, isRequired: (backend: string) => boolean): void {
  switch (event.kind) {
    case "authentication":
      return countLogin(all, event, isRequired);
    case "tls":
      return all.handshakes.add([event.version]);
    case "tls-failed":
      return all.handshakeFailures.add();
    case "refused":
      return all.refusals.add([String(event.code)]);
    case "limit-reached":
      return all.limits.add([event.scope, event.limit, event.reported ? "reported" : "refused"]);
    case "account-held":
      return all.holds.add();
    case "accepted-mail":
      all.mails.add();
      all.mailOctets.add([], event.octets);
      return all.mailRecipients.add([], event.recipients);
    case "discarded-mail":
      return all.discarded.add();
    case "delivery":
      all.deliveries.add([event.route, event.outcome]);
      if (event.ms !== null) all.attemptTimes.observe(event.ms / 1000, [event.route]);
      return;
    case "mail-done":
      return all.mailTimes.observe(event.ms / 1000);
    case "notice":
      return all.notices.add();
    case "alarm":
      return all.alarms.add([event.about]);
    case "warning":
      return all.warnings.add([event.about]);
    case "bug":
      return all.bugs.add();
    case "reloaded":
      return all.reloads.add(["done"]);
    case "reload-refused":
      return all.reloads.add(["refused"]);
    default:
      return;
  }
}

function countLogin(
  { logins, loginTimes, answerTimes }: ReturnType<typeof counters>,
  event: LoginEvent,
  isRequired: (backend: string) => boolean,
): void {
  logins.add([event.mechanism, decidingBackend(event, isRequired), event.result]);
  loginTimes.observe(event.ms / 1000, [event.mechanism, event.result]);
  for (const step of event.chain) {
    const kind = answerKind(step);
    if (kind !== null) answerTimes.observe(step.ms / 1000, [step.backend, kind]);
  }
}
