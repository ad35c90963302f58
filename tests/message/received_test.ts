import assert from "node:assert/strict";
import fc from "fast-check";
import { addressLiteral, formatReceived, protocolName, type ReceivedInput } from "../../src/message/received.ts";
import { compareGolden } from "../lib/golden.ts";

const INPUT: ReceivedInput = {
  clientName: "laptop.example.org",
  clientAddress: "192.0.2.7",
  login: null,
  hideClient: false,
  hostname: "mail.foobar.co.jp",
  protocol: { extended: true, tls: false, authenticated: false, smtputf8: false },
  id: "01JD8Y3QKX",
  tls: null,
  forwardPath: null,
  at: Date.UTC(2026, 10, 24, 4, 12, 0),
};

const SUBMITTED: ReceivedInput = {
  ...INPUT,
  login: "shin@baz.co.jp",
  protocol: { extended: true, tls: true, authenticated: true, smtputf8: false },
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  forwardPath: "taro@example.net",
};

const GOLDEN: ReadonlyMap<string, ReceivedInput> = new Map([
  ["plain", INPUT],
  ["helo", { ...INPUT, protocol: { ...INPUT.protocol, extended: false } }],
  ["submitted", SUBMITTED],
  ["hidden", { ...SUBMITTED, hideClient: true }],
  ["ipv6_literal_as_name", { ...SUBMITTED, clientName: "[IPv6:2001:db8::7]", clientAddress: "2001:db8::7" }],
  ["mapped_ipv4", { ...INPUT, clientAddress: "::ffff:192.0.2.7" }],
  ["injection_by_ehlo", { ...INPUT, clientName: 'evil)\r\nX-Injected: yes;("<\u3042' }],
  ["smtputf8", {
    ...SUBMITTED,
    login: "真@baz.co.jp",
    forwardPath: "太郎@example.net",
    protocol: { ...SUBMITTED.protocol, smtputf8: true },
  }],
  ["login_not_ascii_without_smtputf8", { ...SUBMITTED, login: "真(\\)@baz.co.jp", forwardPath: '"a b"@example.net' }],
]);

for (const [name, input] of GOLDEN) {
  Deno.test(`formatReceived: golden/received/${name}`, async () => {
    await compareGolden(`received/${name}.txt`, formatReceived(input));
  });
}

Deno.test("protocolName knows the names of RFC 3848 and RFC 6531", () => {
  const name = (extended: boolean, tls: boolean, authenticated: boolean, smtputf8: boolean) =>
    protocolName({ extended, tls, authenticated, smtputf8 });
  assert.equal(name(false, false, false, false), "SMTP");
  assert.equal(name(true, false, false, false), "ESMTP");
  assert.equal(name(true, true, false, false), "ESMTPS");
  assert.equal(name(true, false, true, false), "ESMTPA");
  assert.equal(name(true, true, true, false), "ESMTPSA");
  assert.equal(name(true, false, false, true), "UTF8SMTP");
  assert.equal(name(true, true, false, true), "UTF8SMTPS");
  assert.equal(name(true, false, true, true), "UTF8SMTPA");
  assert.equal(name(true, true, true, true), "UTF8SMTPSA");
});

Deno.test("addressLiteral writes both families", () => {
  assert.equal(addressLiteral("127.0.0.1"), "[127.0.0.1]");
  assert.equal(addressLiteral("FE80::1%eth0"), "[IPv6:fe80::1]");
});

Deno.test("formatReceived is one field whatever the client said", () => {
  const anything = fc.string({ unit: "binary", maxLength: 300 });
  fc.assert(fc.property(anything, anything, anything, fc.boolean(), (clientName, login, forwardPath, smtputf8) => {
    const protocol = { ...SUBMITTED.protocol, smtputf8 };
    const field = formatReceived({ ...SUBMITTED, clientName, login, forwardPath, protocol });
    assert.match(field, /^Received: /);
    assert.ok(field.endsWith("\r\n"));
    const lines = field.slice(0, -2).split("\r\n");
    assert.ok(lines.every((line, at) => (at === 0 || /^ \S/.test(line)) && !/[\r\n\0]/.test(line)));
    if (!smtputf8) assert.match(field, /^[\x20-\x7e\r\n]*$/);
  }));
});

Deno.test("formatReceived folds below 78 characters", () => {
  for (const line of formatReceived(SUBMITTED).split("\r\n")) assert.ok(line.length < 78, line);
});
