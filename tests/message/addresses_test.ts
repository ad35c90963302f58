import assert from "node:assert/strict";
import { parseAddressList } from "../../src/message/addresses.ts";

/** The addresses, or the problem after a `!`. */
function read(text: string): readonly string[] | string {
  const list = parseAddressList(text);
  return list.ok ? list.value.map(({ address }) => address) : `!${list.problem}`;
}

const CASES: readonly (readonly [text: string, expected: readonly string[] | string])[] = [
  ["", []],
  [" \r\n ", []],
  ["a@x.org", ["a@x.org"]],
  [" root\r\n", ["root"]],
  ["a@x.org, b@y.org,\r\n c@z.org", ["a@x.org", "b@y.org", "c@z.org"]],
  ["a@x.org; b@y.org", ["a@x.org", "b@y.org"]],
  [",, a@x.org ,", ["a@x.org"]],
  ["Shin <shin@x.org>", ["shin@x.org"]],
  ["Shin W. Example <shin@x.org>", ["shin@x.org"]],
  ['"Example, Shin (CEO)" <shin@x.org>', ["shin@x.org"]],
  ['"a \\" , b" <shin@x.org>, c@x.org', ["shin@x.org", "c@x.org"]],
  ["shin@x.org (Shin, the \\) first (and (only)))", ["shin@x.org"]],
  ["(before) shin (a) @ (b) x . org (after)", ["shin@x.org"]],
  ["=?utf-8?B?5bGx55Sw?= =?utf-8?B?5aSq?= <taro@x.org>", ["taro@x.org"]],
  ["山田 <taro@x.org>, 太郎@例え.jp", ["taro@x.org", "太郎@例え.jp"]],
  ["friends: a@x.org, B <b@x.org>;, c@x.org", ["a@x.org", "b@x.org", "c@x.org"]],
  ["undisclosed-recipients:;", []],
  ["undisclosed recipients: ;", []],
  ["empty: ; , a@x.org", ["a@x.org"]],
  ["<>", []],
  ["<@relay.org,@b.org:a@x.org>", ["a@x.org"]],
  ['"john smith"@x.org', ['"john smith"@x.org']],
  ["a@[192.0.2.1], b@[IPv6:2001:db8::1]", ["a@[192.0.2.1]", "b@[IPv6:2001:db8::1]"]],
  ["a..b.@docomo.example", ["a..b.@docomo.example"]],
  ["root (Cron Daemon)", ["root"]],
  ["a+b=c@x.org, d%e@x.org, f!g", ["a+b=c@x.org", "d%e@x.org", "f!g"]],
  ["John Smith", "!John Smith"],
  ["a@x.org b@y.org", "!a@x.org b@y.org"],
  ["ok@x.org, a@@x.org", "!a@@x.org"],
  ["@x.org", "!@x.org"],
  ["a@", "!a@"],
  ["<a@x.org> b", "!<a@x.org> b"],
  ["a (open", "!a (open"],
  ['"open <a@x.org>', '!"open <a@x.org>'],
  ["a\\b@x.org", "!a\\b@x.org"],
  ["a\u0000b@x.org", "!a\u0000b@x.org"],
];

Deno.test("parseAddressList() finds what people and programs write into To and From", () => {
  for (const [text, expected] of CASES) assert.deepEqual(read(text), expected, JSON.stringify(text));
});

Deno.test("parseAddressList() says where a missing domain goes", () => {
  const text = ' Root (the one) <root>, "b c" , d@x.org';
  const list = parseAddressList(text);
  assert.ok(list.ok);
  const shown = list.value.map(({ qualified, end }) => [qualified, text.slice(0, end)]);
  assert.deepEqual(shown, [
    [false, " Root (the one) <root"],
    [false, ' Root (the one) <root>, "b c"'],
    [true, text],
  ]);
});
