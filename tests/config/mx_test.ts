import assert from "node:assert/strict";
import { completeMx, mxSchema } from "../../src/config/mx.ts";

Deno.test("[delivery.mx]: name servers with and without a port, and the path of ca_file", () => {
  const section = mxSchema.parse({
    resolvers: ["192.0.2.53", "127.0.0.1:5353", "2001:db8::53", "[::1]:5353"],
    sourceAddresses: ["192.0.2.25"],
    caFile: "ca.pem",
  });
  assert.deepEqual(completeMx(section, "/etc/dokodemo"), {
    resolvers: [
      { host: "192.0.2.53", port: 53 },
      { host: "127.0.0.1", port: 5353 },
      { host: "2001:db8::53", port: 53 },
      { host: "::1", port: 5353 },
    ],
    sourceAddresses: ["192.0.2.25"],
    mtaSts: true,
    caFile: "/etc/dokodemo/ca.pem",
    concurrency: 2,
  });
});

Deno.test("[delivery.mx]: what is no address is told", () => {
  const messages = (section: unknown) => mxSchema.safeParse(section).error?.issues.map(({ message }) => message);
  const server = 'expected an address, or one and a port such as "127.0.0.1:5353"';
  for (const resolver of ["dns.example.net", "dns.example.net:53", "127.0.0.1:0", "127.0.0.1:", ""]) {
    assert.deepEqual(messages({ resolvers: [resolver] }), [server], resolver);
  }
  const source = 'expected an address of this machine such as "192.0.2.25"';
  assert.deepEqual(messages({ sourceAddresses: ["mail.foobar.co.jp"] }), [source]);
});
