/** Completions of commands and options for bash, zsh and fish. */

import type { CommandEntry, CommandOption } from "./package_tables.ts";

function bashCase(name: string, options: readonly CommandOption[]): string {
  return `    ${name}) words="${[...options.map(({ name }) => name), "--help"].join(" ")}" ;;\n`;
}

/**
 * Writes the completion for bash.
 *
 * @param commands The commands.
 * @returns A script that bash-completion loads.
 */
export function bashCompletion(commands: readonly CommandEntry[]): string {
  const choices = commands.flatMap(({ options }) => options)
    .flatMap(({ name, choices }) => choices === undefined ? [] : [{ name, choices }])
    .map(({ name, choices }) => `    ${name}) words="${choices.join(" ")}" ;;\n`).join("");
  return `# bash completion for vllm-metrics
_vllm_metrics() {
  local words=""
  if ((COMP_CWORD == 1)); then
    words="${commands.map(({ name }) => name).join(" ")}"
  else
    case "\${COMP_WORDS[1]}" in
${
    commands.map(({ name, options }) => bashCase(name, options)).join("").replaceAll(/^/gm, "  ")
      .trimEnd()
  }
    esac
  fi
  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${choices}    --export) mapfile -t COMPREPLY < <(compgen -d -- "\${COMP_WORDS[COMP_CWORD]}"); return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -F _vllm_metrics vllm-metrics
`;
}

/** Text within single quotes and within a description in brackets. */
function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
}

function zshOption({ name, value, choices, meaning }: CommandOption): string {
  const values = choices === undefined
    ? (value === "DIR" ? "_files -/" : "")
    : `(${choices.join(" ")})`;
  const argument = value === undefined ? "" : `:${value}:${values}`;
  return `'${name}[${zshText(meaning)}]${argument}'`;
}

/**
 * Writes the completion for zsh.
 *
 * @param commands The commands.
 * @returns A function for a folder of `fpath`.
 */
export function zshCompletion(commands: readonly CommandEntry[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'\n`).join("");
  const cases = commands.filter(({ options }) => options.length > 0)
    .map(({ name, options }) => `  ${name}) _arguments ${options.map(zshOption).join(" ")} ;;\n`)
    .join("");
  return `#compdef vllm-metrics
if ((CURRENT == 2)); then
  local -a commands=(
${list}  )
  _describe command commands
  return
fi
shift words
((CURRENT--))
case $words[1] in
${cases}esac
`;
}

/** Text within single quotes. */
function fishText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}

function fishOption(command: string, { name, value, choices, meaning }: CommandOption): string {
  const values = value === undefined ? "" : value === "DIR" ? " -r" : " -x";
  const list = choices === undefined ? "" : ` -a '${choices.join(" ")}'`;
  return `complete -c vllm-metrics -n '__fish_seen_subcommand_from ${command}' ` +
    `-l ${name.slice(2)}${values}${list} -d '${fishText(meaning)}'\n`;
}

/**
 * Writes the completion for fish.
 *
 * @param commands The commands.
 * @returns A script.
 */
export function fishCompletion(commands: readonly CommandEntry[]): string {
  const lines = commands.map(({ name, summary, options }) =>
    `complete -c vllm-metrics -n __fish_use_subcommand -a ${name} -d '${fishText(summary)}'\n` +
    options.map((option) => fishOption(name, option)).join("")
  );
  return `complete -c vllm-metrics -f\n${lines.join("")}`;
}
