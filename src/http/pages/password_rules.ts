/**
 * Which new passwords are refused, and how long the others would withstand guessing. Both are estimates of what guessers try first: no
 * rule asks for a digit or a capital letter, which makes passwords longer to type and no harder to guess.
 *
 * @module
 */

/** A password has at least so many characters. */
export const LEAST_CHARACTERS = 10;

/** Why a password is refused: guessers try such ones first. */
export type Weakness = "short" | "same" | "name" | "pattern" | "common";

/** How well a password withstands. `bits`: about 2 to the power of this many guesses find it. */
export interface Strength {
  readonly bits: number;
  readonly grade: "weak" | "fair" | "good" | "strong";
}

/** A password with a name or a common word in it needs so many characters beside. */
const LEAST_BESIDE = 6;
const NAME_LENGTH = 3;
const FEW_CHARACTERS = 3;
const SHORT_PERIOD = 5;
/** The part of steps from one key to the next, or to the next letter or digit, from which on a password is a run. */
const RUN_PART = 0.75;
const KEYBOARD_ROWS = ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"];

/** What the published lists of stolen passwords have at their head, in English and Japanese, as parts of longer ones too. */
const COMMON_WORDS = [
  ...[
    "password",
    "passwort",
    "passw",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfgh",
    "zxcvbn",
    "1q2w3e4r",
    "1qaz2wsx",
    "q1w2e3r4",
  ],
  ...[
    "abc123",
    "123456",
    "654321",
    "111111",
    "000000",
    "123123",
    "iloveyou",
    "letmein",
    "welcome",
    "administrator",
    "admin",
  ],
  ...[
    "dragon",
    "monkey",
    "football",
    "baseball",
    "basketball",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "pokemon",
  ],
  ...["starwars", "trustno1", "whatever", "freedom", "computer", "internet", "samsung", "google", "secret", "changeme"],
  ...[
    "default",
    "temporary",
    "testtest",
    "michael",
    "jennifer",
    "jordan",
    "shadow",
    "master",
    "charlie",
    "jessica",
    "ashley",
  ],
  ...["himitsu", "aishiteru", "sakura", "doraemon", "takahiro", "hiroshi", "yamada", "suzuki", "tanaka", "konnichiwa"],
  ...[
    "arigatou",
    "arigato",
    "yoroshiku",
    "nihon",
    "nippon",
    "tokyo",
    "dokodemo",
    "mailserver",
    "パスワード",
    "あいうえお",
  ],
];
const LOOKALIKES: ReadonlyMap<string, string> = new Map([
  ...[["0", "o"], ["1", "i"], ["3", "e"], ["4", "a"], ["5", "s"], ["7", "t"], ["@", "a"], ["$", "s"], [
    "!",
    "i",
  ]] as const,
]);

/** Why a password of this account cannot be taken, or `null`. The old one is as it was typed. */
export function weaknessOf(
  password: string,
  { account, old }: { readonly account: string; readonly old: string },
): Weakness | null {
  if ([...password].length < LEAST_CHARACTERS) return "short";
  if (password === old) return "same";
  const folded = fold(password);
  const name = fold(account);
  const local = name.slice(0, name.lastIndexOf("@"));
  if ([name, local].some((part) => part.length >= NAME_LENGTH && isLittleMore(folded, part))) return "name";
  if (isPattern(folded)) return "pattern";
  const plain = [...folded].map((character) => LOOKALIKES.get(character) ?? character).join("");
  const isCommon = COMMON_WORDS.some((word) => isLittleMore(folded, word) || isLittleMore(plain, word));
  return isCommon ? "common" : null;
}

/**
 * Estimates from below: words count as words out of a dictionary and not as random letters, dates and runs as what they are. A password of
 * random letters alone can be better than it says.
 */
export function strengthOf(password: string): Strength {
  const parts = password.normalize("NFKC").match(/[A-Za-z]+|\d+|\p{Script=Han}+|[\p{L}\p{M}]+|\s+|[^]/gu) ?? [];
  const seen = new Set<string>();
  let sum = 0;
  for (const part of parts) {
    sum += seen.has(part) ? Math.min(2, bitsOf(part)) : bitsOf(part);
    seen.add(part);
  }
  const bits = Math.round(sum);
  return { bits, grade: bits < 36 ? "weak" : bits < 50 ? "fair" : bits < 66 ? "good" : "strong" };
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

function isLittleMore(password: string, part: string): boolean {
  return password.includes(part) && [...password.replaceAll(part, "")].length < LEAST_BESIDE;
}

function isPattern(password: string): boolean {
  const characters = [...password];
  if (new Set(characters).size <= FEW_CHARACTERS) return true;
  for (let period = 2; period <= Math.min(SHORT_PERIOD, characters.length / 2); period++) {
    if (characters.every((character, at) => at < period || character === characters[at - period])) return true;
  }
  const steps = characters.filter((character, at) => at > 0 && isStep(characters[at - 1] ?? "", character)).length;
  return steps / (characters.length - 1) >= RUN_PART;
}

function isStep(from: string, to: string): boolean {
  if (Math.abs((to.codePointAt(0) ?? 0) - (from.codePointAt(0) ?? 0)) <= 1) return true;
  return KEYBOARD_ROWS.some((row) => row.includes(from) && Math.abs(row.indexOf(to) - row.indexOf(from)) === 1);
}

function bitsOf(part: string): number {
  const { length } = [...part];
  if (/^[A-Za-z]/.test(part)) return letterBits(part);
  if (/^\d/.test(part)) return digitBits(part);
  if (/^\s/.test(part)) return 1;
  // A word of Chinese characters has about two of them, of kana or other letters about five.
  if (/^\p{Script=Han}/u.test(part)) return Math.min(7 * length, 13 * Math.ceil(length / 2));
  if (/^\p{L}/u.test(part)) return Math.min(4 * length, 13 * Math.ceil(length / 6));
  return 4;
}

function letterBits(part: string): number {
  const { length } = part;
  const vowels = part.match(/[aeiouy]/gi)?.length ?? 0;
  const isMixed = /[a-z][A-Z]/.test(part);
  const isWord = length >= 3 && !isMixed && vowels / length >= 0.2 && vowels / length <= 0.75;
  if (isWord) return Math.min(4.7 * length, 13 * Math.ceil(length / 8)) + (/^[A-Z]/.test(part) ? 1 : 0);
  const isRun = length >= 4 && isPattern(part.toLowerCase());
  return isRun ? 6 : (isMixed ? 5.7 : 4.7) * length;
}

function digitBits(part: string): number {
  const { length } = part;
  if (length >= 3 && isPattern(part)) return 5;
  if (/^(?:19|20)\d\d$/.test(part)) return 7;
  // Most of them are dates.
  if (length === 6 || length === 8) return 15;
  return 3.3 * length;
}
