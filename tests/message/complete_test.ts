import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { HEADER_LIMIT_OCTETS } from "../../src/message/header.ts";
import { completeHeader, type Completion, RECEIVED_LIMIT } from "../../src/message/complete.ts";

const COMPLETION: Completion = {
  received: "Received: by here; now\r\n",
  submission: { date: "Tue, 24 Nov 2026 04:12:00 +0000", messageId: "<1@here>" },
  removeBcc: false,
};

function complete(header: string, change: Partial<Completion> = {}): string {
  const result = completeHeader(utf8(header), { ...COMPLETION, ...change });
  assert.ok(result.ok);
  return latin1(result.value);
}

Deno.test("completeHeader adds Received on top and what a submission lacks at the end", () => {
  assert.equal(
    complete("From: a@b\r\nSubject: x\r\n y\r\n"),
    "Received: by here; now\r\nFrom: a@b\r\nSubject: x\r\n y\r\n" +
      "Date: Tue, 24 Nov 2026 04:12:00 +0000\r\nMessage-ID: <1@here>\r\n",
  );
});

Deno.test("completeHeader leaves Date and Message-ID that are there, in any case", () => {
  const header = "DATE: then\r\nmessage-id: <2@there>\r\n";
  assert.equal(complete(header), COMPLETION.received + header);
});

Deno.test("completeHeader adds Received alone where it is no submission", () => {
  assert.equal(complete("From: a@b\r\n", { submission: null }), "Received: by here; now\r\nFrom: a@b\r\n");
});

Deno.test("completeHeader completes a mail without a header section", () => {
  assert.equal(
    complete(""),
    "Received: by here; now\r\nDate: Tue, 24 Nov 2026 04:12:00 +0000\r\nMessage-ID: <1@here>\r\n",
  );
});

Deno.test("completeHeader removes each Bcc with its folding only when told to", () => {
  const header = "Date: d\r\nBcc: a@b,\r\n c@d\r\nMessage-ID: <m@x>\r\nBCC: e@f\r\nX-Bcc: stays\r\n";
  assert.equal(complete(header), COMPLETION.received + header);
  assert.equal(
    complete(header, { removeBcc: true }),
    COMPLETION.received + "Date: d\r\nMessage-ID: <m@x>\r\nX-Bcc: stays\r\n",
  );
});

Deno.test("completeHeader keeps octets above 127 as they are", () => {
  const header = new Uint8Array([...utf8("Date: d\r\nMessage-ID: <m@x>\r\nX: "), 0xff, 0x80, 0x0d, 0x0a]);
  const result = completeHeader(header, COMPLETION);
  assert.ok(result.ok);
  assert.deepEqual(result.value, new Uint8Array([...utf8(COMPLETION.received), ...header]));
});

Deno.test("completeHeader takes as many fields as fit into a header section", () => {
  const header = "a: b\r\n".repeat(HEADER_LIMIT_OCTETS / 6);
  for (const removeBcc of [false, true]) {
    assert.equal(complete(header, { submission: null, removeBcc }), COMPLETION.received + header);
  }
});

Deno.test("completeHeader finds a loop at 100 Received fields (RFC 5321 section 6.3)", () => {
  const fields = (count: number) => "Received: by there; then\r\n".repeat(count);
  assert.deepEqual(completeHeader(utf8(fields(RECEIVED_LIMIT)), COMPLETION), { ok: false, problem: "loop" });
  assert.ok(completeHeader(utf8(fields(RECEIVED_LIMIT - 1)), COMPLETION).ok);
});
