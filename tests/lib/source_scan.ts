/**
 * Looks at TypeScript without understanding it: what is code, what is a comment, what is imported.
 *
 * @module
 */

/** A source taken apart. */
export interface ScannedSource {
  /** The source without comments; strings and regular expressions emptied, the expressions inside templates kept. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** What stands behind `from`, `import`, `import(` or `new Worker(new URL(`. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The names taken, as the other module has them; `* as x` is one name. */
  readonly names: readonly string[];
  /** Loaded when it is needed, and not with the file. */
  readonly lazy: boolean;
}

const IMPORT_REGEXP = /(?:\bfrom|\bimport|\bimport\s*\(|\bnew Worker\(\s*new URL\()\s*$/;
/** Behind these a `/` begins a regular expression and divides nothing. */
const BEFORE_REGEXP_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%>~^\n]|\b(?:return|typeof|case|in|of))\s*$/;

const COMMENT_REGEXP = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING_REGEXP = /"((?:\\[\s\S]|[^"\\\n])*)"|'((?:\\[\s\S]|[^'\\\n])*)'/y;
const LITERAL_REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_TEXT_REGEXP = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;

/** Scans a source. What it cannot read it takes for code. */
export function scanSource(source: string): ScannedSource {
  const imports: Import[] = [];
  /** For each template that is open, how many braces are open inside its expression. */
  const templates: number[] = [];
  let code = "";
  let at = 0;

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  /** From behind a backquote or an expression's brace to the next of them. */
  const templateText = () => {
    match(TEMPLATE_TEXT_REGEXP);
    const ends = source[at] === "`";
    at += ends ? 1 : 2;
    code += ends ? "``" : " ${";
    if (!ends) templates.push(0);
  };

  while (at < source.length) {
    const character = source[at] ?? "";
    if (character === "/") {
      if (match(COMMENT_REGEXP) !== null) continue;
      if (BEFORE_REGEXP_REGEXP.test(code.slice(-20)) && match(LITERAL_REGEXP) !== null) {
        code += "//";
        continue;
      }
    }
    if (character === '"' || character === "'") {
      const found = match(STRING_REGEXP);
      if (found !== null) {
        if (IMPORT_REGEXP.test(code.slice(-40))) {
          const lazy = /\(\s*$/.test(code);
          imports.push({ specifier: found[1] ?? found[2] ?? "", names: importedNames(code), lazy });
        }
        code += '""';
        continue;
      }
    }
    at++;
    const open = templates.at(-1);
    if (character === "`") templateText();
    else if (character === "}" && open === 0) {
      templates.pop();
      code += "}";
      templateText();
    } else {
      if (open !== undefined && character === "{") templates[templates.length - 1] = open + 1;
      if (open !== undefined && character === "}") templates[templates.length - 1] = open - 1;
      code += character;
    }
  }
  return { code, imports };
}

/** The names in the clause that ends in `from` at the end of `code`. */
function importedNames(code: string): readonly string[] {
  const clause = code.slice(Math.max(code.lastIndexOf("import"), code.lastIndexOf("export")));
  const [, list = ""] = /^(?:import|export)\s+(?:type\s+)?([^;]*?)\s*\bfrom\s*$/.exec(clause) ?? [];
  return list.split(/[{},]/).map((name) => name.trim().replace(/^type\s+|(?<!\*)\s+as\s.*$/g, ""))
    .filter((name) => name !== "");
}
