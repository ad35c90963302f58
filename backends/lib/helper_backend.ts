/**
 * The backend of whoever speaks the protocol of helpers.
 *
 * @module
 */

import type { Answer, Backend } from "../../src/backend.ts";
import { readAnswer } from "./helper_answer.ts";
import type { Heard } from "./helper_life.ts";
import { answerUnasked } from "./helper_options.ts";
import { type Fields, PING, questionFields, readPong } from "./helper_protocol.ts";

/** Who is asked. */
export interface Respondent extends AsyncDisposable {
  /** The answer, or a sentence why there is none. Never rejects. */
  ask(fields: Fields, signal: AbortSignal): Promise<Heard>;
}

/** What a backend is made of. */
export interface HelperBackendOptions {
  readonly answers: Backend["answers"];
  readonly respondent: Respondent;
  /** Whose fault a bad answer is: `the helper`. */
  readonly who: string;
}

/** Makes the backend, which owns the respondent. */
export function createHelperBackend(name: string, { answers, respondent, who }: HelperBackendOptions): Backend {
  return {
    ...{ name, answers },
    ask: async (question, signal): Promise<Answer> => {
      const unasked = answerUnasked(question, answers);
      if (unasked !== null) return unasked;
      const heard = await respondent.ask(questionFields(question), signal);
      if (!heard.ok) return { kind: "unavailable", cause: heard.problem };
      const answer = readAnswer(heard.value, { question, backend: name });
      if (!answer.ok) throw new HelperFault(`${who} ${answer.problem}`);
      return answer.value;
    },
    probe: async (signal) => {
      const heard = await respondent.ask(PING, signal);
      return heard.ok ? readPong(heard.value) : heard;
    },
    [Symbol.asyncDispose]: () => respondent[Symbol.asyncDispose](),
  };
}

/**
 * A question that a helper stumbles over. Thrown, as our own bugs are: an outage would close the backend to everybody, for one name that
 * somebody can send again and again. The name is all that is logged of an error.
 */
class HelperFault extends Error {
  override readonly name: string;

  constructor(text: string) {
    super(text);
    this.name = text;
    this.stack = "";
  }
}
