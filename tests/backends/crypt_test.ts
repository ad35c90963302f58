import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { judgeHash, spendCrypt, verifyCrypt } from "../../backends/lib/crypt.ts";
import { cryptLibrary } from "../../backends/lib/crypt_library.ts";
import { verifyShaCrypt } from "../../backends/lib/crypt_sha.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { requirePrograms, run, runOrThrow } from "../servers/lib.ts";

const never = () => new AbortController().signal;
const verify = (password: string, hash: string, allowDes = false) =>
  verifyCrypt(password, hash, { signal: never(), allowDes });

/** The vectors of the specification, in the form in which they are stored. */
const SHA_VECTORS: readonly (readonly [password: string, hash: string])[] = [
  ["Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
  ["Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"],
  ["This is just a test", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"],
  [
    "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
  ],
  [
    "we have a short salt string but not a short password",
    "$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
  ],
  ["a short string", "$5$rounds=123456$asaltof16chars..$gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD"],
  ["the minimum number is still observed", "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC"],
  [
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  [
    "Hello world!",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
  ],
  [
    "This is just a test",
    "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
  ],
  [
    "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
  ],
  [
    "we have a short salt string but not a short password",
    "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
  ],
  [
    "a short string",
    "$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1",
  ],
  [
    "the minimum number is still observed",
    "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
  ],
];

Deno.test("SHA-crypt in JavaScript and in libcrypt give the vectors of the specification", async () => {
  for (const [password, hash] of SHA_VECTORS) {
    equal(await verifyShaCrypt(utf8(password), hash, never()), true, hash);
    equal(await verify(password, hash), "right", hash);
  }
  const [password, hash] = SHA_VECTORS[0]!;
  equal(await verifyShaCrypt(utf8(`${password}!`), hash, never()), false);
  equal(await verifyShaCrypt(utf8(password), "$5$saltstring", never()), null);
  equal(await verifyShaCrypt(utf8(password), "$1$saltstring$x", never()), null);
});

Deno.test("SHA-crypt in JavaScript is what libcrypt makes, whatever the lengths", async () => {
  const crypt = cryptLibrary();
  ok(crypt !== null, "no libcrypt on this machine");
  const passwords = [0, 1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 511].map((length) =>
    "pa55 wörd パス ".repeat(60).slice(0, length)
  );
  for (const password of passwords.filter((each) => utf8(each).length < 512)) {
    for (
      const setting of ["$5$rounds=1000$", "$5$rounds=1001$a", "$6$rounds=1000$sixteen.octets..", "$6$rounds=1499$Z"]
    ) {
      const hash = await crypt(utf8(password), setting);
      ok(hash !== null && hash.startsWith(setting));
      equal(await verifyShaCrypt(utf8(password), hash, never()), true, `${password} ${hash}`);
      equal(await verifyShaCrypt(utf8(`${password}x`), hash, never()), false);
    }
  }
});

const PASSWORD = "correct horse パス";

/** Methods of mkpasswd, with the least work that each takes, and the form of what comes out. */
const METHODS: readonly (readonly [method: string, rounds: string | null, form: RegExp])[] = [
  ["yescrypt", "1", /^\$y\$/],
  ["gost-yescrypt", "1", /^\$gy\$/],
  ["scrypt", "6", /^\$7\$/],
  ["sha512crypt", "1000", /^\$6\$/],
  ["sha256crypt", "1000", /^\$5\$/],
  ["bcrypt", "4", /^\$2b\$/],
  ["bcrypt-a", "4", /^\$2a\$/],
  ["md5crypt", null, /^\$1\$/],
];

const withPrograms = requirePrograms(["mkpasswd", "openssl"]);

async function mkpasswd(method: string, rounds: string | null, password = PASSWORD): Promise<string> {
  const args = ["--stdin", `--method=${method}`, ...rounds === null ? [] : [`--rounds=${rounds}`]];
  return (await runOrThrow("mkpasswd", { args, input: password })).trim();
}

withPrograms("each form that mkpasswd and openssl make is verified", async () => {
  for (const [method, rounds, form] of METHODS) {
    const hash = await mkpasswd(method, rounds);
    ok(form.test(hash), `${method}: ${hash}`);
    equal(judgeHash(hash, {}), "here");
    equal(await verify(PASSWORD, hash), "right", method);
    for (const wrong of [`${PASSWORD}x`, PASSWORD.slice(0, -1), "", "x"]) {
      equal(await verify(wrong, hash), "wrong", method);
    }
  }
  for (const option of ["-1", "-5", "-6"]) {
    const hash = (await runOrThrow("openssl", { args: ["passwd", option, "-stdin"], input: PASSWORD })).trim();
    equal(await verify(PASSWORD, hash), "right", option);
    equal(await verify(`${PASSWORD}x`, hash), "wrong", option);
  }
  // PHP and Apache's htpasswd -B write bcrypt so.
  const bcrypt = await mkpasswd("bcrypt", "4");
  equal(await verify(PASSWORD, bcrypt.replace("$2b$", "$2y$")), "right");
});

withPrograms("DES hashes count only where they are allowed", async () => {
  const hash = await mkpasswd("descrypt", null, "tanstaaf");
  equal(hash.length, 13);
  equal(await verify("tanstaaf", hash), "unsupported");
  equal(judgeHash(hash, {}), "nowhere");
  equal(await verify("tanstaaf", hash, true), "right");
  equal(await verify("tanstaa", hash, true), "wrong");
});

Deno.test("what is no hash of a known form never reaches libcrypt", async () => {
  const [, sha = ""] = SHA_VECTORS[7]!;
  const strange = [
    ...[
      "",
      "*",
      "!",
      "!!",
      "x",
      "zz",
      "zzz",
      "*0",
      "*1",
      "$",
      "$$",
      "$6$",
      "$6$salt",
      "$6$salt$",
      "$y$",
      "$y$j9T$",
      "$2b$",
    ],
    ...["$3$$8846f7eaee8fb117ad06bdd830b7586c", "_J9..rasmBYk8r9AiWNc", "{SSHA}x", "plain", "constructor"],
    ...[
      `${sha}x`,
      sha.slice(0, -1),
      `${sha}\n`,
      ` ${sha}`,
      `!${sha}`,
      `${sha}\0`,
      sha.replace("$6$", "$6$rounds=999$"),
    ],
    ...["$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "$md5$rounds=904$iPPKEBnEkp3JV8uX$0L6m7rOFTVFn.SGqo2M9W1"],
    ...[
      "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
      "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq",
    ],
  ];
  for (const hash of strange) {
    for (const password of ["", "x", "plain"]) {
      equal(await verify(password, hash, true), "unsupported", JSON.stringify(hash));
    }
  }
});

Deno.test("what C would cut off, or libcrypt refuse, is a wrong password", async () => {
  const [password, hash] = SHA_VECTORS[7]!;
  equal(await verify(password, hash), "right");
  for (
    const wrong of [`${password}\0`, `${password}\0x`, "\0", "x".repeat(512), "é".repeat(256), "x".repeat(100_000)]
  ) {
    equal(await verify(wrong, hash), "wrong");
  }
  const crypt = cryptLibrary();
  ok(crypt !== null);
  const longest = "x".repeat(511);
  equal(await verify(longest, await crypt(utf8(longest), "$6$rounds=1000$salt") ?? ""), "right");
});

Deno.test("20 at once, right and wrong of several forms: not one wrong verdict", async () => {
  const crypt = cryptLibrary();
  ok(crypt !== null);
  const settings = [
    "$y$j75$F5Jx5fExrKuPp53xLKQ..1",
    "$6$salt",
    "$5$rounds=2000$salt",
    "$2b$04$abcdefghijklmnopqrstuu",
    "$1$salt",
  ];
  const hashes = await Promise.all(settings.map((setting) => crypt(utf8(PASSWORD), setting)));
  const verdicts = await Promise.all(
    Array.from(
      { length: 20 },
      (_, at) => verify(at % 2 === 0 ? PASSWORD : `${PASSWORD}${at}`, hashes[at % hashes.length] ?? ""),
    ),
  );
  deepEqual(verdicts, Array.from({ length: 20 }, (_, at) => at % 2 === 0 ? "right" : "wrong"));
});

Deno.test("an aborted check is rejected, whether it waits or runs", async () => {
  const [password, hash] = SHA_VECTORS[12]!;
  await rejects(verifyCrypt(password, hash, { signal: AbortSignal.abort("gone") }), (reason) => reason === "gone");
  const leaving = new AbortController();
  const under = Array.from({ length: 10 }, () => verifyCrypt(password, hash, { signal: leaving.signal }));
  leaving.abort("left");
  for (const end of await Promise.allSettled(under)) deepEqual(end, { status: "rejected", reason: "left" });
  const sliced = new AbortController();
  const running = verifyShaCrypt(utf8(password), hash, sliced.signal);
  sliced.abort("left");
  await rejects(running, (reason) => reason === "left");
  equal(await verify(password, hash), "right");
});

Deno.test("the time of a wrong password is spent in the form that is asked for, or in that of the system", async () => {
  const signal = never();
  equal(await spendCrypt("x", null, { signal }), undefined);
  equal(await spendCrypt("x", SHA_VECTORS[0]![1], { signal }), undefined);
  await rejects(spendCrypt("x", null, { signal: AbortSignal.abort("gone") }), (reason) => reason === "gone");
});

withPrograms(
  "where libcrypt may not be loaded the SHA-crypts and bcrypt still work, and the others are unavailable",
  async () => {
    const hashes = await Promise.all(METHODS.map(([method, rounds]) => mkpasswd(method, rounds)));
    const module = new URL("../../backends/lib/crypt.ts", import.meta.url).href;
    const program = `
    import { judgeHash, spendCrypt, verifyCrypt } from ${JSON.stringify(module)};
    const signal = new AbortController().signal;
    const passwords = ${JSON.stringify([PASSWORD, `${PASSWORD}x`, `${PASSWORD}\0`])};
    for (const hash of ${JSON.stringify(hashes)}) {
      const verdicts = [];
      for (const password of passwords) verdicts.push(await verifyCrypt(password, hash, { signal }));
      console.log([judgeHash(hash, {}), ...verdicts].join(" "));
    }
    await spendCrypt("x", null, { signal });
  `;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const args = ["run", "--quiet", "--no-check", "--no-prompt", "--allow-read", "--config", config, "-"];
    const { code, output } = await run(Deno.execPath(), { args, input: program });
    equal(code, 0, output);
    const here = "here right wrong wrong";
    const elsewhere = "elsewhere unavailable unavailable unavailable";
    deepEqual(output.trimEnd().split("\n"), [
      ...[elsewhere, elsewhere, elsewhere],
      ...[here, here, here, here],
      elsewhere,
    ]);
    notEqual(cryptLibrary(), null);
  },
);
