/** Completions of commands and options for bash, zsh and fish. */

import type { Command, CommandOption } from "../lib/commands/command.ts";

/** The values of an option, which help writes as `steady|busy`; empty if it takes others. */
function choicesOf({ value = "" }: CommandOption): readonly string[] {
  return value.includes("|") ? value.split("|") : [];
}

function bashCase({ name, options }: Command): string {
  const words = [...options.map(({ name }) => `--${name}`), "--help"];
  return `      ${name}) words="${words.join(" ")}" ;;\n`;
}

function bashChoices(option: CommandOption): string {
  const choices = choicesOf(option);
  return choices.length === 0 ? "" : `    --${option.name}) words="${choices.join(" ")}" ;;\n`;
}

/** Writes the completion for bash. */
export function bashCompletion(commands: readonly Command[]): string {
  const options = commands.flatMap(({ options }): readonly CommandOption[] => options);
  return `# bash completion for vllm-metrics
_vllm_metrics() {
  local words=""
  if ((COMP_CWORD == 1)); then
    words="${commands.map(({ name }) => name).join(" ")}"
  else
    case "\${COMP_WORDS[1]}" in
${commands.map(bashCase).join("")}    esac
  fi
  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${options.map(bashChoices).join("")}    --export)
      mapfile -t COMPREPLY < <(compgen -d -- "\${COMP_WORDS[COMP_CWORD]}")
      return
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -F _vllm_metrics vllm-metrics
`;
}

/** Text within single quotes, and within a description in brackets. */
function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
}

function zshOption(option: CommandOption): string {
  const { name, value, meaning } = option;
  const choices = choicesOf(option);
  const values = choices.length > 0 ? `(${choices.join(" ")})` : value === "DIR" ? "_files -/" : "";
  // Two colons: the value may be left out.
  const colons = value?.startsWith("[") ? "::" : ":";
  const argument = value === undefined ? "" : `${colons}value:${values}`;
  return `'--${name}[${zshText(meaning)}]${argument}'`;
}

/** Writes the completion for zsh. */
export function zshCompletion(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'\n`);
  const cases = commands.map(({ name, options }) =>
    `  ${name}) _arguments ${["'--help[print help]'", ...options.map(zshOption)].join(" ")} ;;\n`
  );
  return `#compdef vllm-metrics
if ((CURRENT == 2)); then
  local -a commands=(
${list.join("")}  )
  _describe command commands
  return
fi
shift words
((CURRENT--))
case $words[1] in
${cases.join("")}esac
`;
}

/** Text within single quotes. */
function fishText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}

function fishOption(command: string, option: CommandOption): string {
  const { name, value, meaning } = option;
  const isOptional = value === undefined || value.startsWith("[");
  const kind = isOptional ? "" : value === "DIR" ? " -r -F" : " -x";
  const choices = choicesOf(option);
  const list = choices.length === 0 ? "" : ` -a '${choices.join(" ")}'`;
  return `complete -c vllm-metrics -n '__fish_seen_subcommand_from ${command}' ` +
    `-l ${name}${kind}${list} -d '${fishText(meaning)}'\n`;
}

/** Writes the completion for fish. */
export function fishCompletion(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary, options }) =>
    `complete -c vllm-metrics -n __fish_use_subcommand -a ${name} -d '${fishText(summary)}'\n` +
    options.map((option) => fishOption(name, option)).join("")
  );
  return `complete -c vllm-metrics -f\n${lines.join("")}`;
}
