/**
 * Access tokens of one mailbox: kept, renewed ahead of their end, and asked for once however many want one.
 *
 * @module
 */

import type { SmarthostOAuth } from "../../config/config.ts";
import { readSecretLine } from "../../config/private_file.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { loginAdvice, type TokenProblem } from "./problem.ts";
import { writeRefreshToken } from "./refresh_token_file.ts";
import { requestToken, type TokenGrant, type TokenSecrets } from "./token_request.ts";

/** What a source lives with. */
export interface TokenSourceSettings {
  readonly config: SmarthostOAuth;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What nobody waits for: a renewal ahead that failed, a refresh token that cannot be kept. */
  readonly report: (text: string) => void;
}

interface HeldToken {
  readonly token: string;
  readonly from: number;
  readonly until: number;
  /** When a new one is asked for. */
  readonly renewAt: number;
}

/** RFC 6749 section 5.1 lets a server keep silent about the life of a token. */
const USUAL_LIFE_MS = 3_600_000;
const AHEAD_MS = 5 * 60_000;
const AHEAD_PART = 0.8;
/** After a renewal ahead that failed. */
const PAUSE_MS = 60_000;
/** When the server stops. */
const LAST_ANSWER_MS = 5_000;

/** Where access tokens come from. */
export class TokenSource implements AsyncDisposable {
  readonly #settings: TokenSourceSettings;
  readonly #stop = new AbortController();
  #held: HeldToken | null = null;
  #asking: Promise<Result<string, TokenProblem>> | null = null;
  /** A refresh token that could not be written, and the one in the file that it replaces. */
  #unwritten: { readonly old: string; readonly token: string } | null = null;

  constructor(settings: TokenSourceSettings) {
    this.#settings = settings;
  }

  /** A token that is good by our clock. The problem is a temporary one each time. */
  get(signal: AbortSignal): Promise<Result<string, TokenProblem>> {
    const now = this.#settings.now();
    const held = this.#held;
    // A clock that was put back says nothing of how old the token is.
    if (held === null || now >= held.until || now < held.from) return untilAborted(this.#ask(), signal);
    if (now >= held.renewAt) void this.#renewAhead();
    return Promise.resolve(succeed(held.token));
  }

  /** A token in the place of one that a server refused although it should be good. */
  renew(refused: string, signal: AbortSignal): Promise<Result<string, TokenProblem>> {
    if (this.#held?.token === refused) this.#held = null;
    return this.get(signal);
  }

  /** Asks for no more tokens. A request under way is waited for some seconds: its answer may hold the only good refresh token. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), LAST_ANSWER_MS);
    await this.#asking;
    clearTimeout(timer);
    this.#stop.abort();
  }

  async #renewAhead(): Promise<void> {
    if (this.#asking !== null) return;
    const before = this.#held;
    const answer = await this.#ask();
    if (answer.ok || answer.problem.kind === "aborted") return;
    // Another one may be here by now, or none where it was refused.
    if (before !== null && this.#held === before) {
      this.#held = { ...before, renewAt: this.#settings.now() + PAUSE_MS };
    }
    this.#settings.report(answer.problem.text);
  }

  #ask(): Promise<Result<string, TokenProblem>> {
    this.#asking ??= this.#askNow().finally(() => this.#asking = null);
    return this.#asking;
  }

  async #askNow(): Promise<Result<string, TokenProblem>> {
    const { config, now } = this.#settings;
    for (let last: string | null = null;;) {
      const secrets = await this.#readSecrets();
      if (!secrets.ok) return secrets;
      const { refreshToken } = secrets.value;
      const asked = now();
      const answer = await requestToken(config, secrets.value, this.#stop.signal);
      if (answer.ok) {
        if (refreshToken !== null) await this.#keepRefreshToken(refreshToken, answer.value);
        this.#held = heldToken(answer.value, asked);
        return succeed(answer.value.accessToken);
      }
      // Somebody else, or another process of ours, may have replaced the refresh token while we asked.
      const outdated = answer.problem.kind === "refused" && answer.problem.error === "invalid_grant" && last === null &&
        refreshToken !== null && await this.#isReplaced(refreshToken);
      if (!outdated) return answer;
      last = refreshToken;
    }
  }

  async #readSecrets(): Promise<Result<TokenSecrets, TokenProblem>> {
    const { clientSecretFile, refreshTokenFile } = this.#settings.config;
    const clientSecret = clientSecretFile === null ? succeed(null) : await readSecretLine(clientSecretFile);
    if (!clientSecret.ok) return fail({ kind: "no-grant", text: clientSecret.problem });
    if (refreshTokenFile === null) return succeed({ clientSecret: clientSecret.value, refreshToken: null });
    const inFile = await readSecretLine(refreshTokenFile);
    if (!inFile.ok) {
      const text = `No refresh token for ${this.#settings.config.user}: ${inFile.problem}; ${
        loginAdvice(this.#settings.config)
      }`;
      return fail({ kind: "no-grant", text });
    }
    const unwritten = this.#unwritten;
    const refreshToken = unwritten?.old === inFile.value ? unwritten.token : inFile.value;
    return succeed({ clientSecret: clientSecret.value, refreshToken });
  }

  async #isReplaced(used: string): Promise<boolean> {
    const secrets = await this.#readSecrets();
    return secrets.ok && secrets.value.refreshToken !== used;
  }

  /** Before the access token is used: after that a crash would leave us with a refresh token that is worth nothing. */
  async #keepRefreshToken(used: string, { refreshToken: token }: TokenGrant): Promise<void> {
    const { config: { refreshTokenFile, user }, report } = this.#settings;
    if (refreshTokenFile === null) return;
    const inFile = await readSecretLine(refreshTokenFile);
    const ours = inFile.ok && (inFile.value === used || inFile.value === this.#unwritten?.old);
    const newest = token ?? used;
    // What a person has put there meanwhile is newer, and what is there already need not be written.
    if (!ours || inFile.value === newest) return;
    try {
      await writeRefreshToken(refreshTokenFile, newest);
      this.#unwritten = null;
    } catch (error) {
      this.#unwritten = { old: inFile.value, token: newest };
      const why = error instanceof Error ? error.message : "unknown reason";
      report(
        `Cannot write the new refresh token of ${user} to ${refreshTokenFile} (${why}): ` +
          "it is lost when the server stops; let the service write to that folder",
      );
    }
  }
}

function heldToken({ accessToken, lifeMs }: TokenGrant, asked: number): HeldToken {
  const life = lifeMs ?? USUAL_LIFE_MS;
  const ahead = Math.max(life / 2, Math.min(life * AHEAD_PART, life - AHEAD_MS));
  return { token: accessToken, from: asked, until: asked + life, renewAt: asked + ahead };
}

/** The request goes on for others when one caller wants it no more. */
function untilAborted(
  asking: Promise<Result<string, TokenProblem>>,
  signal: AbortSignal,
): Promise<Result<string, TokenProblem>> {
  const { promise, resolve } = Promise.withResolvers<Result<string, TokenProblem>>();
  const abort = () => resolve(fail({ kind: "aborted" }));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  asking.then(resolve).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}
