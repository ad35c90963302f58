import { equal, match, notEqual } from "node:assert/strict";
import { DUMMY_HASH, hashPassword, verifyPassword } from "../../src/accounts/password_hash.ts";

Deno.test("hashPassword makes PHC strings with fresh salts that verifyPassword reads", async () => {
  const [first, second] = await Promise.all([hashPassword("pässword"), hashPassword("pässword")]);
  match(first, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  notEqual(first, second);
  equal(await verifyPassword("pässword", first), true);
  equal(await verifyPassword("password", first), false);
});

Deno.test("verifyPassword knows the vector of RFC 7914 section 12", async () => {
  const octets = Uint8Array.fromHex(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
  );
  const phc = `$scrypt$ln=14,r=8,p=1$${btoa("SodiumChloride").replace(/=+$/, "")}$${
    octets.toBase64().replace(/=+$/, "")
  }`;
  equal(await verifyPassword("pleaseletmein", phc), true);
});

Deno.test("verifyPassword fits nothing to what is no hash of ours, and starts no work for it", async () => {
  const hash = DUMMY_HASH.split("$").at(-1);
  for (
    const phc of [
      "",
      "secret",
      "$2b$10$abcdefghijklmnopqrstuv",
      `$scrypt$ln=30,r=8,p=1$AAAA$${hash}`,
      `$scrypt$ln=15,r=99,p=1$AAAA$${hash}`,
      `$scrypt$ln=15,r=8,p=0$AAAA$${hash}`,
      "$scrypt$ln=15,r=8,p=1$AAAA$AAAA",
      "$scrypt$ln=15,r=8,p=1$A$A",
    ]
  ) equal(await verifyPassword("secret", phc), false, phc);
  equal(await verifyPassword("", DUMMY_HASH), false);
});
