import type { AppError } from "../base/errors.ts";
import { redactText } from "../base/redact.ts";
import type { Style } from "./command.ts";

const CLEAR_LINE = "\r\x1b[2K";

/** The two streams of the process, as far as printing needs them. */
export interface OutputStreams {
  readonly stdout: { writeSync(bytes: Uint8Array): number; isTerminal(): boolean };
  readonly stderr: { writeSync(bytes: Uint8Array): number; isTerminal(): boolean };
  /** Columns of the terminal, when there is one. */
  columns(): number | undefined;
  /** True when NO_COLOR is set to anything (no-color.org). */
  readonly noColor: boolean;
}

/** Results to stdout, everything else to stderr, and one live line that neither of them garbles. */
export class Output {
  readonly #encoder = new TextEncoder();
  readonly style: Style;
  #live = "";
  #lastProgress = "";

  constructor(readonly streams: OutputStreams, readonly isJson: boolean) {
    const isTerminal = streams.stdout.isTerminal();
    this.style = {
      color: isTerminal && !streams.noColor,
      width: (isTerminal ? streams.columns() : undefined) ?? Infinity,
    };
  }

  result(text: string): void {
    this.#around(() => this.#write(this.streams.stdout, text));
  }

  notice(line: string): void {
    if (!this.isJson) this.#around(() => this.#write(this.streams.stderr, `${line}\n`));
  }

  progress(line: string): void {
    if (this.isJson) return;
    if (!this.streams.stderr.isTerminal()) {
      if (line && line !== this.#lastProgress) this.#write(this.streams.stderr, `${line}\n`);
      this.#lastProgress = line;
      return;
    }
    const width = this.streams.columns() ?? 80;
    this.#live = line.length < width ? line : `${line.slice(0, width - 2)}…`;
    this.#write(this.streams.stderr, CLEAR_LINE + this.#live);
  }

  /** The failure of the whole command: two lines or more for people, one object with `--json`. */
  failure(error: AppError, { withTrace = false }: { withTrace?: boolean } = {}): void {
    this.endProgress();
    const text = this.isJson
      ? `${JSON.stringify(error)}\n`
      : `porthole: ${error.message}\n${error.hint === undefined ? "" : indented(error.hint)}`;
    const trace = withTrace ? `${Deno.inspect(error)}\n` : "";
    this.#write(this.streams.stderr, redactText(text + trace));
  }

  /** Takes the live line away. */
  endProgress(): void {
    if (this.#live) this.#write(this.streams.stderr, CLEAR_LINE);
    this.#live = "";
  }

  #around(print: () => void): void {
    const live = this.#live;
    if (live) this.#write(this.streams.stderr, CLEAR_LINE);
    print();
    if (live) this.#write(this.streams.stderr, live);
  }

  #write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
    const bytes = this.#encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  }
}

function indented(text: string): string {
  return text.split("\n").map((line) => `  ${line}\n`).join("");
}
