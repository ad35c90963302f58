/**
 * Every key of the configuration file, in camelCase, with its default and what an editor shows of it.
 * `config.ts` says what becomes of them.
 *
 * @module
 */

import { z } from "zod";
import { accessSchema } from "./access.ts";
import { DEFAULT_DATA_DIR } from "./data_dir.ts";
import { dkimSchema } from "./dkim.ts";
import { bansSchema, guessingSchema } from "./guessing.ts";
import { httpSchema, webhookSchema } from "./http.ts";
import { masqueradeSchema } from "./masquerade.ts";
import { holdSchema, limitsSchema } from "./limits.ts";
import { mxSchema } from "./mx.ts";
import { delayNotice, noticesSchema } from "./notices.ts";
import {
  account,
  count,
  domain,
  duration,
  flag,
  list,
  listenAddress,
  name,
  network,
  oneOf,
  path,
  table,
} from "./quantities.ts";
import { localSchema, routeSchema } from "./routes.ts";
import { senderMode, senderSchema } from "./sender.ts";
import { sendmailSchema } from "./sendmail.ts";
import { smarthostSchema } from "./smarthost.ts";

/** The mechanisms that can be configured, strongest first: the default order of EHLO. A -PLUS form comes with its base name. */
export const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"] as const;

/** Sections that a later version brings. */
export const LATER_KEYS: ReadonlySet<string> = new Set(["acme", "dmarc", "metrics"]);

const mechanism = z.string({ error: "expected the name of a mechanism" }).transform((text, context): string => {
  const wanted = text.toUpperCase();
  if (MECHANISMS.some((known) => known === wanted)) return wanted;
  const message = wanted.endsWith("-PLUS")
    ? "expected its base name, which brings the -PLUS form with it"
    : `expected a mechanism of ${MECHANISMS.join(", ")}`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const backendNames = z.union([name, list(name).min(1, { error: "expected at least one backend" })], {
  error: "expected the name of a backend, or a list of names",
}).transform((names): readonly string[] => typeof names === "string" ? [names] : names);

/** [tls] */
export const tlsSchema = table({
  certificateFile: path.meta({ description: "PEM: the certificate, and behind it the chain" }),
  keyFile: path.meta({ description: "PEM: the private key; readable by its owner and group only" }),
});

/** One [[listener]]. */
export const listenerSchema = table({
  name: name.optional().meta({ description: "unique; default MTA, MSA or MSAS" }),
  address: listenAddress.optional().meta({ description: "default [::]:25, [::]:587 or [::]:465" }),
  role: oneOf(["mta", "msa"]).default("msa").meta({
    description: "mta: mail for our domains from anyone; msa: nothing without authentication",
  }),
  tls: oneOf(["implicit", "starttls", "none"]).optional().meta({
    description: "default starttls, without [tls] none",
  }),
  requireTls: flag.optional().meta({ description: "no authentication and no mail before TLS; default true for msa" }),
  mechList: list(mechanism).optional().meta({
    description: "mechanisms offered here although some realm cannot use them",
  }),
  sender: senderMode.optional().meta({
    description: "what is done about senders that are not the account's; default reject for msa, report for mta",
  }),
  proxy: list(network).optional().meta({
    description: "networks of proxies that send a PROXY header; nobody else is let in here then",
  }),
});

/** [sasl] */
export const saslSchema = table({
  pwcheckMethod: backendNames.prefault("sasldb").meta({ description: "backends, asked in this order" }),
  mechList: list(mechanism).min(1, { error: "expected at least one mechanism" }).prefault([...MECHANISMS]).meta({
    description: "the upper bound of what is offered, in the order of EHLO",
  }),
  trustMech: list(mechanism).optional().meta({ description: "mechanisms that permit relaying; default mech_list" }),
  realms: list(domain).prefault([]).meta({ description: "realms served; empty: all that backends have" }),
  cleartextNetworks: list(network).prefault([]).meta({ description: "networks that may log in without TLS" }),
  cleartextMechs: list(mechanism).prefault(["CRAM-MD5", "DIGEST-MD5"]).meta({
    description: "mechanisms offered there without TLS",
  }),
  userCaseSensitive: flag.default(true),
  legacyVerifiers: flag.default(true).meta({
    description: "store what CRAM-MD5 and DIGEST-MD5 need; weak against a thief of the file",
  }),
  upgradeImported: flag.default(true).meta({
    description: "make all verifiers of an imported hash at the next login by PLAIN or LOGIN",
  }),
  successCache: flag.default(true).meta({
    description: "remember right passwords of sasldb for five minutes, as keyed hashes",
  }),
  outageIsRejection: flag.default(false).meta({
    description: "tell an outage as a wrong password: clients will ask for another one",
  }),
  appPasswordOutage: flag.default(false).meta({
    description: "take app passwords while the backend of the account is down, for a day",
  }),
  legacyAuthLine: flag.default(false).meta({ description: "also 250-AUTH=LOGIN PLAIN, for very old clients" }),
});

/** What every [backend.NAME] may have; the rest is its module's. */
export const backendFrame = {
  type: name.optional().meta({ description: "default: the name of the section" }),
  deadline: duration.optional().meta({ description: "the longest wait for one answer" }),
  realms: list(domain).prefault([]).meta({ description: "asked for these realms only; default: for each" }),
  control: oneOf(["sufficient", "required"]).default("sufficient").meta({
    description: "sufficient: its yes is enough; required: without its yes nobody logs in",
  }),
  concurrency: count(1, 1000).optional().meta({ description: "most questions at a time" }),
};

/** The types of a section that is no backend, but a name for a list of them; sia is that of Digital Unix. */
export const CHAIN_TYPES: ReadonlySet<string> = new Set(["chain", "sia"]);

/** A [backend.NAME] of such a type. */
export const chainSchema = table({
  type: name.optional(),
  methods: list(name).min(1, { error: "expected at least one backend" }).meta({
    description: "backends, asked in this order",
  }),
});

/** [delivery] */
export const deliverySchema = table({
  default: oneOf(["smarthost", "mx", "none"]).optional().meta({ description: "where mail goes that is not for here" }),
  smarthost: smarthostSchema.optional(),
  mx: mxSchema.prefault({}),
  local: localSchema.optional(),
  etrnDomains: list(domain).prefault([]).meta({
    description: "domains whose mail anyone may have tried at once by ETRN, on mta listeners",
  }),
  delayNotice: delayNotice.prefault("4h").meta({
    description: "a sender is told of a mail that waits for longer; never: not told",
  }),
  giveUp: duration.prefault("5d"),
  retry: list(duration).min(1, { error: "expected at least one duration" })
    .prefault(["5min", "15min", "30min", "1h", "2h", "4h"]).meta({
      description: "waits before the next attempts; the last one repeats",
    }),
});

/** The file. */
export const fileShape = {
  hostname: domain.meta({ description: "our name in the greeting, in EHLO replies and in Received fields" }),
  defaultRealm: domain.optional().meta({ description: "completes a bare user name; default: the first local domain" }),
  localDomains: list(domain).prefault([]).meta({ description: "domains whose mail is delivered here" }),
  localDomainsFile: path.optional().meta({ description: "more of them, one a line, as in local-host-names" }),
  localRecipients: z.record(z.string(), account, { error: "expected a table of address = account" }).prefault({}).meta({
    description: "addresses of local domains that another account gets",
  }),
  postmaster: account.optional().meta({ description: "the account that gets mail for postmaster" }),
  dataDir: path.prefault(DEFAULT_DATA_DIR).meta({ description: "queue, accounts and sockets" }),
  user: name.optional().meta({ description: "the user to become after binding, when started as root" }),
  tls: tlsSchema.optional(),
  listener: list(listenerSchema).optional(),
  sasl: saslSchema.prefault({}),
  backend: z.record(z.string(), z.looseObject(backendFrame, { error: "expected a table" }), {
    error: "expected tables [backend.NAME]",
  }).prefault({}),
  delivery: deliverySchema.prefault({}),
  route: list(routeSchema).prefault([]).meta({
    description: "ways of mail that take another one; the first that fits",
  }),
  message: table({
    hideClient: flag.default(false).meta({ description: "leave address and login of the client out of Received" }),
    removeBcc: flag.default(false).meta({ description: "remove Bcc fields of submitted mail" }),
  }).prefault({}),
  dkim: dkimSchema.prefault({}),
  access: accessSchema.prefault({}),
  sender: senderSchema.prefault({}),
  masquerade: masqueradeSchema.prefault({}),
  notices: noticesSchema.prefault({}),
  sendmail: sendmailSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  guessing: guessingSchema.prefault({}),
  bans: bansSchema.prefault({}),
  hold: holdSchema.prefault({}),
  http: httpSchema.optional(),
  webhook: list(webhookSchema).prefault([]),
  log: table({
    format: oneOf(["auto", "text", "json"]).default("auto"),
    authenticationDays: count(1, 3660).default(90).meta({ description: "how long the authentication log goes back" }),
  }).prefault({}),
};

/** The file as one schema. */
export const fileSchema = table(fileShape);
