import type { AnyCommand } from "./command.ts";
import { flagsOf } from "./parse_flags.ts";

/** The shells that {@link renderCompletions} knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/** A script for `shell` that completes commands and flags; targets are asked for as they are needed. */
export function renderCompletions(shell: Shell, commands: readonly AnyCommand[]): string {
  if (shell === "fish") return renderFish(commands);
  // zsh takes bash's script through its own emulation, which every zsh has.
  const prelude = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return prelude + renderBash(commands);
}

function renderBash(commands: readonly AnyCommand[]): string {
  const oneCase = ({ name }: AnyCommand, found: string) =>
    `${JSON.stringify(name)}) words=${JSON.stringify(found)} ;;\n`;
  const cases = (indent: string, some: readonly AnyCommand[]) =>
    some.map((command) => `${indent}${oneCase(command, words(command))}`).join("");
  return `_porthole() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${cases("    ", commands.filter(({ name }) => name.includes(" ")))}    *) case "\${COMP_WORDS[1]}" in
${cases("      ", commands.filter(({ name }) => !name.includes(" ")))}${groupCases(commands)}    esac ;;
  esac
  [ "$COMP_CWORD" = 1 ] && words=${JSON.stringify(firstWords(commands).join(" "))}
  case "$current" in
    -*) ;;
    *) [ "$COMP_CWORD" -gt 1 ] && words="$words $(porthole config list 2>/dev/null | cut -d' ' -f1)" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _porthole porthole
`;
}

function groupCases(commands: readonly AnyCommand[]): string {
  return groups(commands).map(([group, members]) =>
    `      ${JSON.stringify(group)}) words=${JSON.stringify(members.join(" "))} ;;\n`
  )
    .join("");
}

function renderFish(commands: readonly AnyCommand[]): string {
  const lines = ["complete -c porthole -f"];
  for (const word of firstWords(commands)) {
    const summary = commands.find(({ name }) => name === word)?.summary ?? `${word} ...`;
    lines.push(`complete -c porthole -n __fish_use_subcommand -a ${word} -d ${fishQuote(summary)}`);
  }
  for (const [group, members] of groups(commands)) {
    lines.push(`complete -c porthole -n "__fish_seen_subcommand_from ${group}" -a ${fishQuote(members.join(" "))}`);
  }
  for (const command of commands) {
    const condition = command.name.split(" ").map((word: string) => `__fish_seen_subcommand_from ${word}`).join(
      "; and ",
    );
    for (const [flag, spec] of Object.entries(flagsOf(command))) {
      const value = spec.kind === "boolean" ? "" : " -r";
      lines.push(`complete -c porthole -n "${condition}" -l ${flag}${value} -d ${fishQuote(spec.summary)}`);
    }
  }
  lines.push(
    `complete -c porthole -n "not __fish_use_subcommand" -a "(porthole config list 2>/dev/null | cut -d' ' -f1)"`,
  );
  return `${lines.join("\n")}\n`;
}

function words(command: AnyCommand): string {
  const flags = Object.entries(flagsOf(command)).map(([flag, spec]) =>
    spec.kind === "boolean" && spec.default === true ? `--no-${flag}` : `--${flag}`
  );
  return flags.join(" ");
}

function firstWords(commands: readonly AnyCommand[]): string[] {
  return [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
}

function groups(commands: readonly AnyCommand[]): [string, string[]][] {
  const members = new Map<string, string[]>();
  for (const { name } of commands) {
    const [group = "", member] = name.split(" ");
    if (member !== undefined) members.set(group, [...members.get(group) ?? [], member]);
  }
  return [...members];
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
