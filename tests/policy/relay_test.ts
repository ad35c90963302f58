import assert from "node:assert/strict";
import type { Account } from "../../src/backend.ts";
import type { LocalResolution } from "../../src/policy/local_recipients.ts";
import { judgeRecipient } from "../../src/policy/relay.ts";
import type { Identity } from "../../src/smtp/identity.ts";

const account: Account = { name: "shin@baz.co.jp", backend: "b", addresses: [], groups: [], attributes: {} };
const TRUSTED: Identity = { account, credential: "main", mechanism: "SCRAM-SHA-256", trusted: true };
const UNTRUSTED: Identity = { ...TRUSTED, mechanism: "LOGIN", trusted: false };

const NOT_LOCAL: LocalResolution = { kind: "not-local" };

/** With no identity, an untrusted and a trusted one, each without and with a route: what is said. */
const RULES: readonly (readonly [LocalResolution, readonly (readonly [string, string])[]])[] = [
  [{ kind: "local", account }, [["accept", "accept"], ["accept", "accept"], ["accept", "accept"]]],
  [{ kind: "unknown" }, [["550 5.1.1", "550 5.1.1"], ["550 5.1.1", "550 5.1.1"], ["550 5.1.1", "550 5.1.1"]]],
  [{ kind: "relay-path" }, [["550 5.7.1", "550 5.7.1"], ["550 5.7.1", "550 5.7.1"], ["550 5.7.1", "550 5.7.1"]]],
  [{ kind: "unavailable", cause: "down" }, [
    ["451 4.3.0", "451 4.3.0"],
    ["451 4.3.0", "451 4.3.0"],
    ["451 4.3.0", "451 4.3.0"],
  ]],
  [NOT_LOCAL, [["550 5.7.1", "550 5.7.1"], ["550 5.7.1", "550 5.7.1"], ["550 5.4.4", "accept"]]],
];

for (const [resolution, expected] of RULES) {
  Deno.test(`judgeRecipient() of one that is ${resolution.kind}`, () => {
    const said = [null, UNTRUSTED, TRUSTED].map((identity) =>
      [false, true].map((hasRoute) => {
        const verdict = judgeRecipient({ identity, resolution, grant: null, hasRoute });
        return verdict.kind === "refuse" ? `${verdict.reply.code} ${verdict.reply.enhanced}` : verdict.kind;
      })
    );
    assert.deepEqual(said, expected);
  });
}

Deno.test("judgeRecipient() tells the administrator the rule, and the client nothing of a backend", () => {
  const down = judgeRecipient({
    identity: null,
    resolution: { kind: "unavailable", cause: "ldap://10.0.0.1 refused" },
    grant: null,
    hasRoute: true,
  });
  assert.ok(down.kind === "refuse");
  assert.match(down.rule, /ldap:\/\/10\.0\.0\.1 refused/);
  assert.doesNotMatch(down.reply.lines.join(" "), /ldap/);
  const untrusted = judgeRecipient({ identity: UNTRUSTED, resolution: NOT_LOCAL, grant: null, hasRoute: true });
  assert.ok(untrusted.kind === "refuse");
  assert.match(untrusted.rule, /LOGIN is not in trust_mech/);
});

Deno.test("judgeRecipient() lets an access rule stand in for a login, and for a mechanism that is not trusted", () => {
  const grant = { rule: "the client is in relay_networks", entry: null, by: "client" } as const;
  const said = [null, UNTRUSTED].map((identity) =>
    [false, true].map((hasRoute) => judgeRecipient({ identity, resolution: NOT_LOCAL, grant, hasRoute }).kind)
  );
  assert.deepEqual(said, [["refuse", "accept"], ["refuse", "accept"]]);
  const inside = judgeRecipient({ identity: null, resolution: { kind: "relay-path" }, grant, hasRoute: true });
  assert.equal(inside.kind, "refuse");
});
