/**
 * A second look at each page that a visitor sees: whether everybody can use it (axe-core), whether it fits a telephone, whether scripts leave
 * its text as it is, and pictures of it where `SCREENSHOTS` names a folder.
 *
 * @module
 */

// @ts-types="axe-core"
import axe from "axe-core/axe.min.js";
import { join } from "node:path";
import { SCREENS, type TestBrowser, type Visitor, type VisitorOptions } from "./browser.ts";

/** Looks at what visitors see, while they go on. */
export interface Inspector {
  /** Takes the page that the visitor sees now. `name`: of the page, and of its pictures. */
  inspect(visitor: Visitor, name: string): Promise<void>;
  /** What is wrong with the pages so far, once all of them are looked at. */
  faults(): Promise<readonly string[]>;
}

/** What axe calls so keeps somebody from using a page. */
const GRAVE: ReadonlySet<string> = new Set(["serious", "critical"]);

/** Runs in the browser: the text of the page as it came, and as it is. */
const TEXTS = `(html) => {
  const textOf = (root) => {
    const copy = root.body.cloneNode(true);
    for (const own of copy.querySelectorAll("[data-live], [data-copy]")) own.textContent = "";
    return copy.textContent.replace(/\\s+/g, " ");
  };
  return [textOf(new DOMParser().parseFromString(html, "text/html")), textOf(document)];
}`;

/** Runs in the browser: what is folded together is looked at too. */
const OPEN_ALL = 'for (const part of document.querySelectorAll("details")) part.open = true';
const OPEN_FIRST = '[...document.querySelectorAll("details")].forEach((part, at) => { part.open = at === 0; })';

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Makes one, with a page of its own: scripts run there also for those who have switched them off. */
export async function createInspector(browser: TestBrowser, origin: string): Promise<Inspector> {
  const mirror = await browser.visitor({
    ...{ origin, locale: "en-GB", javaScript: true, screen: "desktop", colours: "light" },
  });
  const { page } = mirror;
  let html = "";
  await page.route(
    (url) => !url.pathname.startsWith("/assets/"),
    async (route) =>
      route.request().isNavigationRequest()
        ? await route.fulfill({ contentType: "text/html; charset=utf-8", body: html })
        : await route.fulfill({ status: 204 }),
  );
  const look = async (sight: Sight): Promise<readonly string[]> => {
    html = sight.html;
    const { colours, screen, locale } = sight.options;
    await page.emulateMedia({ colorScheme: colours });
    await page.setViewportSize(SCREENS[screen]);
    await page.goto(sight.path);
    await page.evaluate(OPEN_ALL);
    const faults = [
      ...await axeFaults(mirror),
      ...await tooWide(mirror),
      ...await changedText(mirror, html),
      ...mirror.faults.splice(0),
    ];
    await takePictures(mirror, `${sight.name}-${locale.slice(0, 2)}`);
    return faults.map((fault) => `${sight.name}: ${fault}`);
  };
  let looks: Promise<readonly string[]> = Promise.resolve([]);
  return {
    inspect: async (visitor, name) => {
      const { html } = await visitor.served();
      const sight = { name, html, path: new URL(visitor.page.url()).pathname, options: visitor.options };
      looks = looks.then(async (before) => [...before, ...await look(sight)]);
      // Its failure is that of `faults`.
      looks.catch(() => {});
    },
    faults: () => looks,
  };
}

/** A page as a visitor saw it. */
interface Sight {
  readonly name: string;
  readonly html: string;
  readonly path: string;
  readonly options: VisitorOptions;
}

async function axeFaults({ page }: Visitor): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const violations: readonly Violation[] = await page.evaluate(
    'axe.run({ resultTypes: ["violations"], preload: false }).then(({ violations }) => violations)',
  );
  return violations.filter(({ impact }) => GRAVE.has(impact)).flatMap(({ id, nodes }) => {
    return nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`);
  });
}

/** Nothing is cut off, and nobody has to scroll sideways, on either screen. */
async function tooWide({ page, options: { screen } }: Visitor): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [name, size] of Object.entries(SCREENS)) {
    await page.setViewportSize(size);
    const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
    if (width > size.width) faults.push(`it is ${width} wide on the ${name}, which has ${size.width}`);
  }
  await page.setViewportSize(SCREENS[screen]);
  return faults;
}

/** A page is complete without scripts: they change nothing but numbers, and what a button of theirs says is theirs alone. */
async function changedText({ page }: Visitor, html: string): Promise<readonly string[]> {
  const [before, after] = await page.evaluate<readonly string[]>(`(${TEXTS})(${JSON.stringify(html)})`);
  return before === after ? [] : [`scripts have made "${after}" of "${before}"`];
}

async function takePictures({ page, options }: Visitor, name: string): Promise<void> {
  const folder = Deno.env.get("SCREENSHOTS") ?? "";
  if (folder === "") return;
  await page.evaluate(OPEN_FIRST);
  for (const [screen, size] of Object.entries(SCREENS)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({
        path: join(folder, `${name}-${screen}-${colorScheme}.png`),
        fullPage: true,
        animations: "disabled",
      });
    }
  }
  await page.emulateMedia({ colorScheme: options.colours });
}
