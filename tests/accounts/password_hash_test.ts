import { equal, match, notEqual, rejects } from "node:assert/strict";
import { DUMMY_HASH, hashPassword, verifyPassword } from "../../src/accounts/password_hash.ts";
import { createWorkLimit } from "../../src/accounts/work_limit.ts";

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

Deno.test("createWorkLimit lets so many in at a time, in order, and an aborted one out of the line", async () => {
  const limit = createWorkLimit(2);
  const order: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const abort = new AbortController();
  const run = (index: number, signal?: AbortSignal) =>
    limit.run(async () => {
      order.push(index);
      await gates[index]!.promise;
      if (index === 1) throw new RangeError("work failed");
      return index;
    }, signal);
  const runs = [run(0), run(1), run(2, abort.signal), run(3)];
  const failed = rejects(runs[1]!, RangeError);
  const aborted = rejects(runs[2]!, (error: unknown) => error === abort.signal.reason);
  await Promise.resolve();
  equal(order.join(), "0,1");
  abort.abort();
  await aborted;
  gates[1]!.resolve();
  await failed;
  gates[3]!.resolve();
  equal(await runs[3], 3);
  equal(order.join(), "0,1,3");
  gates[0]!.resolve();
  equal(await runs[0], 0);
  await rejects(run(2, abort.signal), (error: unknown) => error === abort.signal.reason);
});
