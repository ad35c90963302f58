/**
 * What pages load beside themselves, all of it from here: the style sheet, an icon and two small scripts that no page needs.
 *
 * @module
 */

import { Hono } from "hono";
import { createHash } from "node:crypto";
import { STYLE } from "./style.ts";

const ICON =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b5cad"/>
<path d="M6 10h20v13H6z" fill="#fff"/><path d="M6 10l10 8 10-8" fill="none" stroke="#0b5cad" stroke-width="2"/></svg>`;

/** Shows the copy buttons, which do nothing without it. */
const PAGE_SCRIPT = `
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = "✓";
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}
`.trimStart();

/** Puts the numbers of a stream of events into the elements that are named for them. */
const LIVE_SCRIPT = `
const source = new EventSource("/live");
source.addEventListener("numbers", (event) => {
  for (const [name, text] of Object.entries(JSON.parse(event.data))) {
    for (const element of document.querySelectorAll('[data-live="' + CSS.escape(name) + '"]')) element.textContent = text;
    for (const element of document.querySelectorAll('[data-live-state="' + CSS.escape(name) + '"]')) element.className = "state " + text;
  }
});
addEventListener("pagehide", () => source.close());
`.trimStart();

const ASSETS: ReadonlyMap<string, readonly [type: string, text: string]> = new Map([
  ["style.css", ["text/css; charset=utf-8", STYLE]],
  ["icon.svg", ["image/svg+xml", ICON]],
  ["page.js", ["text/javascript; charset=utf-8", PAGE_SCRIPT]],
  ["live.js", ["text/javascript; charset=utf-8", LIVE_SCRIPT]],
]);

/** The routes under `/assets`. A browser asks again at each page whether they have changed: a new version must not wear an old style. */
export function assetRoutes(): Hono {
  const routes = new Hono();
  for (const [name, [type, text]] of ASSETS) {
    const tag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 16)}"`;
    routes.get(`/${name}`, (context) => {
      const headers = { "content-type": type, "cache-control": "no-cache", etag: tag };
      if (context.req.header("if-none-match") === tag) return new Response(null, { status: 304, headers });
      return new Response(text, { headers });
    });
  }
  return routes;
}
