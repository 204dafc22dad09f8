import { AppError } from "../base/errors.ts";

/** The commands that no handler was for, since the last look. */
export class UnexpectedCommands {
  #commands: string[] = [];

  get all(): readonly string[] {
    return this.#commands;
  }

  add(command: string): void {
    this.#commands.push(command);
  }

  clear(): void {
    this.#commands = [];
  }

  /** Forgets them. @throws AppError `remote_failed` that lists them, if there were any */
  assertNone(): void {
    const commands = this.#commands;
    this.#commands = [];
    if (commands.length === 0) return;
    const quoted = commands.map((command) => JSON.stringify(command)).join(", ");
    throw new AppError("remote_failed", `The test server was asked for what no handler was for: ${quoted}`, {
      hint: "Add a handler with onExec or handleExec",
      details: { commands },
    });
  }
}
