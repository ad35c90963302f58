import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { PASSWD } from "../../backends/passwd.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { makeSite, startProgram } from "../lib/program.ts";
import { converse, logIn } from "../lib/submission.ts";
import { makeFolder } from "../servers/lib.ts";
import { makeSystemUser } from "../servers/system_users.ts";
import { eventually } from "./contract_lib.ts";
import {
  askLookup,
  askPassword,
  hashOf,
  inShort,
  lineOf,
  openFile,
  openUnix,
  PASSWORD,
  privateEtc,
  REALM,
  requireSystemUsers,
  sharedSystemUsers,
  unixContracts,
} from "./unix_lib.ts";

const withUsers = requireSystemUsers();

const users = sharedSystemUsers();
unixContracts("passwd", users);

Deno.test("the type passwd is in the registry, with the keys of shadow", () => {
  equal(BACKENDS.get("passwd"), PASSWD);
  deepEqual(PASSWD.schema.parse({ file: "x", minUid: 500 }), { file: "x", minUid: 500, allowDes: false });
});

Deno.test("a file: marks, numbers, and lines of another form", async () => {
  const hash = await hashOf(PASSWORD);
  const lines = [
    `taro:${hash}:1000:100:Taro,,,:/home/taro:/usr/sbin/nologin`,
    `low:${hash}:999:100::/:/bin/sh`,
    "cross:x:1001:100::/:/bin/sh",
    "star:*:1002:100::/:/bin/sh",
    "empty::1003:100::/:/bin/sh",
    `locked:!${hash}:1004:100::/:/bin/sh`,
    `taro:${await hashOf("other")}:1005:100::/:/bin/sh`,
    `letters:${hash}:abc:100::/:/bin/sh`,
    `short:${hash}`,
    `+nis:${hash}:1006:100::/:/bin/sh`,
    `windows:${hash}:1007\r`,
  ];
  await using opened = await openFile("passwd", `${lines.join("\n")}\n`);
  const expected = new Map([
    ["taro", "accepted known"],
    ["low", "not-allowed not-allowed"],
    ["cross", "not-allowed known"],
    ["star", "not-allowed known"],
    ["empty", "not-allowed known"],
    ["locked", "disabled known"],
    ["letters", "unknown-user unknown-user"],
    ["short", "unknown-user unknown-user"],
    ["+nis", "unknown-user unknown-user"],
    ["windows", "accepted known"],
  ]);
  for (const [name, answers] of expected) {
    const both = [await askPassword(opened.backend, name), await askLookup(opened.backend, name)].map(inShort);
    equal(both.join(" "), answers, name);
  }
  deepEqual(await askPassword(opened.backend, "cross"), {
    kind: "rejected",
    why: "not-allowed",
    note: "its password is x, so it is in a shadow file",
  });
  equal(inShort(await askPassword(opened.backend, "taro", "other")), "wrong-secret");
  await using lower = await openUnix("passwd", { file: opened.file, minUid: 999 });
  equal(inShort(await askPassword(lower, "low")), "accepted");
});

Deno.test("a file whose passwords are in shadow is a problem at the start", async () => {
  const text = lineOf("passwd", ["taro", "x"]) + lineOf("passwd", ["jiro", "*"]);
  await rejects(openFile("passwd", text), (error) => {
    return error instanceof BackendProblem &&
      /: each is x, so they are in a shadow file; use shadow$/.test(error.message);
  });
  await using none = await openFile("passwd", "");
  equal(inShort(await askPassword(none.backend, "taro")), "unknown-user");
});

withUsers("where the system has x its shadow entry counts, with all that makes it old", async () => {
  await using backend = await openUnix("passwd");
  await using user = await makeSystemUser({ password: PASSWORD, method: "YESCRYPT" });
  const ask = async () => inShort(await askPassword(backend, user.name));
  equal(await ask(), "accepted");
  await user.change("chage", "-E", "2020-01-01");
  equal(await ask(), "expired");
  await user.change("chage", "-E", "-1");
  await user.change("usermod", "-L");
  equal(await ask(), "disabled");
});

withUsers("a login by SMTP AUTH on a system with hashes in passwd", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], sasl: 'pwcheck_method = ["passwd"]' });
  const under = await privateEtc(`${folder.path}/etc`, {
    passwd: [
      lineOf("passwd", ["taro", await hashOf(PASSWORD)]),
      lineOf("passwd", ["hanako", "x"]),
      lineOf("passwd", ["jiro", "x"]),
    ],
    shadow: [lineOf("shadow", ["hanako", await hashOf(PASSWORD, "$5$rounds=1000$salt")])],
  });
  await using program = await startProgram(site, { under });
  const attempt = async (authcid: string, password: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid, password })).slice(0, 9).trim();
  };
  for (const name of ["taro", "hanako", `taro@${REALM}`]) {
    equal(await attempt(name, PASSWORD), "235 2.7.0", name);
    equal(await attempt(name, `${PASSWORD}x`), "535 5.7.8", name);
  }
  for (const name of ["jiro", "saburo", "root", "nobody"]) equal(await attempt(name, PASSWORD), "535 5.7.8", name);
  // A file that was there at the start and is away is an outage, for those whom it concerns.
  const file = (name: string) => `${folder.path}/etc/${name}`;
  await Deno.rename(file("shadow"), file("shadow.away"));
  equal(await attempt("taro", PASSWORD), "235 2.7.0");
  for (const password of [PASSWORD, "wrong"]) equal(await attempt("hanako", password), "454 4.7.0");
  await Deno.rename(file("passwd"), file("passwd.away"));
  for (const name of ["taro", "hanako", "saburo"]) equal(await attempt(name, PASSWORD), "454 4.7.0", name);
  const [failed] = await program.events(
    1,
    (event) => event.result === "unavailable" && JSON.stringify(event).includes("/etc/passwd"),
  );
  match(JSON.stringify(failed), /Cannot read \/etc\/passwd: there is no such file"/);
  for (const name of ["passwd", "shadow"]) await Deno.rename(file(`${name}.away`), file(name));
  for (const name of ["taro", "hanako"]) {
    await eventually(async () => await attempt(name, PASSWORD) === "235 2.7.0");
    equal(await attempt(name, `${PASSWORD}x`), "535 5.7.8", name);
  }
  equal(await attempt("saburo", PASSWORD), "535 5.7.8");
});

withUsers("a system without a shadow file has accounts without passwords, and no outage", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], sasl: 'pwcheck_method = ["passwd"]' });
  const under = await privateEtc(`${folder.path}/etc`, {
    passwd: [lineOf("passwd", ["taro", await hashOf(PASSWORD)]), lineOf("passwd", ["hanako", "x"])],
    shadow: [],
  });
  await Deno.remove(`${folder.path}/etc/shadow`);
  await using program = await startProgram(site, { under });
  const attempt = async (authcid: string) => {
    using client = await converse(program, site, { login: null });
    return (await logIn(client, { authcid, password: PASSWORD })).slice(0, 9);
  };
  equal(await attempt("taro"), "235 2.7.0");
  for (const name of ["hanako", "saburo"]) equal(await attempt(name), "535 5.7.8", name);
});
