import type { Environment } from "../base/home.ts";

/** What every flag says of itself; help, completions and parsing come from it. */
interface FlagBase {
  /** What it does, without a full stop. */
  readonly summary: string;
  /** One letter, for `-x`. */
  readonly short?: string;
  /** The word for its value in the help: `FILE`. */
  readonly placeholder?: string;
}

/** One flag of a command, by the kind of value it takes. Flag names are written as typed, without the dashes: `known-hosts`. */
export type FlagSpec =
  /** `--name` and `--no-name`. */
  | (FlagBase & { readonly kind: "boolean"; readonly default?: boolean })
  | (FlagBase & { readonly kind: "string"; readonly default?: string; readonly choices?: readonly string[] })
  /** Given any number of times; all values are kept, in order. */
  | (FlagBase & { readonly kind: "list" })
  /** `30s`; the parsed value is milliseconds. */
  | (FlagBase & { readonly kind: "duration"; readonly default?: string })
  | (FlagBase & { readonly kind: "integer"; readonly default?: number; readonly min?: number; readonly max?: number });

/** Flags by their name. */
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type Given<F, T> = F extends { readonly default: unknown } ? T : T | undefined;

/** What `run` sees of one flag. */
export type FlagValue<F extends FlagSpec> = F["kind"] extends "boolean" ? Given<F, boolean>
  : F["kind"] extends "list" ? readonly string[]
  : F["kind"] extends "duration" | "integer" ? Given<F, number>
  : Given<F, string>;

/** What `run` sees of all flags, under the names they are typed with. */
export type FlagValues<S extends FlagSpecs> = { readonly [K in keyof S]: FlagValue<S[K]> };

/** One word (or more) that stands at a fixed place of the command line. */
export interface PositionalSpec {
  /** As help shows it: `RUN`. */
  readonly name: string;
  readonly summary: string;
  readonly isOptional?: boolean;
}

/** What a command may use of the process it runs in. Nothing else of the process is touched by a command. */
export interface CommandContext {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** From now on signals are the command's own business: neither the first nor the second ends it. */
  takeSignals?(): void;
  readonly env: Environment;
  /** A line on stderr, at once. Not shown with `--json`, where stderr carries error objects alone. */
  notice(line: string): void;
  /** On a terminal: replaces the live line. Elsewhere: a plain line, when it differs from the last. */
  progress(line: string): void;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly stdinIsTerminal: boolean;
  /** True with `--json`: the items that `run` yields are printed as one JSON object per line. */
  readonly isJson: boolean;
  /** Every subcommand there is. */
  readonly commands: readonly CommandEntry[];
  /** The arguments with which this same program runs itself: `["/usr/bin/porthole"]`, or deno, its flags and main.ts. */
  readonly self: readonly string[];
}

/** What `run` gets from the command line. */
export interface CommandInput<S extends FlagSpecs> {
  readonly flags: FlagValues<S>;
  /** As many as `positionals` asks for; optional ones may be missing from the end. */
  readonly positionals: readonly string[];
  /** With `rest`: every word behind the positionals (or behind `--`), untouched. Else empty. */
  readonly rest: readonly string[];
}

/** How text is written: decided once, from the terminal and NO_COLOR. */
export interface Style {
  readonly color: boolean;
  /** Columns; Infinity where stdout is no terminal. */
  readonly width: number;
}

/** One subcommand. */
export interface Command<S extends FlagSpecs, T> {
  /** As typed, with spaces for one inside another: `keys ensure`. */
  readonly name: string;
  /** One line, a verb first, no full stop. */
  readonly summary: string;
  readonly flags: S;
  readonly positionals?: readonly PositionalSpec[];
  /**
   * Takes the words behind the last positional verbatim, flags too (`porthole ssh ALIAS ls -la`), or behind `--`. With
   * `hasFlags`, told the names of the flags before them, they are no command line of their own: flags among them are the
   * command's.
   */
  readonly rest?: {
    readonly name: string;
    readonly summary: string;
    readonly hasFlags?: (given: readonly string[]) => boolean;
  };
  readonly examples?: readonly string[];
  /** Yields results; returns the exit status, 0 if nothing. Never prints, never exits; throws AppError. */
  run(input: CommandInput<S>, context: CommandContext): AsyncGenerator<T, number | void>;
  /** A result as people read it, newline included if it is to have one. Text of a remote must be escaped here. */
  format(item: T, style: Style): string;
}

/** A command whose types do not matter any more: what the table and the runner handle. */
// deno-lint-ignore no-explicit-any
export type AnyCommand = Command<any, any>;

/** One line of the table of commands. */
export interface CommandEntry {
  /** As typed: `keys ensure`. */
  readonly name: string;
  readonly summary: string;
  /** The heading it stands under. */
  readonly group: string;
  load(): Promise<AnyCommand>;
}

/** The identity, with the flags' types inferred. */
export function defineCommand<const S extends FlagSpecs, T>(command: Command<S, T>): Command<S, T> {
  return command;
}
