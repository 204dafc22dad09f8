import type { ProgramIo } from "./program_io.ts";

const [CTRL_D, BACKSPACE, LF, CR, CTRL_U, DELETE] = ["\x04", "\b", "\n", "\r", "\x15", "\x7f"];

/**
 * The lines that somebody types. At a terminal they are echoed, backspace and Ctrl-U take back, Ctrl-D on an empty line is
 * the end: what a terminal in its usual state does, since the client's own is raw.
 */
export class TerminalLines {
  readonly #io: ProgramIo;
  readonly #prompt: string;
  readonly #decoder = new TextDecoder();
  /** What was read and not looked at. */
  #pending = "";
  #line = "";

  constructor(io: ProgramIo, { prompt }: { prompt: string }) {
    this.#io = io;
    this.#prompt = prompt;
  }

  /** The next line without its end; null at the end of the input. */
  async next(): Promise<string | null> {
    this.#line = "";
    if (this.#prompt !== "") await this.#io.stdout(this.#prompt);
    for (;;) {
      const end = await this.#takeUpToEnd();
      if (end !== undefined) return end;
      const bytes = await this.#io.stdin.read();
      if (bytes === null) return this.#line === "" ? null : this.#line;
      this.#pending += this.#decoder.decode(bytes, { stream: true });
    }
  }

  /** Drops the line that is being typed, and asks anew. */
  interrupt(): void {
    this.#line = "";
    this.#io.stdout(`^C\n${this.#prompt}`).catch(() => {/* the client has left, which ends the reading too */});
  }

  /** Undefined when the line goes on. */
  async #takeUpToEnd(): Promise<string | null | undefined> {
    let echo = "";
    try {
      for (const char of this.#pending) {
        this.#pending = this.#pending.slice(char.length);
        if (char === LF || char === CR) {
          // A client's raw terminal sends CR; text from a pipe may have both.
          if (char === CR && this.#pending.startsWith(LF ?? "")) this.#pending = this.#pending.slice(1);
          echo += "\n";
          return this.#line;
        }
        if (!this.#io.pty) this.#line += char;
        else if (char === CTRL_D && this.#line === "") return null;
        else echo += this.#edit(char);
      }
      return undefined;
    } finally {
      if (this.#io.pty && echo !== "") await this.#io.stdout(echo);
    }
  }

  /** What to show for a key. */
  #edit(char: string): string {
    if (char === BACKSPACE || char === DELETE) {
      const had = this.#line !== "";
      this.#line = [...this.#line].slice(0, -1).join("");
      return had ? "\b \b" : "";
    }
    if (char === CTRL_U) {
      const count = [...this.#line].length;
      this.#line = "";
      return "\b \b".repeat(count);
    }
    if (char < " ") return "";
    this.#line += char;
    return char;
  }
}
