import type { AnyCommand, CommandEntry, FlagSpec, PositionalSpec } from "./command.ts";
import { flagsOf } from "./parse_flags.ts";

/** The help of one command. */
export function renderCommandHelp(command: AnyCommand): string {
  const { name, summary, positionals = [], rest, examples = [] } = command;
  const words = positionals.map(({ name, isOptional }: PositionalSpec) => isOptional ? `[${name}]` : name);
  const usage = ["porthole", name, "[FLAGS]", ...words, ...(rest ? [rest.name] : [])].join(" ");
  const facts = [...positionals, ...(rest ? [rest] : [])].map((fact) => [fact.name, fact.summary] as const);
  const flags = Object.entries(flagsOf(command)).map(([flag, spec]) =>
    [flagUsage(flag, spec), flagSummary(spec)] as const
  );
  return [
    `${summary}\n\nUsage: ${usage}\n`,
    section("Words", facts),
    section("Flags", flags),
    examples.length ? `\nExamples:\n${examples.map((example) => `  ${example}\n`).join("")}` : "",
  ].join("");
}

/** The help of the program: its commands, by group. */
export function renderProgramHelp(entries: readonly CommandEntry[]): string {
  const groups = [...new Set(entries.map(({ group }) => group))];
  return [
    "Open a shell, an editor or a tunnel inside a job that runs behind HTTPS; work on many hosts at once.\n\n",
    "Usage: porthole COMMAND [FLAGS] ...\n",
    ...groups.map((group) =>
      section(group, entries.filter((entry) => entry.group === group).map(({ name, summary }) => [name, summary]))
    ),
    "\nporthole COMMAND --help tells more. porthole --version tells the version.\n",
    "Exit status: 0 done, 1 some hosts failed, 2 usage, 130 cancelled, 255 connection, 70 a fault of porthole;\n",
    "a single remote command's own status passes through.\n",
  ].join("");
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, right]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${right}\n` : `  ${left.padEnd(width)}  ${right}\n`
  );
  return `\n${title}:\n${lines.join("")}`;
}

function flagUsage(name: string, spec: FlagSpec): string {
  const short = spec.short ? `-${spec.short}, ` : "    ";
  if (spec.kind === "boolean") return `${short}--${spec.default === true ? "no-" : ""}${name}`;
  return `${short}--${name} ${spec.placeholder ?? placeholderOf(spec)}`;
}

function placeholderOf(spec: FlagSpec): string {
  if (spec.kind === "duration") return "DURATION";
  if (spec.kind === "integer") return "N";
  if (spec.kind === "string" && spec.choices) return spec.choices.join("|");
  return "VALUE";
}

function flagSummary(spec: FlagSpec): string {
  const notes = [
    ...(spec.kind === "list" ? ["any number of times"] : []),
    ...(spec.kind !== "boolean" && spec.kind !== "list" && spec.default !== undefined
      ? [`default ${spec.default}`]
      : []),
  ];
  const summary = spec.kind === "boolean" && spec.default === true
    ? `Do not: ${lowerFirst(spec.summary)}`
    : spec.summary;
  return notes.length ? `${summary} (${notes.join("; ")})` : summary;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
