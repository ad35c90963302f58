/**
 * What the HTTP applications get of a running server.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import { changePassword } from "../http/password.ts";
import type { Current, SidecarParts } from "../http/parts.ts";
import { signIn } from "../http/sign_in.ts";
import type { Log } from "../log/event.ts";
import type { AuthenticationEvent } from "../records/records.ts";
import type { Standing } from "./standing.ts";

/** What of the server is needed beside what lives as long as the process. */
export interface SidecarHost extends Pick<SidecarParts, "health" | "onRetry" | "reload" | "status" | "simulate"> {
  readonly standing: Standing;
  readonly log: Log;
  readonly current: () => Current;
  /** An id for the log lines of one login. */
  readonly nextSession: () => string;
}

/** The parts, and what has to hear of each event and to be ended. */
export interface Sidecar extends Disposable {
  /** All but the metrics, which are there before. */
  readonly parts: Omit<SidecarParts, "metrics">;
  readonly note: Log;
}

const SWEEP_MS = 60 * 60_000;
/** The realm doctor may ask backends before a failure is logged. */
const LOGGED_WITHIN_MS = 3_000;

/** Puts the parts together. */
export function createSidecar(host: SidecarHost): Sidecar {
  const { standing, log, current, nextSession } = host;
  const { records, spool, limits, enrolments } = standing;
  const trials = new Map<string, (event: AuthenticationEvent) => void>();
  const sweep = () => {
    try {
      records.sweep(Date.now(), current().config.log);
      standing.sweep();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log({ kind: "alarm", about: "records", text: `Cannot remove what is old from the records: ${reason}` });
    }
  };
  const sweeper = setInterval(sweep, SWEEP_MS);
  Deno.unrefTimer(sweeper);

  const judge = (request: Parameters<SidecarParts["signIn"]>[0], { signal, session }: {
    readonly signal: AbortSignal;
    readonly session: string;
  }) => {
    const { authenticator, config, appPasswords } = current();
    // A device that holds an app password must not be able to take the whole account over.
    const isMain = (account: Account, credential: string) => appPasswords.isMain(account, credential);
    return signIn({ authenticator, isMain, defaultRealm: config.defaultRealm }, { ...request, session }, { signal });
  };
  const parts: Sidecar["parts"] = {
    ...{ log, spool, records, limits, enrolments, current },
    ...{ health: host.health, onRetry: host.onRetry, reload: host.reload, status: host.status },
    simulate: host.simulate,
    now: Date.now,
    signIn: (request, { signal }) => judge(request, { signal, session: nextSession() }),
    tryLogin: async (request, { signal }) => {
      const session = nextSession();
      const logged = Promise.withResolvers<AuthenticationEvent | null>();
      trials.set(`${session}.1`, logged.resolve);
      try {
        await judge(request, { signal, session });
        const timer = setTimeout(() => logged.resolve(null), LOGGED_WITHIN_MS);
        return await logged.promise.finally(() => clearTimeout(timer));
      } finally {
        trials.delete(`${session}.1`);
      }
    },
    changePassword: (request, options) =>
      changePassword(
        {
          signIn: parts.signIn,
          accountsOf: (backend) => current().stores.get(backend) ?? null,
          onChanged: (account) => records.sessions.endOthers(account, null),
          log,
        },
        request,
        options,
      ),
  };
  return {
    parts,
    note: (event) => {
      if (event.kind !== "authentication") return;
      records.authentications.note(event, Date.now());
      trials.get(event.id)?.(event);
    },
    [Symbol.dispose]: () => clearInterval(sweeper),
  };
}
