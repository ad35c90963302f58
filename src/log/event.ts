/**
 * Everything that is ever logged, as a closed union: no field can hold a password or content.
 *
 * @module
 */

/** How one backend answered, for the chain in an authentication line. */
export interface ChainStep {
  readonly backend: string;
  /** `accepted`, `verifiers`, `rejected:wrong-secret`, `unavailable:connection refused`. */
  readonly answer: string;
  readonly ms: number;
}

/** One event, one line. `session` is the id in `(session.n)` of a reply; `id` is that whole. */
export type LogEvent =
  | { readonly kind: "starting"; readonly version: string; readonly config: string; readonly pid: number }
  | { readonly kind: "listening"; readonly listener: string; readonly address: string; readonly role: string }
  | { readonly kind: "ready"; readonly ms: number }
  | { readonly kind: "warning"; readonly about: string; readonly text: string }
  /** Something the administrator has to act on; `text` says what to do. */
  | {
    readonly kind: "alarm";
    readonly about: string;
    readonly text: string;
    /** Of a smarthost: the route that leads there, where one alone does. */
    readonly route?: string;
    /** `host:port`. */
    readonly smarthost?: string;
  }
  /** A backend that lies elsewhere does not answer. Until it does it is asked once at a time. */
  | { readonly kind: "backend-down"; readonly backend: string; readonly reason: string }
  | { readonly kind: "backend-up"; readonly backend: string }
  | { readonly kind: "bug"; readonly where: string; readonly id: string | null; readonly text: string }
  /** A bearer token that is unknown, expired or revoked was shown to the API. */
  | { readonly kind: "token-refused"; readonly remote: string }
  | { readonly kind: "reloaded"; readonly config: string }
  /** No connection and no delivery needs the configuration any more that a reload has replaced; what it opened is closed. */
  | { readonly kind: "retired"; readonly config: string }
  | { readonly kind: "reload-refused"; readonly config: string; readonly mistakes: readonly string[] }
  | { readonly kind: "draining"; readonly connections: number }
  | { readonly kind: "stopped"; readonly reason: string }
  | {
    readonly kind: "disconnected";
    readonly session: string;
    readonly remote: string;
    /** Through which it came. */
    readonly proxy?: string;
    readonly reason: string;
    readonly mails: number;
    readonly ms: number;
  }
  | {
    readonly kind: "tls";
    readonly session: string;
    readonly remote: string;
    /** Where it ended, if not here. */
    readonly proxy?: string;
    readonly version: string;
    readonly cipher: string;
    /** The name in the certificate of the client that the proxy found good. */
    readonly commonName?: string;
  }
  | { readonly kind: "tls-failed"; readonly session: string; readonly remote: string; readonly reason: string }
  /** One for each end of an exchange. This line is stable: fail2ban reads it. */
  | {
    readonly kind: "authentication";
    readonly id: string;
    readonly remote: string;
    readonly listener: string;
    readonly mechanism: string;
    readonly tls: string | null;
    readonly authcid: string | null;
    readonly authzid: string | null;
    readonly account: string | null;
    readonly credential: string | null;
    readonly result: "accepted" | "rejected" | "too-weak" | "delayed" | "unavailable" | "malformed" | "cancelled";
    readonly reason: string;
    readonly chain: readonly ChainStep[];
    readonly ms: number;
  }
  /** A 4xx or 5xx that was sent; `why` is for the administrator. */
  | {
    readonly kind: "refused";
    readonly id: string;
    readonly remote: string;
    readonly account: string | null;
    readonly command: string;
    readonly code: number;
    readonly enhanced: string | null;
    readonly why: string;
  }
  | {
    readonly kind: "accepted-mail";
    readonly mail: string;
    readonly session: string;
    readonly remote: string;
    readonly account: string | null;
    readonly reversePath: string;
    readonly recipients: number;
    readonly octets: number;
  }
  /** The sender rule let a mail go that it would have refused; `id` is the mail's, or the session's at MAIL. */
  | {
    readonly kind: "foreign-sender";
    readonly id: string;
    readonly remote: string;
    readonly account: string;
    readonly action: "rewritten" | "reported";
    readonly why: string;
  }
  /** It got its 250 and was thrown away, as the access map wants it. */
  | {
    readonly kind: "discarded-mail";
    readonly session: string;
    readonly remote: string;
    readonly account: string | null;
    readonly reversePath: string;
    readonly recipients: number;
    readonly octets: number;
    readonly rule: string;
  }
  /** What a device did wrong and what was repaired, `bare-lf 12`; once for a connection. */
  | {
    readonly kind: "repaired";
    readonly session: string;
    readonly remote: string;
    readonly account: string | null;
    readonly repairs: readonly string[];
  }
  | {
    readonly kind: "delivery";
    readonly mail: string;
    readonly recipient: string;
    readonly route: string;
    readonly host: string;
    readonly outcome: "delivered" | "relayed" | "deferred" | "failed";
    readonly reply: string;
    readonly attempts: number;
    readonly next: string | null;
    /** From the look for a connection to the outcome; null where the hop was not tried. */
    readonly ms: number | null;
  }
  /** A report is in the queue; `about`: the recipients of the mail. */
  | {
    readonly kind: "notice";
    readonly mail: string;
    readonly to: string;
    readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
    readonly about: string;
  }
  /** Over a limit; with `reported` it was let through all the same. `used` counts what is under way too. */
  | {
    readonly kind: "limit-reached";
    readonly session: string;
    readonly remote: string;
    readonly account: string | null;
    readonly scope: "account" | "credential" | "network" | "address";
    readonly subject: string;
    readonly limit: string;
    readonly used: number;
    readonly wanted: number;
    readonly most: number;
    /** When it opens again; `null`: what was asked can never fit, or it opens when a connection ends. */
    readonly opens: string | null;
    readonly reported: boolean;
  }
  /** The mail of this account is accepted and not sent until somebody releases it: to be looked at soon. */
  | {
    readonly kind: "account-held";
    readonly account: string;
    readonly rule: string;
    readonly by: string;
    /** Those that waited already and are held now. */
    readonly mails: number;
    readonly remedy: string;
  }
  | { readonly kind: "account-released"; readonly account: string; readonly by: string; readonly mails: number }
  | { readonly kind: "mail-done"; readonly mail: string; readonly ms: number }
  | { readonly kind: "queue-changed"; readonly mail: string; readonly what: string; readonly by: string }
  /** A network was closed, or opened again. The first of these lines is stable: whoever bans at the firewall too may read it. */
  | {
    readonly kind: "banned";
    readonly network: string;
    readonly until: string | null;
    readonly reason: string;
    readonly by: string;
  }
  | { readonly kind: "ban-lifted"; readonly network: string; readonly by: string }
  | { readonly kind: "account-changed"; readonly account: string; readonly what: string; readonly by: string };

/** Takes an event. Never throws and never waits. */
export type Log = (event: LogEvent) => void;
