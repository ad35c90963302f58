import { deepEqual, equal, ok } from "node:assert/strict";
import { digestSecretFits, plainSecretFits, readSecret, writeSecret } from "../../backends/lib/cyrus_secrets.ts";
import { cramMd5Contexts } from "../../src/sasl/derive.ts";
import { requirePrograms } from "../servers/lib.ts";
import { cyrusAccepts, SASL_SAMPLE_SERVER } from "../servers/sasl_sample_server.ts";
import { cyrusFile, entry, FIXTURE, oldSecrets, PASSWORDS } from "./cyrus_lib.ts";

const LOGIN = { user: { local: "taro", realm: "example.jp" }, password: "old, 'Secret' 9" };
const SECRETS = oldSecrets(LOGIN);

requirePrograms([...SASL_SAMPLE_SERVER, "db5.3_load"])(
  "Cyrus SASL accepts logins against secrets of these forms, and no others",
  async () => {
    for (const mechanism of ["PLAIN", "CRAM-MD5", "DIGEST-MD5"] as const) {
      const secret = SECRETS.get(mechanism)!;
      const file = (value: Uint8Array) =>
        cyrusFile([entry(["taro", "example.jp", `cmusaslsecret${mechanism}`], value)]);
      const login = { mechanism, ...LOGIN.user, password: LOGIN.password };
      equal(await cyrusAccepts(await file(secret), login), true, mechanism);
      equal(await cyrusAccepts(await file(secret), { ...login, password: "wrong" }), false, mechanism);
      const other = secret.slice();
      other[secret.length - 1]! ^= 1;
      equal(await cyrusAccepts(await file(other), login), false, mechanism);
    }
  },
);

requirePrograms(SASL_SAMPLE_SERVER)("Cyrus SASL accepts each password of the fixture", async () => {
  const octets = await Deno.readFile(FIXTURE);
  for (const { user, password } of PASSWORDS) {
    for (const mechanism of ["PLAIN", "CRAM-MD5"] as const) {
      equal(await cyrusAccepts(octets, { mechanism, ...user, password }), true, user.local);
    }
  }
});

Deno.test("secrets are read and written back", () => {
  for (const [mechanism, octets] of SECRETS) {
    const secret = readSecret(mechanism, Uint8Array.from(octets));
    ok(secret !== null);
    deepEqual(writeSecret(secret), Uint8Array.from(octets));
  }
  const cram = readSecret("CRAM-MD5", Uint8Array.from(SECRETS.get("CRAM-MD5")!));
  deepEqual(cram, { mechanism: "CRAM-MD5", ...cramMd5Contexts(LOGIN.password) });
});

Deno.test("a password fits its own secret only", () => {
  const plain = readSecret("PLAIN", Uint8Array.from(SECRETS.get("PLAIN")!));
  const digest = readSecret("DIGEST-MD5", Uint8Array.from(SECRETS.get("DIGEST-MD5")!));
  ok(plain?.mechanism === "PLAIN" && digest?.mechanism === "DIGEST-MD5");
  for (const password of [LOGIN.password, "", "x", `${LOGIN.password} `, LOGIN.password.toUpperCase()]) {
    const right = password === LOGIN.password;
    equal(plainSecretFits(plain, password), right);
    equal(digestSecretFits(digest, { ...LOGIN.user, password }), right);
    equal(digestSecretFits(digest, { local: "jiro", realm: "example.jp", password }), false);
  }
});

Deno.test("octets of other lengths and mechanisms are no secrets", () => {
  for (const length of [0, 15, 17, 31, 32, 34]) equal(readSecret("PLAIN", new Uint8Array(length)), null);
  equal(readSecret("PLAIN", new Uint8Array(33).fill(1)), null);
  for (const length of [0, 16, 31, 33]) equal(readSecret("CRAM-MD5", new Uint8Array(length)), null);
  for (const length of [0, 15, 32]) equal(readSecret("DIGEST-MD5", new Uint8Array(length)), null);
  for (const mechanism of ["SCRAM-MD5", "OTP", "", "constructor"]) {
    equal(readSecret(mechanism, new Uint8Array(16)), null);
  }
});
