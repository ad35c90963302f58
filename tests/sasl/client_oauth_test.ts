import assert from "node:assert/strict";
import { encodeBase64, latin1, utf8 } from "../../src/lib/octets.ts";
import type { ClientTurn } from "../../src/sasl/client_exchange.ts";
import { type BearerMechanismName, startBearer } from "../../src/sasl/client_oauth.ts";

const TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";

function refuse(
  name: BearerMechanismName,
  challenge: string,
): { readonly response: string; readonly next: ClientTurn } {
  const exchange = startBearer(name, { user: "u@example.net", token: "t", host: "smtp.example.net", port: 587 });
  const step = exchange.respond(utf8(challenge));
  assert.ok(step.kind === "response");
  return { response: latin1(step.octets), next: step.next };
}

Deno.test("client OAUTHBEARER: the example of RFC 7628 section 4.1", () => {
  const exchange = startBearer("OAUTHBEARER", {
    ...{ user: "user@example.com", host: "server.example.com", port: 143, token: TOKEN },
  });
  const message = `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${TOKEN}\x01\x01`;
  assert.equal(latin1(exchange.initial!), message);
  assert.match(
    encodeBase64(exchange.initial!),
    /^bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAW/,
  );
  assert.ok(exchange.complete);
});

Deno.test("client OAUTHBEARER: a comma and an equals sign in the user's name are escaped (RFC 5801)", () => {
  const exchange = startBearer("OAUTHBEARER", { user: "a,b=c@example.net", token: "t", host: "h", port: 25 });
  assert.ok(latin1(exchange.initial!).startsWith("n,a=a=2Cb=3Dc@example.net,\x01"));
});

Deno.test("client XOAUTH2: the example of Google's description", () => {
  const token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
  const exchange = startBearer("XOAUTH2", { user: "someuser@example.com", token, host: "smtp.gmail.com", port: 587 });
  assert.equal(
    encodeBase64(exchange.initial!),
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
  );
});

Deno.test("client OAuth: an error is acknowledged, its status is kept, and no success can follow", () => {
  const bearer = refuse("OAUTHBEARER", '{"status":"invalid_token","scope":"mail"}');
  assert.deepEqual([bearer.response, bearer.next.refusal, bearer.next.complete], [
    "\x01",
    "status invalid_token",
    false,
  ]);
  const xoauth2 = refuse("XOAUTH2", '{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}');
  assert.deepEqual([xoauth2.response, xoauth2.next.refusal, xoauth2.next.complete], ["", "status 400", false]);
  assert.equal(bearer.next.respond(utf8("{}")).kind, "failed");
});

Deno.test("client OAuth: an error that is odd or hostile is an error too", () => {
  for (const odd of ["", "no JSON", "null", "[]", '"status"', '{"status":{}}', '{"status":null}']) {
    assert.equal(refuse("XOAUTH2", odd).next.refusal, "no status", odd);
  }
  assert.equal(refuse("XOAUTH2", '{"status":401}').next.refusal, "status 401");
  assert.equal(refuse("XOAUTH2", '{"status":"a\\r\\nb"}').next.refusal, "status a??b");
  assert.ok((refuse("XOAUTH2", JSON.stringify({ status: "x".repeat(10_000) })).next.refusal ?? "").length < 150);
});
