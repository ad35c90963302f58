import assert from "node:assert/strict";
import { readStsId, readStsPolicy, stsAllows } from "../../../src/delivery/mx/sts_policy.ts";

Deno.test("readStsId: the id of the one record of version STSv1", () => {
  assert.equal(readStsId(["v=STSv1; id=20160831085700Z;"]), "20160831085700Z");
  assert.equal(readStsId(["v=spf1 -all", "v=STSv1;id=1"]), "1");
  assert.equal(readStsId(["v=STSv1; other=x; id=abc"]), "abc");
  for (
    const texts of [[], ["v=STSv1; id=1", "v=STSv1; id=2"], ["v=STSv1; id=a-b"], ["v=STSv1"], ["id=1; v=STSv1"], [
      "v=STSv12; id=1",
    ]]
  ) {
    assert.equal(readStsId(texts), null, texts.join());
  }
});

Deno.test("readStsPolicy: the example of RFC 8461, with either line end and unknown fields", () => {
  const lines = [
    "version: STSv1",
    "mode: enforce",
    "mx: mail.example.com",
    "mx: *.Example.NET",
    "mx: backupmx.example.com",
    "max_age: 604800",
  ];
  const policy = {
    mode: "enforce",
    patterns: ["mail.example.com", "*.example.net", "backupmx.example.com"],
    maxAgeSeconds: 604_800,
  };
  assert.deepEqual(readStsPolicy(lines.join("\r\n")), policy);
  assert.deepEqual(readStsPolicy(`${lines.join("\n")}\nnew_field: 1\n\n`), policy);
  assert.deepEqual(readStsPolicy("version: STSv1\nmode:none\nmax_age:1"), {
    mode: "none",
    patterns: [],
    maxAgeSeconds: 1,
  });
  assert.equal(readStsPolicy("version: STSv1\nmode: none\nmax_age: 9999999999")?.maxAgeSeconds, 31_557_600);
});

Deno.test("readStsPolicy: what is no policy is none", () => {
  for (
    const text of [
      "",
      "version: STSv2\nmode: none\nmax_age: 1",
      "version: STSv1\nmode: strict\nmx: a.test\nmax_age: 1",
      "version: STSv1\nmode: enforce\nmax_age: 1",
      "version: STSv1\nmode: enforce\nmx: a.test",
      "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1",
      "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
      "version: STSv1\nmode: enforce\nmx: mail.*.test\nmax_age: 1",
      "version: STSv1\nmode: enforce\nmx: a..test\nmax_age: 1",
    ]
  ) assert.equal(readStsPolicy(text), null, text);
});

Deno.test("stsAllows: a star stands for one whole label", () => {
  const policy = { mode: "enforce", patterns: ["mail.example.net", "*.mx.example.net"], maxAgeSeconds: 1 } as const;
  for (const host of ["mail.example.net", "a.mx.example.net"]) assert.ok(stsAllows(policy, host), host);
  for (
    const host of ["example.net", "mx.example.net", "a.b.mx.example.net", "xmail.example.net", "mail.example.net.test"]
  ) {
    assert.ok(!stsAllows(policy, host), host);
  }
});
