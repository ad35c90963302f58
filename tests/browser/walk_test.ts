/**
 * People with a browser walk through all pages: once in English on a wide screen with scripts, once in Japanese on a telephone in the dark
 * without them. What they do there is tried out over SMTP.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AdminWalk } from "./admin_walk.ts";
import { BROWSER_PROGRAMS, openBrowser, type VisitorOptions } from "./browser.ts";
import { createInspector } from "./inspector.ts";
import { openScene } from "./scene.ts";
import { PersonWalk } from "./person_walk.ts";
import { PolicyWalk } from "./policy_walk.ts";
import { requirePrograms } from "../servers/lib.ts";
import { SWAKS_PROGRAMS } from "../servers/swaks.ts";

const WAYS = [
  {
    name: "in English, with scripts",
    who: { locale: "en-GB", javaScript: true, screen: "desktop", colours: "light" },
  },
  {
    name: "in Japanese, on a telephone in the dark, without scripts",
    who: { locale: "ja-JP", javaScript: false, screen: "phone", colours: "dark" },
  },
] as const satisfies readonly { readonly name: string; readonly who: Omit<VisitorOptions, "origin"> }[];

const testPages = requirePrograms([...BROWSER_PROGRAMS, ...SWAKS_PROGRAMS]);

for (const { name, who } of WAYS) {
  testPages(`a person, then an administrator, use each page: ${name}`, async () => {
    await using scene = await openScene();
    await using browser = await openBrowser();
    const { origin } = scene;
    // The pages of the binary are those of the tree: there it counts that they work.
    const inspector = (Deno.env.get("DOKODEMO_BIN") ?? "") === "" ? await createInspector(browser, origin) : null;
    const enter = () => browser.visitor({ ...who, origin });

    const person = new PersonWalk({ scene, inspector, visitor: await enter() });
    await person.signIn();
    await person.changePassword();
    await person.useAppPassword();
    await person.cancelMail();
    await person.lookAround();
    await person.signOut();

    const office = await enter();
    const administrator = new AdminWalk({ scene, inspector, visitor: office });
    await administrator.signIn();
    await administrator.makeAccount();
    await administrator.disableAccount();
    await administrator.testLogin();
    await administrator.lookAround();

    const policy = new PolicyWalk({ scene, inspector, visitor: office });
    await policy.bindDevice();
    // Its page asks again by itself with and without scripts; of the others once is enough.
    if (who.javaScript) {
      await policy.liftBan();
      await policy.releaseMail();
      await policy.setLimit();
      await policy.simulate();
    }
    assert.deepEqual(await inspector?.faults() ?? [], []);
  });
}
