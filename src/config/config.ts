/**
 * The configuration, checked and complete: what `load.ts` makes of a TOML file. Keys are the file's in camelCase; times are in
 * milliseconds, sizes in octets, domains lower-case A-labels, paths absolute.
 *
 * @module
 */

import type { MasqueradeRules } from "../policy/masquerade.ts";
import type { RouteConditions } from "../policy/routes.ts";
import type { SenderMode } from "../policy/sender.ts";
import type { BansConfig, GuessingConfig } from "./guessing.ts";
import type { HoldConfig, SendingConfig } from "./sending.ts";

/** A whole configuration, with every default filled in. */
export interface Config {
  /** The name in the greeting, in EHLO replies and in Received fields. */
  readonly hostname: string;
  /** Completes a bare user name. Default: the first of `local_domains`, else `hostname`. */
  readonly defaultRealm: string;
  /** Domains whose mail is delivered here; those of `local_domains_file` (sendmail's local-host-names) are added. */
  readonly localDomains: readonly string[];
  /** Addresses of local domains that another account gets: address = account. */
  readonly localRecipients: ReadonlyMap<string, string>;
  /** The account that gets mail for postmaster. */
  readonly postmaster: string | null;
  /** Where queue, accounts and sockets are. Default `/var/lib/dokodemo`. */
  readonly dataDir: string;
  /** The user to become after binding, when started as root. */
  readonly user: string | null;
  readonly tls: TlsConfig | null;
  readonly listeners: readonly ListenerConfig[];
  readonly sasl: SaslConfig;
  /** One for each name that `pwcheck_method` uses. */
  readonly backends: readonly BackendConfig[];
  readonly delivery: DeliveryConfig;
  /** In the order of the file: the first whose conditions fit is taken. */
  readonly routes: readonly RouteConfig[];
  readonly message: MessageConfig;
  readonly notices: NoticesConfig;
  readonly sendmail: SendmailConfig;
  readonly dkim: DkimConfig;
  readonly access: AccessConfig;
  readonly sender: SenderConfig;
  /** How addresses are rewritten; `null`: they are not. */
  readonly masquerade: MasqueradeRules | null;
  readonly limits: LimitsConfig;
  /** What [limits] says of what is sent. */
  readonly sending: SendingConfig;
  readonly hold: HoldConfig;
  readonly guessing: GuessingConfig;
  readonly bans: BansConfig;
  readonly http: HttpConfig | null;
  readonly webhooks: readonly WebhookConfig[];
  readonly log: LogConfig;
}

/** Who may send what, and who relays without a login. */
export interface AccessConfig {
  /** sendmail's access map; it may be missing, and is read again when it changes. */
  readonly file: string | null;
  /** Whether recipients are looked up in it, too. Default true. */
  readonly blacklistRecipients: boolean;
  /** Whether a domain that is relayed to is itself alone. Default false: its subdomains too. */
  readonly relayHostsOnly: boolean;
  /** Domains to which everybody may relay; those of `relay_domains_file` are added. */
  readonly relayDomains: readonly string[];
  /** Networks that relay without a login; those of `relay_domains_file` are added. */
  readonly relayNetworks: readonly string[];
  /** Whether MAIL needs a HELO or EHLO before it. Default true. */
  readonly needHello: boolean;
}

/** Which addresses an account may send as, beside what each listener does about it. */
export interface SenderConfig {
  /** By the account's name, in place of the listener's. */
  readonly accounts: ReadonlyMap<string, SenderMode>;
  /** What parts a sub-address from its mailbox; `null`: nothing does. */
  readonly recipientDelimiter: string | null;
}

/** The certificate shown to clients. */
export interface TlsConfig {
  /** PEM, the chain after it. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** One address to listen on. */
export interface ListenerConfig {
  /** Unique; in the log and in Received fields. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `mta`: mail for our domains from anyone, relaying for the authenticated; `msa`: nothing without authentication. */
  readonly role: "mta" | "msa";
  /** TLS from the first octet (RFC 8314), after STARTTLS (RFC 3207), or not at all. Default `starttls`, without [tls] `none`. */
  readonly tls: "implicit" | "starttls" | "none";
  /** Before TLS only EHLO, NOOP, STARTTLS, QUIT and HELP. Default: true for `msa`. */
  readonly requireTls: boolean;
  /** Mechanisms offered here although some served realm cannot use them; null: the rule decides. */
  readonly mechList: readonly string[] | null;
  /** What is done about senders that are not the account's. Default: `reject` for `msa`, `report` for `mta`. */
  readonly sender: SenderMode;
  /** Proxies that say in a PROXY header for whom they connect; nobody else is let in. Empty: clients come by themselves. */
  readonly proxy: readonly string[];
}

/** Who authenticates how. */
export interface SaslConfig {
  /** Names of backends, asked in this order; a chain that the file names is here its backends. */
  readonly pwcheckMethod: readonly string[];
  /** The upper bound of what is offered, in the order of EHLO. */
  readonly mechList: readonly string[];
  /** Mechanisms that permit relaying (TRUST_AUTH_MECH). Default: `mech_list`. */
  readonly trustMech: readonly string[];
  /** Realms served; empty: every realm in which a backend has accounts. */
  readonly realms: readonly string[];
  /** Networks that may authenticate without TLS. */
  readonly cleartextNetworks: readonly string[];
  /** Mechanisms offered there without TLS. */
  readonly cleartextMechs: readonly string[];
  /** Whether the user part of a name is compared with case. Default true. */
  readonly userCaseSensitive: boolean;
  /** Whether CRAM-MD5 and DIGEST-MD5 verifiers are made when a password is set. Default true. */
  readonly legacyVerifiers: boolean;
  /** Whether an imported password hash gets all verifiers at the next login by PLAIN or LOGIN. Default true. */
  readonly upgradeImported: boolean;
  /** Whether a right password is remembered for five minutes, as a keyed hash, so that it costs one scrypt. Default true. */
  readonly successCache: boolean;
  /** Whether an outage is told as a wrong password (535) and not as an outage (454). Default false. */
  readonly outageIsRejection: boolean;
  /** Whether an app password works while the account's backend is down, if that knew the account within 24 h. Default false. */
  readonly appPasswordOutage: boolean;
  /** Also a `250-AUTH=LOGIN PLAIN` line for clients from before RFC 2554. Default false. */
  readonly legacyAuthLine: boolean;
}

/** One backend's section. */
export interface BackendConfig {
  readonly name: string;
  /** The type's name of today. */
  readonly type: string;
  readonly deadlineMs: number;
  /** `sufficient`: its yes is enough; `required`: without its yes there is none. Default `sufficient`. */
  readonly control: "sufficient" | "required";
  /** The realms it is asked for; empty: each. */
  readonly realms: readonly string[];
  /** Most questions at a time; a backend on this machine is not limited. */
  readonly concurrency: number;
  /** What the backend's own schema has made of its keys. */
  readonly options: unknown;
}

/** Where mail goes. */
export interface DeliveryConfig {
  /** The route of mail that is not for here; `none` without [delivery.smarthost]. */
  readonly default: "smarthost" | "mx" | "none";
  readonly smarthost: SmarthostConfig | null;
  readonly mx: MxConfig;
  readonly local: LocalDeliveryConfig | null;
  /** Domains whose mail is tried at once when anybody says ETRN on an `mta` listener (RFC 1985). */
  readonly etrnDomains: readonly string[];
  /** A mail that waits for longer is told to its sender; `null`: never. Default 4 h. */
  readonly delayNoticeMs: number | null;
  /** A mail is given up after this. Default 5 days. */
  readonly giveUpMs: number;
  /** The waits before the second, third, ... attempt; the last one repeats. Default 5 min, 15 min, 30 min, 1 h, 2 h, 4 h. */
  readonly retryMs: readonly number[];
}

/** The next hop of mail that is not for here. */
export interface SmarthostConfig {
  readonly host: string;
  readonly port: number;
  /** `implicit` and `required` check the certificate; `opportunistic` takes what there is; `never` uses no TLS. */
  readonly tls: "required" | "implicit" | "opportunistic" | "never";
  /** PEM of the authorities to trust instead of the system's. */
  readonly caFile: string | null;
  /** At most one of `auth` and `oauth`. */
  readonly auth: SmarthostAuth | null;
  readonly oauth: SmarthostOAuth | null;
  /** PLAIN and LOGIN also without checked TLS. Default false. */
  readonly allowClearTextPassword: boolean;
  readonly concurrency: number;
}

/** Delivery straight to the hosts of a domain. */
export interface MxConfig {
  /** Name servers; empty: those of the system. */
  readonly resolvers: readonly { readonly host: string; readonly port: number }[];
  /** Addresses of this machine to send from; empty: the system chooses. */
  readonly sourceAddresses: readonly string[];
  /** Whether policies of RFC 8461 are looked for. Default true. */
  readonly mtaSts: boolean;
  /** PEM of the authorities to trust instead of the system's. */
  readonly caFile: string | null;
  /** Conversations with one domain at once. Default 2. */
  readonly concurrency: number;
}

/** The four lines of `auth_info_file` (the how-to's default-auth-info). */
export interface SmarthostAuth {
  readonly authzid: string;
  readonly authcid: string;
  readonly password: string;
  readonly realm: string;
}

/** How access tokens for the next hop are got. The files are read when a token is asked for, so that they can be mended without a reload. */
export interface SmarthostOAuth {
  readonly provider: "microsoft" | "google" | "custom";
  /** The mailbox that the token opens. */
  readonly user: string;
  /** Of microsoft. */
  readonly tenant: string | null;
  readonly clientId: string;
  /** `null`: a public client. */
  readonly clientSecretFile: string | null;
  /** `null`: the grant is `client_credentials`, else `refresh_token`. */
  readonly refreshTokenFile: string | null;
  readonly tokenUrl: string;
  /** RFC 8628; `null`: the provider has none for mail. */
  readonly deviceUrl: string | null;
  /** Where a person agrees in a browser on this machine (RFC 6749 section 4.1). */
  readonly consentUrl: string | null;
  /** Of token requests; `null`: that of the refresh token. */
  readonly scope: string | null;
  /** What a person is asked to agree to. */
  readonly loginScope: string | null;
  readonly caFile: string | null;
}

/** Where a server of LMTP listens: on TCP, or on a socket of the file system. */
export type LmtpAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Delivery to people who have their mail here. */
export interface LocalDeliveryConfig {
  /** How: into Maildir folders, or by LMTP. */
  readonly to: MaildirTarget | LmtpTarget;
  /** Names and who gets their mail, in sendmail's syntax. */
  readonly aliasesFile: string | null;
}

/** Into Maildir folders. */
export interface MaildirTarget {
  readonly kind: "maildir";
  /** An absolute path; `{user}`, `{realm}` and `{account}` stand for the account's. */
  readonly maildir: string;
}

/** To a server that speaks LMTP (RFC 2033). */
export interface LmtpTarget {
  readonly kind: "lmtp";
  readonly address: LmtpAddress;
}

/** A [[route]]: mail that fits its conditions goes there. */
export interface RouteConfig {
  /** Unique; in the log, and none of those that the program has itself. */
  readonly name: string;
  readonly when: RouteConditions;
  readonly to:
    | { readonly kind: "smarthost"; readonly smarthost: SmarthostConfig }
    | { readonly kind: "mx" }
    | MaildirTarget
    | LmtpTarget
    | { readonly kind: "discard" }
    /** `reply` begins with its codes. */
    | { readonly kind: "fail"; readonly reply: string; readonly enhanced: string };
  /** `null`: those of [delivery]. */
  readonly retryMs: readonly number[] | null;
  readonly giveUpMs: number | null;
  /** Conversations with one place at once; `null`: as many as that kind of place gets. */
  readonly concurrency: number | null;
}

/** What is done to content. */
export interface MessageConfig {
  /** Leaves the client's address and login out of Received. Default false. */
  readonly hideClient: boolean;
  /** Removes Bcc fields of submitted mail. Default false. */
  readonly removeBcc: boolean;
}

/** Signatures of outgoing mail (RFC 6376). */
export interface DkimConfig {
  /** Where the keys are. Default: `dkim` in `data_dir`. */
  readonly folder: string;
  /** The only domains to sign for; null: each that has a key in use. */
  readonly domains: readonly string[] | null;
  /** The keys in use, by domain; empty where files were not read. */
  readonly keys: ReadonlyMap<string, DkimDomain>;
}

/** A domain that is signed for. */
export interface DkimDomain {
  readonly domain: string;
  /** Each makes a signature. */
  readonly keys: readonly DkimKey[];
}

/** A private key. */
export interface DkimKey {
  readonly kind: "rsa" | "ed25519";
  /** The name under which the public key is published. */
  readonly selector: string;
  readonly file: string;
  /** DER. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
}

/** Reports of failures, delays and success. */
export interface NoticesConfig {
  /** Of the text for people, in this order; not empty. Default English, then Japanese. */
  readonly languages: readonly ("en" | "ja")[];
  /** Copies of reports of failures to the postmaster, and word of reports that cannot be delivered. Default false. */
  readonly postmasterCopies: boolean;
}

/** Mail of programs on this machine. */
export interface SendmailConfig {
  /** Users of the system who may send in the name of others. Default root and daemon. */
  readonly trustedUsers: readonly string[];
}

/** What one client, and all of them, may use. */
export interface LimitsConfig {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly recipients: number;
  readonly messageSize: number;
  readonly authFailures: number;
  readonly protocolErrors: number;
  readonly refusedRecipients: number;
  readonly sessionBeforeAuthMs: number;
  readonly commandMs: number;
  readonly drainMs: number;
}

/** The HTTP sidecar. */
export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** The origin that people type, such as `https://mail.foobar.co.jp`; null: only this machine, or the host name, is meant. */
  readonly publicUrl: string | null;
  /** HTTPS with the certificate of [tls]. Default false. */
  readonly tls: boolean;
  /** Peers whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[];
  /** What mail clients are told of reading mail; null: no file is given out. */
  readonly profiles: ProfilesConfig | null;
}

/** What mail clients need beside what is known here. */
export interface ProfilesConfig {
  /** What they call the account. Default: the host name. */
  readonly name: string;
  readonly imap: MailServer | null;
  readonly pop: MailServer | null;
}

/** A server that mail is read from. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly tls: "implicit" | "starttls";
}

/** Somebody who is told by POST. */
export interface WebhookConfig {
  readonly url: string;
  /** The key of the signatures; empty where files were not read. */
  readonly secret: string;
  readonly events: readonly WebhookEvent[];
  /** A mail that waits for longer is old. Default 1 h. */
  readonly queueAgeMs: number;
}

/** What can be told. */
export type WebhookEvent =
  | "account-held"
  | "backend-down"
  | "backend-up"
  | "certificate-near-end"
  | "network-banned"
  | "queue-old"
  | "smarthost-refused";

/** The log. */
export interface LogConfig {
  /** `auto`: text for a terminal, else JSON. */
  readonly format: "auto" | "text" | "json";
  /** How long the authentication log goes back. Default 90. */
  readonly authenticationDays: number;
}
