/**
 * Completion scripts for the shells, as text. They are complete in themselves: a shell starts no program at the Tab key.
 *
 * @module
 */

/** A shell that has a script. */
export type Shell = "bash" | "zsh" | "fish";

/** A word that can be typed, and what it does. */
export interface CompletionWord {
  readonly word: string;
  readonly summary: string;
}

/** The script for a shell. The keys of `words` are the commands typed so far (`user add`), the first one empty. */
export function formatCompletions(shell: Shell, words: ReadonlyMap<string, readonly CompletionWord[]>): string {
  switch (shell) {
    case "bash":
      return bash(words);
    case "zsh":
      return zsh(words);
    case "fish":
      return fish(words);
  }
}

/** Joins the words that are commands, then looks them up; a name that is no command ends the path. */
function bash(words: ReadonlyMap<string, readonly CompletionWord[]>): string {
  const cases = Array.from(
    words,
    ([path, list]) => `    ${quote(path)}) words=${quote(list.map(({ word }) => word).join(" "))} ;;`,
  );
  return `# bash completion for dokodemo: eval "$(dokodemo completions bash)"
_dokodemo() {
  local path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${pathCases(words)}
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    --config) COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
  esac
}
complete -F _dokodemo dokodemo`;
}

function zsh(words: ReadonlyMap<string, readonly CompletionWord[]>): string {
  const cases = Array.from(words, ([path, list]) => {
    const entries = list.map(({ word, summary }) => quote(`${word.replaceAll(":", "\\:")}:${summary}`));
    return `    ${quote(path)}) entries=(${entries.join(" ")}) ;;`;
  });
  return `#compdef dokodemo
# zsh completion for dokodemo: eval "$(dokodemo completions zsh)"
_dokodemo() {
  local cmdpath="" word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$cmdpath $word" in
${pathCases(words).replaceAll("path=", "cmdpath=")}
    esac
  done
  if [[ "\${words[CURRENT-1]}" == --config ]]; then _files; return; fi
  case "$cmdpath" in
${cases.join("\n")}
  esac
  _describe dokodemo entries
}
compdef _dokodemo dokodemo`;
}

function fish(words: ReadonlyMap<string, readonly CompletionWord[]>): string {
  const lines = Array.from(words, ([path, list]) => {
    const typed = path === "" ? [] : path.split(" ");
    const inside = typed.map((word) => `__fish_seen_subcommand_from ${word}`);
    const next = list.filter(({ word }) => words.has(path === "" ? word : `${path} ${word}`)).map(({ word }) => word);
    const outside = next.length === 0 ? [] : [`not __fish_seen_subcommand_from ${next.join(" ")}`];
    const condition = [...inside, ...outside].join("; and ");
    return list.map(({ word, summary }) => {
      const what = word.startsWith("--")
        ? `-l ${word.slice(2)}`
        : word.startsWith("-")
        ? `-s ${word.slice(1)}`
        : `-a ${word}`;
      const files = word === "--config" ? " -rF" : "";
      return `complete -c dokodemo -n ${quote(condition)} ${what}${files} -d ${quote(summary)}`;
    }).join("\n");
  });
  return `# fish completion for dokodemo: dokodemo completions fish | source\ncomplete -c dokodemo -f\n${
    lines.join("\n")
  }`;
}

function pathCases(words: ReadonlyMap<string, readonly CompletionWord[]>): string {
  return [...words.keys()].filter((path) => path !== "").map((path) => {
    const before = path.includes(" ") ? path : ` ${path}`;
    return `      ${quote(before)}) path=${quote(path)} ;;`;
  }).join("\n");
}

/** Single quotes work alike in all three shells, but for a quote inside: those are left out. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "")}'`;
}
