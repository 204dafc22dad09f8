/** What a session starts. */
export interface ProgramOptions {
  readonly file: string;
  /** What the program sees as its own name: `-bash` makes a login shell. Without a terminal it is `file`. */
  readonly argv0: string;
  /** Behind `argv[0]`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}
