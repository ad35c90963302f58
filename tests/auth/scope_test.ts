import assert from "node:assert/strict";
import { outOfScope } from "../../src/auth/scope.ts";
import type { CredentialScope, Origin } from "../../src/backend.ts";

const NOW = Date.UTC(2026, 0, 2);
const SCOPE: CredentialScope = { id: "1", version: "1", networks: [], mechanisms: null, expires: null };

function from(mechanism: string, remote = "192.0.2.7"): Origin {
  return { remote, listener: "MSA", tls: null, mechanism };
}

Deno.test("an app password opens no page and changes no password, whatever its mechanisms are", () => {
  for (const kind of ["app-password", "device"] as const) {
    for (const mechanism of ["FORM", "PASSWD"]) {
      assert.equal(outOfScope({ ...SCOPE, kind }, from(mechanism), NOW), "mechanism", mechanism);
    }
    assert.equal(outOfScope({ ...SCOPE, kind }, from("PLAIN"), NOW), null);
  }
  for (const kind of [{ kind: "password" }, {}] as const) {
    assert.equal(outOfScope({ ...SCOPE, ...kind }, from("FORM"), NOW), null);
  }
});

Deno.test("a credential holds for its time, its networks and its mechanisms", () => {
  const at = (expires: string) => outOfScope({ ...SCOPE, expires }, from("PLAIN"), NOW);
  assert.equal(at("2026-01-01T23:59:59Z"), "expired");
  assert.equal(at("2026-01-02T00:00:01Z"), null);
  assert.equal(at("some day"), "expired");
  assert.equal(outOfScope({ ...SCOPE, networks: ["192.0.2.0/24"] }, from("PLAIN"), NOW), null);
  assert.equal(outOfScope({ ...SCOPE, networks: ["198.51.100.0/24", "no network"] }, from("PLAIN"), NOW), "network");
  assert.equal(outOfScope({ ...SCOPE, networks: ["no network"] }, from("PLAIN"), NOW), "network");
  assert.equal(outOfScope({ ...SCOPE, mechanisms: ["SCRAM-SHA-256"] }, from("SCRAM-SHA-256-PLUS"), NOW), null);
  assert.equal(outOfScope({ ...SCOPE, mechanisms: ["SCRAM-SHA-256"] }, from("PLAIN"), NOW), "mechanism");
});
