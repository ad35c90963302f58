import assert from "node:assert/strict";
import { formatDate } from "../../src/message/date.ts";

Deno.test("formatDate writes UTC as +0000", () => {
  assert.equal(formatDate(Date.UTC(2026, 10, 24, 4, 12, 0)), "Tue, 24 Nov 2026 04:12:00 +0000");
});

Deno.test("formatDate writes a day of one digit with two", () => {
  assert.equal(formatDate(Date.UTC(2001, 9, 4, 7, 6, 12, 999)), "Thu, 04 Oct 2001 07:06:12 +0000");
});

Deno.test("formatDate refuses a time that no date has", () => {
  assert.throws(() => formatDate(Number.NaN), RangeError);
});
