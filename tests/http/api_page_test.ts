import assert from "node:assert/strict";
import { httpApp } from "../../src/http/app.ts";
import { apiDocument } from "../../src/http/api/api.ts";
import { operationsOf } from "./api_client.ts";
import { sidecarParts } from "./lib.ts";

async function apiPage(headers: Readonly<Record<string, string>> = {}) {
  const request = new Request("http://localhost/api", { headers: { host: "mail.example.jp:8025", ...headers } });
  const response = await httpApp(sidecarParts({})).fetch(request, { peer: "127.0.0.1" });
  return { response, text: await response.text() };
}

Deno.test("/api shows every operation to everybody, and needs no JavaScript and nothing inline", async () => {
  const { response, text } = await apiPage();
  assert.equal(response.status, 200);
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.doesNotMatch(text, /<script(?![^>]* src="\/assets\/)|<style|\sstyle=|\son\w+=|javascript:/);
  for (const { path, method } of operationsOf(JSON.parse(JSON.stringify(apiDocument(sidecarParts({})))))) {
    assert.ok(text.includes(`<code>${method} /api/v1${path}</code>`), `${method} ${path}`);
  }
  assert.ok(text.includes('href="/api/v1/openapi.json"'));
  assert.ok(text.includes("http://mail.example.jp:8025/api/v1/accounts"));
});

Deno.test("/api speaks Japanese to who likes it better", async () => {
  const { text } = await apiPage({ "accept-language": "ja" });
  assert.match(text, /<html lang="ja">/);
  assert.match(text, /プログラム用API/);
  assert.match(text, /<span lang="en">List accounts, sorted by name<\/span>/);
});
