import type { CommandContext } from "../../src/cli/command.ts";
import type { TempHome } from "./temp_home.ts";

/** What a command is given where nobody looks on: no terminal, and notices kept in `notices`. */
export function quietContext(home: TempHome, notices: string[] = []): CommandContext {
  return {
    signal: new AbortController().signal,
    env: { HOME: home.path },
    notice: (line) => notices.push(line),
    progress() {},
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdinIsTerminal: false,
    isJson: false,
    self: ["/usr/bin/porthole"],
    commands: [],
  };
}
