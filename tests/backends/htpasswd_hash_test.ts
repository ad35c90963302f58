import { equal, ok } from "node:assert/strict";
import { isHtpasswdHash, verifyHtpasswdHash } from "../../backends/lib/htpasswd_hash.ts";
import { requirePrograms, runOrThrow } from "../servers/lib.ts";

const PASSWORDS = ["a", "tanstaaf", "pässwörd 長い", "x".repeat(40), "0123456789abcdef", "x".repeat(100), "q'\"\\$:"];

requirePrograms(["openssl"])("$apr1$ as openssl makes it", async () => {
  for (const password of PASSWORDS) {
    for (const salt of ["a", "abcdefgh", "./x9"]) {
      const made = await runOrThrow("openssl", { args: ["passwd", "-apr1", "-salt", salt, "-stdin"], input: password });
      const hash = made.trim();
      ok(isHtpasswdHash(hash), hash);
      equal(verifyHtpasswdHash(password, hash), true);
      for (const wrong of [`${password}x`, password.slice(1), ""]) equal(verifyHtpasswdHash(wrong, hash), false);
    }
  }
});

requirePrograms(["htpasswd"])("{SHA} and $apr1$ as htpasswd makes them", async () => {
  for (const password of PASSWORDS) {
    for (const option of ["-s", "-m"]) {
      const made = await runOrThrow("htpasswd", { args: ["-n", "-i", option, "taro"], input: password });
      const hash = /^taro:(\S+)/m.exec(made)?.[1] ?? "";
      equal(verifyHtpasswdHash(password, hash), true, hash);
      equal(verifyHtpasswdHash(`${password}x`, hash), false);
    }
  }
});

Deno.test("strings of other forms are no such hashes, and fit nothing", () => {
  const others = [
    "",
    "password",
    "{SHA}",
    "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g",
    "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    "$apr1$$x",
  ];
  for (const hash of [...others, "$1$salt$qJH7.N4xYta3aEG/dfqo/0", "$apr1$abcdefghi$lCO6HYGkF.7K.xn3.VDcz/"]) {
    equal(isHtpasswdHash(hash), false, hash);
    for (const password of ["", "password"]) equal(verifyHtpasswdHash(password, hash), false);
  }
  equal(verifyHtpasswdHash("password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), true);
  equal(verifyHtpasswdHash("x".repeat(1_000_000), "$apr1$abcdefgh$lCO6HYGkF.7K.xn3.VDcz/"), false);
});
