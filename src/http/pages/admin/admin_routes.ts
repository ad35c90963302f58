/**
 * The pages of administrators: nobody else comes through.
 *
 * @module
 */

import { Hono } from "hono";
import type { SidecarParts } from "../../parts.ts";
import type { PageEnv } from "../page_env.ts";
import { requireAdministrator } from "../sign_in_page.tsx";
import { accountRoutes } from "./account_page.tsx";
import { accountsRoutes } from "./accounts_page.tsx";
import { auditRoutes } from "./audit_page.tsx";
import { bansRoutes } from "./bans_page.tsx";
import { holdRoutes } from "./holds_page.tsx";
import { limitRoutes } from "./limits_page.tsx";
import { deviceRoutes } from "./device_page.tsx";
import { devicesRoutes } from "./devices_page.tsx";
import { loginsRoutes } from "./logins_page.tsx";
import type { Overview } from "./overview.ts";
import { overviewRoutes } from "./overview_page.tsx";
import { queueRoutes } from "./queue_page.tsx";
import { simulateRoutes } from "./simulate_page.tsx";
import { testerRoutes } from "./tester_page.tsx";

/** `/admin` and everything below. */
export function adminRoutes(parts: SidecarParts, overview: () => Promise<Overview>): Hono<PageEnv> {
  const routes = new Hono<PageEnv>();
  routes.use("/admin/*", requireAdministrator(parts));
  routes.route("/", overviewRoutes(overview));
  routes.route("/", accountsRoutes(parts));
  routes.route("/", accountRoutes(parts));
  routes.route("/", devicesRoutes(parts));
  routes.route("/", deviceRoutes(parts));
  routes.route("/", loginsRoutes(parts));
  routes.route("/", testerRoutes(parts));
  routes.route("/", simulateRoutes(parts));
  routes.route("/", bansRoutes(parts));
  routes.route("/", queueRoutes(parts));
  routes.route("/", holdRoutes(parts));
  routes.route("/", limitRoutes(parts));
  routes.route("/", auditRoutes(parts));
  return routes;
}
