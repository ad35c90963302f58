/** What holds of every kind of backend, and of the permissions that they need. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BACKENDS } from "../../backends/registry.ts";
import { type BackendModule, BackendProblem, defineBackend } from "../../src/backend_module.ts";
import type { BackendConfig } from "../../src/config/config.ts";
import { backendFrame } from "../../src/config/schema.ts";
import { openBackend } from "../../src/server/open_backend.ts";
import { revokeUnused } from "../../src/server/privileges.ts";
import { z } from "zod";

const SECTION: BackendConfig = {
  ...{ name: "mine", type: "mine", deadlineMs: 1, realms: [], concurrency: 1, options: {} },
  control: "sufficient",
};
const HOST = {
  dataDir: "/nowhere",
  defaultRealm: "baz.co.jp",
  accounts: () => {
    throw new TypeError("this backend has no account store");
  },
};

function moduleWith(changes: Partial<BackendModule>): ReadonlyMap<string, BackendModule> {
  const module = defineBackend({
    ...{ type: "mine", schema: z.strictObject({}), deadlineMs: 1 },
    open: () => Promise.reject(new BackendProblem("Cannot read secret: everybody can read it")),
    ...changes,
  });
  return new Map([["mine", module]]);
}

Deno.test("every kind has a name of its own, a deadline, and no key that every section has", () => {
  const modules = new Set(BACKENDS.values());
  equal(BACKENDS.size, [...modules].flatMap(({ type, aliases = [] }) => [type, ...aliases]).length);
  for (const { type, schema, deadlineMs, concurrency = 1 } of modules) {
    ok(deadlineMs > 0 && concurrency > 0, type);
    // A discriminated section is a union of such objects.
    const { properties = {}, anyOf = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    const keys = [properties, ...anyOf.map((each) => typeof each === "object" ? each.properties ?? {} : {})]
      .flatMap((each) => Object.keys(each));
    deepEqual(keys.filter((key) => Object.hasOwn(backendFrame, key)), [], type);
  }
});

Deno.test("a backend that cannot work is a problem of the configuration; a bug stays one", async () => {
  deepEqual(await openBackend(SECTION, moduleWith({}), HOST), {
    ok: false,
    problem: { kind: "config", message: "backend.mine: Cannot read secret: everybody can read it" },
  });
  const broken = moduleWith({ open: () => Promise.reject(new RangeError("bug")) });
  equal(await openBackend(SECTION, broken, HOST).catch((error) => error instanceof RangeError), true);
});

// The permissions of a test are those of this file again when it ends.
Deno.test({
  name: "given up is what no backend needs, and a backend that needs it is refused from then on",
  permissions: { run: true, ffi: true },
  fn: async () => {
    const stateOf = (name: "run" | "ffi") => Deno.permissions.querySync({ name }).state;
    const [running, loading] = [moduleWith({ needs: ["run"] }), moduleWith({ needs: ["ffi"] })];
    revokeUnused({ backends: [SECTION] }, running);
    equal(stateOf("run"), "granted");
    ok(stateOf("ffi") !== "granted");
    const refused = await openBackend(SECTION, loading, HOST);
    ok(!refused.ok);
    match(refused.problem.message, /^backend\.mine: it needs a restart, .*"ffi"$/);
    const opened = await openBackend(SECTION, running, HOST);
    ok(!opened.ok);
    match(opened.problem.message, /Cannot read secret/, "its own problem, not that of the permission");
    revokeUnused({ backends: [] }, running);
    ok(stateOf("run") !== "granted");
  },
});
