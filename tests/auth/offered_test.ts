import { deepEqual, equal, ok } from "node:assert/strict";
import type { Backend, VerifierScheme } from "../../src/backend.ts";
import { createOffer, type OfferFacts } from "../../src/auth/offered.ts";
import { MECHANISMS } from "../../src/sasl/mechanisms.ts";

const answers = (password: boolean, ...schemes: readonly VerifierScheme[]): Backend["answers"] => {
  return { password, lookup: true, schemes: new Set(schemes), tokens: new Set() };
};
const SASLDB = answers(true, "cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256");
const LDAP = answers(true);
const LIST = ["SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];
const TLS: OfferFacts = { tls: true, bound: false, remote: "192.0.2.1", health: false };

interface Case {
  readonly answers?: readonly Backend["answers"][];
  readonly mechList?: readonly string[];
  readonly cleartextNetworks?: readonly string[];
  readonly cleartextMechs?: readonly string[];
  readonly listener?: readonly string[] | null;
  readonly appPasswords?: Backend["answers"];
  readonly facts?: Partial<OfferFacts>;
}

const offered = (
  {
    answers = [SASLDB],
    mechList = LIST,
    cleartextNetworks = [],
    cleartextMechs = ["CRAM-MD5", "DIGEST-MD5"],
    listener = null,
    appPasswords,
    facts = {},
  }: Case,
) => {
  const sasl = { mechList, cleartextNetworks, cleartextMechs };
  const offer = createOffer({ sasl, answers, mechanisms: MECHANISMS, ...appPasswords && { appPasswords } });
  return offer({ mechList: listener }, { ...TLS, ...facts }).map(({ name }) => name);
};

Deno.test("mech_list is the bound and the order", () => {
  deepEqual(offered({}), LIST);
  deepEqual(offered({ mechList: ["LOGIN", "PLAIN", "NO-SUCH"] }), ["LOGIN", "PLAIN"]);
  deepEqual(offered({ mechList: [] }), []);
});

Deno.test("a -PLUS form comes before its base name where there is a channel to bind to", () => {
  deepEqual(offered({ facts: { bound: true } }), ["SCRAM-SHA-256-PLUS", ...LIST]);
  deepEqual(offered({ facts: { bound: true }, mechList: ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"] }), [
    "PLAIN",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
  ]);
});

Deno.test("only what every backend can answer is offered, unless the listener says so", () => {
  deepEqual(offered({ answers: [SASLDB, LDAP] }), ["PLAIN", "LOGIN"]);
  deepEqual(offered({ answers: [SASLDB, LDAP], listener: ["LOGIN", "CRAM-MD5", "SCRAM-SHA-1"] }), [
    "CRAM-MD5",
    "LOGIN",
  ]);
  deepEqual(offered({ answers: [LDAP], listener: ["CRAM-MD5"] }), [], "not what no backend can answer");
  deepEqual(offered({ answers: [] }), []);
  deepEqual(offered({ answers: [answers(true, "scram-sha-1", "scram-sha-256")] }), ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
});

Deno.test("without TLS nothing is offered but to cleartext_networks", () => {
  deepEqual(offered({ facts: { tls: false } }), []);
  const cleartextNetworks = ["192.0.2.0/24"];
  deepEqual(offered({ facts: { tls: false }, cleartextNetworks }), ["DIGEST-MD5", "CRAM-MD5"]);
  deepEqual(offered({ facts: { tls: false, bound: true }, cleartextNetworks, cleartextMechs: ["SCRAM-SHA-256"] }), [
    "SCRAM-SHA-256",
  ]);
  deepEqual(offered({ facts: { tls: false, remote: "198.51.100.1" }, cleartextNetworks }), []);
  deepEqual(offered({ cleartextNetworks }), LIST, "with TLS the network does not matter");
});

Deno.test("a proxy's own check is offered nothing", () => {
  deepEqual(offered({ facts: { health: true } }), []);
});

Deno.test("a list is made once for each condition", () => {
  const offer = createOffer({
    sasl: { mechList: LIST, cleartextNetworks: [], cleartextMechs: [] },
    answers: [SASLDB],
    mechanisms: MECHANISMS,
  });
  equal(offer({ mechList: null }, TLS), offer({ mechList: null }, { ...TLS, remote: "198.51.100.1" }));
});

Deno.test("what a backend can answer is looked at for each connection", () => {
  const schemes = new Set<VerifierScheme>(["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"]);
  const offer = createOffer({
    sasl: { mechList: LIST, cleartextNetworks: [], cleartextMechs: [] },
    answers: [{ password: true, lookup: true, tokens: new Set(), schemes }],
    mechanisms: MECHANISMS,
  });
  const names = (mechList: readonly string[] | null) => offer({ mechList }, TLS).map(({ name }) => name);
  const all = names(null);
  ok(all.includes("SCRAM-SHA-256") && all.includes("CRAM-MD5"));
  // An account was imported that has verifiers for CRAM-MD5 alone.
  for (const scheme of ["digest-md5", "scram-sha-1", "scram-sha-256"] as const) schemes.delete(scheme);
  deepEqual(names(null), all.filter((name) => !/^(SCRAM|DIGEST)/.test(name)));
  deepEqual(names(["SCRAM-SHA-256", "PLAIN"]), ["PLAIN"]);
  for (const scheme of ["digest-md5", "scram-sha-1", "scram-sha-256"] as const) schemes.add(scheme);
  deepEqual(names(null), all);
});

Deno.test("app passwords count for a listener's own list, and neither narrow nor widen any other offer", () => {
  const appPasswords = answers(true, "scram-sha-1", "scram-sha-256");
  for (const each of [[LDAP], [SASLDB], [LDAP, SASLDB], []]) {
    deepEqual(offered({ answers: each, appPasswords }), offered({ answers: each }));
  }
  const listener = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"];
  deepEqual(offered({ answers: [LDAP], listener }), ["PLAIN"]);
  deepEqual(offered({ answers: [LDAP], listener, appPasswords }), ["SCRAM-SHA-256", "PLAIN"]);
  deepEqual(offered({ answers: [LDAP], listener: ["CRAM-MD5"], appPasswords }), []);
});
