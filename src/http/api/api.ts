/**
 * The API under `/api/v1`: all resources behind the gate, and the OpenAPI 3.1 document of them, which everybody may read.
 *
 * @module
 */

import type { SidecarParts } from "../parts.ts";
import { VERSION } from "../../version.ts";
import { addAccountDetails } from "./account_details.ts";
import { addAccounts } from "./accounts.ts";
import { addAppPasswords } from "./app_passwords.ts";
import { addAudit } from "./audit.ts";
import { addAuthentications } from "./authentications.ts";
import { addBans } from "./bans.ts";
import { addConfiguration } from "./configuration.ts";
import { addDevices } from "./devices.ts";
import { type Api, API_BASE, createFrame } from "./frame.ts";
import { gate } from "./gate.ts";
import { addLimits } from "./limits.ts";
import { addQueue } from "./queue.ts";
import { addSimulation } from "./simulation.ts";
import { addTokens } from "./tokens.ts";

/** An OpenAPI document. */
export type ApiDocument = ReturnType<Api["getOpenAPI31Document"]>;

const TAGS = [
  ...["accounts", "app passwords", "devices", "authentications", "bans", "queue", "limits", "holds"],
  ...["configuration", "tokens", "audit"],
];

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "dokodemo",
    version: VERSION,
    description: "Accounts, queue and logs of an authenticated SMTP submission server. Errors are problem documents " +
      "(RFC 9457). Lists come in pages: give `next` of one as `after` for the next, until it is null.",
  },
  servers: [{ url: API_BASE }],
  tags: TAGS.map((name) => ({ name })),
};

/** The API. `control`: it is on the control socket, whose mode is the right to do everything; else each request needs a token. */
export function createApi(parts: SidecarParts, options: { readonly control: boolean }): Api {
  const api = createFrame();
  let document: ApiDocument | null = null;
  api.get("/openapi.json", (context) => context.json(document ??= api.getOpenAPI31Document(INFO)));
  api.use(gate(api, parts, options));
  addResources(api, parts);
  return api;
}

/** The document alone. */
export function apiDocument(parts: SidecarParts): ApiDocument {
  const api = createFrame();
  addResources(api, parts);
  return api.getOpenAPI31Document(INFO);
}

function addResources(api: Api, parts: SidecarParts): void {
  addAccounts(api, parts);
  addAccountDetails(api, parts);
  addAppPasswords(api, parts);
  addDevices(api, parts);
  addAuthentications(api, parts);
  addBans(api, parts);
  addQueue(api, parts);
  addLimits(api, parts);
  addConfiguration(api, parts);
  addSimulation(api, parts);
  addTokens(api, parts);
  addAudit(api, parts);
}
