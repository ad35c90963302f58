import assert from "node:assert/strict";
import { answerKind, decidingBackend, type LoginEvent } from "../../../src/http/metrics/deciding_backend.ts";
import { refusedLogin } from "../../lib/login_event.ts";

/** Steps such as `ldap unavailable:connection refused`. */
function decided(result: LoginEvent["result"], steps: readonly string[], required: readonly string[] = []): string {
  const chain = steps.map((step) => {
    const [backend = "", ...answer] = step.split(" ");
    return { backend, answer: answer.join(" "), ms: 1 };
  });
  return decidingBackend(refusedLogin({ result, chain }), (backend) => required.includes(backend));
}

Deno.test("the backend of the yes decided, not those that were asked before", () => {
  assert.equal(decided("accepted", ["sasldb rejected:unknown-user", "ldap accepted"]), "ldap");
  assert.equal(decided("accepted", ["sasldb accepted:cache"]), "sasldb");
  assert.equal(decided("accepted", ["a unavailable:down", "b skipped:no passwords", "c verifiers"]), "c");
});

Deno.test("of several that had to say yes it is the one whose yes was enough", () => {
  assert.equal(decided("accepted", ["pam accepted", "ldap accepted"], ["pam"]), "ldap");
  assert.equal(decided("accepted", ["ldap accepted", "pam accepted"], ["pam"]), "ldap");
  assert.equal(decided("accepted", ["pam accepted", "radius accepted"], ["pam", "radius"]), "pam");
});

Deno.test("a no is that of the backend that knows the user; nobody's when none does", () => {
  assert.equal(decided("rejected", ["sasldb rejected:wrong-secret", "ldap rejected:unknown-user"]), "sasldb");
  assert.equal(decided("rejected", ["ldap rejected:disabled, says the directory"]), "ldap");
  assert.equal(decided("rejected", ["a rejected:unknown-user", "b rejected:unknown-user, not found"]), "none");
  assert.equal(decided("rejected", ["sasldb verifiers"]), "sasldb", "the proof was wrong");
  assert.equal(decided("rejected", ["realms rejected:realm not served"]), "none");
  assert.equal(decided("rejected", ["chain rejected:several must agree"]), "none");
});

Deno.test("an outage is that of the backend that was away", () => {
  assert.equal(decided("unavailable", ["sasldb rejected:unknown-user", "ldap unavailable:no answer"]), "ldap");
  assert.equal(decided("unavailable", []), "none");
});

Deno.test("what came to no question is nobody's", () => {
  assert.equal(decided("malformed", []), "none");
  assert.equal(decided("delayed", []), "none");
  assert.equal(decided("too-weak", ["sasldb accepted"]), "sasldb");
});

Deno.test("the kind of an answer is its first word, and a step that asked nobody has none", () => {
  const kind = (answer: string) => answerKind({ backend: "b", answer, ms: 1 });
  assert.deepEqual(
    ["accepted", "accepted:cache", "rejected:wrong-secret, a: b", "unavailable:x, y"].map(kind),
    ["accepted", "accepted", "rejected", "unavailable"],
  );
  assert.deepEqual(["skipped:other realms", "", "constructor"].map(kind), [null, null, null]);
  assert.equal(answerKind({ backend: "realms", answer: "rejected:realm not served", ms: 0 }), null);
});
