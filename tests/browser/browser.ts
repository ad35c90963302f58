/**
 * Debian's Chromium, driven by playwright-core: visitors of the site, and whatever goes wrong in their browser.
 *
 * @module
 */

import { type BrowserContext, chromium, type Page, type Response } from "playwright-core";

/** The programs that this module runs: for `requirePrograms`. */
export const BROWSER_PROGRAMS: readonly string[] = ["/usr/bin/chromium"];

const ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

/** A browser, of which each visitor sees nothing of the others. */
export interface TestBrowser extends AsyncDisposable {
  visitor(options: VisitorOptions): Promise<Visitor>;
}

/** A wide screen and a narrow one. */
export const SCREENS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

/** How somebody looks at the site. */
export interface VisitorOptions {
  readonly origin: string;
  readonly locale: "en-GB" | "ja-JP";
  readonly javaScript: boolean;
  readonly screen: keyof typeof SCREENS;
  readonly colours: "light" | "dark";
}

/** Starts it. */
export async function openBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
  return {
    visitor: async (options) => {
      const context = await browser.newContext({
        baseURL: options.origin,
        locale: options.locale,
        javaScriptEnabled: options.javaScript,
        viewport: SCREENS[options.screen],
        colorScheme: options.colours,
        // The authority that signed the certificate is a new one at each run.
        ignoreHTTPSErrors: true,
      });
      return await Visitor.enter(context, options);
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** Somebody with one page open. */
export class Visitor {
  readonly page: Page;
  readonly options: VisitorOptions;
  /** What a developer would see in red: errors of scripts, violations of the policy, requests to other hosts, files that are missing. */
  readonly faults: string[] = [];
  #last: Response | null = null;

  private constructor(page: Page, options: VisitorOptions) {
    this.page = page;
    this.options = options;
  }

  static async enter(context: BrowserContext, options: VisitorOptions): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage(), options);
    visitor.#watch();
    return visitor;
  }

  /** The page as the server sent it, and with which status. */
  async served(): Promise<{ readonly status: number; readonly html: string }> {
    for (;;) {
      const last = this.#last;
      if (last === null) throw new TypeError("Cannot tell what the server sent: no page is open");
      try {
        return { status: last.status(), html: await last.text() };
      } catch (cause) {
        // A page that asks again by itself takes the place of the one that was being read.
        if (this.#last === last) throw cause;
      }
    }
  }

  /** Types into the field with this name. */
  async type(name: string, text: string): Promise<void> {
    await this.page.locator(`main [name="${name}"]`).fill(text);
  }

  /** Presses the button of the form that is sent there, and waits for the page behind it. */
  async send(action: string | RegExp): Promise<void> {
    const forms = this.page.locator("form");
    const actions = await forms.evaluateAll((all) => all.map((form) => form.getAttribute("action") ?? ""));
    const at = actions.findIndex((each) => typeof action === "string" ? each === action : action.test(each));
    if (at < 0) throw new RangeError(`Cannot find a form for ${action} among ${actions.join(", ")}`);
    const left = this.page.waitForEvent("domcontentloaded");
    await forms.nth(at).locator('button[type="submit"]').click();
    await left;
  }

  /** What a person reads of the page, without its head. */
  async read(): Promise<string> {
    return (await this.page.locator("main").innerText()).replace(/\s+/g, " ");
  }

  /** The path of the page with its query. */
  get path(): string {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  #watch(): void {
    const { page, faults, options: { origin } } = this;
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) faults.push(`${page.url()} asks ${request.url()}`);
    });
    page.on("response", (response) => {
      const request = response.request();
      const isRedirect = response.status() >= 300 && response.status() < 400;
      if (request.isNavigationRequest()) this.#last = isRedirect ? this.#last : response;
      else if (response.status() >= 400) faults.push(`${page.url()}: ${response.status()} for ${request.url()}`);
    });
    page.on("console", (message) => {
      // A page of an error has an error's status, which the browser takes down as one; those of other files are noted above.
      if (message.type() !== "error" || message.text().startsWith("Failed to load resource")) return;
      faults.push(`${page.url()}: ${message.text()}`);
    });
  }
}
