/**
 * What [limits] says of what is sent, and [hold], checked and complete.
 *
 * @module
 */

import type { ConnectionValues } from "../policy/connection_rate.ts";
import type { LimitValues } from "../policy/limits.ts";

/** How much may be sent, by whom; what is missing is not limited. */
export interface SendingConfig {
  readonly account: LimitValues;
  readonly credential: LimitValues;
  /** /24 of IPv4, /48 of IPv6. */
  readonly network: LimitValues & ConnectionValues;
  readonly address: LimitValues & ConnectionValues;
  /** Accounts outside all of these. */
  readonly exemptAccounts: readonly string[];
  /** Outside the limits of networks and addresses; never a reason for a hold. */
  readonly exemptNetworks: readonly string[];
  /** Log what is over a limit, and accept it. Default false. */
  readonly reportOnly: boolean;
}

/** When an account is put on hold by itself; `null`: never. */
export interface HoldConfig {
  /** It sends from more networks within an hour. */
  readonly networksPerHour: number | null;
  /** It sends to more new recipients within an hour. */
  readonly newRecipientsPerHour: number | null;
  readonly exemptAccounts: readonly string[];
}
