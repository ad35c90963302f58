/**
 * [delivery] and [[route]] as they are shown.
 *
 * @module
 */

import type {
  DeliveryConfig,
  LmtpAddress,
  LocalDeliveryConfig,
  MxConfig,
  RouteConfig,
  SmarthostConfig,
  SmarthostOAuth,
} from "../../config/config.ts";
import { addressText, durationText, inFile, MASK, type Table } from "./shown_values.ts";

/** Shows [delivery]. */
export function deliveryTable(
  { default: route, smarthost, mx, local, etrnDomains, delayNoticeMs, giveUpMs, retryMs }: DeliveryConfig,
): Table {
  return {
    default: route,
    ...smarthost !== null && { smarthost: smarthostTable(smarthost) },
    mx: mxTable(mx),
    ...local !== null && { local: localTable(local) },
    etrn_domains: etrnDomains,
    delay_notice: delayNoticeMs === null ? "never" : durationText(delayNoticeMs),
    give_up: durationText(giveUpMs),
    retry: retryMs.map(durationText),
  };
}

/** Shows a [[route]]. */
export function routeTable({ name, when, to, retryMs, giveUpMs, concurrency }: RouteConfig): Table {
  const conditions = Object.entries(when).filter(([, names]) => names.length > 0);
  return inFile({
    name,
    ...Object.fromEntries(conditions),
    ...targetTable(to),
    retry: retryMs?.map(durationText),
    giveUp: giveUpMs === null ? null : durationText(giveUpMs),
    concurrency,
  });
}

function targetTable(to: RouteConfig["to"]): Table {
  switch (to.kind) {
    case "smarthost":
      return { smarthost: smarthostTable(to.smarthost) };
    case "maildir":
      return { maildir: to.maildir };
    case "lmtp":
      return { lmtp: lmtpText(to.address) };
    case "fail":
      return { fail: to.reply };
    case "mx":
      return { mx: true };
    case "discard":
      return { discard: true };
  }
}

function localTable({ to, aliasesFile }: LocalDeliveryConfig): Table {
  return inFile({ ...targetTable(to), aliasesFile });
}

function smarthostTable(
  { host, port, auth, oauth, tls, caFile, allowClearTextPassword, concurrency }: SmarthostConfig,
): Table {
  return {
    ...inFile({ address: addressText({ host, port }), tls, caFile }),
    // Of auth_info_file.
    ...auth !== null && { auth_info: { ...auth, password: MASK } },
    ...oauth !== null && { oauth: oauthTable(oauth) },
    ...inFile({ allowCleartextPassword: allowClearTextPassword, concurrency }),
  };
}

/** What else is known of a provider follows from these. */
function oauthTable({ consentUrl: _consent, loginScope: _scope, ...rest }: SmarthostOAuth): Table {
  return inFile(rest);
}

function mxTable({ resolvers, ...rest }: MxConfig): Table {
  return inFile({ resolvers: resolvers.map(addressText), ...rest });
}

function lmtpText(address: LmtpAddress): string {
  return "path" in address ? `unix:${address.path}` : addressText(address);
}
