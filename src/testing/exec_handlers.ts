import type { ExecAnswer, ExecHandler } from "./exec_answer.ts";

/** Which commands a handler is for: this very text, those that match, or those that it says yes to. */
export type CommandMatcher = string | RegExp | ((command: string) => boolean);

interface Entry {
  readonly matches: (command: string) => boolean;
  readonly handler: ExecHandler;
}

/** Who answers which command: of those that match, the one that was added last. */
export class ExecHandlers {
  #entries: Entry[] = [];
  #fallback: ExecHandler | undefined;

  /** Adds a handler for what `matcher` fits; dispose it to take it away again. */
  add(matcher: CommandMatcher, answer: ExecAnswer | ExecHandler): Disposable {
    const entry = { matches: toPredicate(matcher), handler: toHandler(answer) };
    this.#entries.unshift(entry);
    return { [Symbol.dispose]: () => void (this.#entries = this.#entries.filter((each) => each !== entry)) };
  }

  /** Answers what no other handler is for; replaces the one before. */
  setFallback(handler: ExecHandler): void {
    this.#fallback = handler;
  }

  /** Undefined when nobody is there for it. */
  find(command: string, { withFallback = true } = {}): ExecHandler | undefined {
    const found = this.#entries.find(({ matches }) => matches(command))?.handler;
    return found ?? (withFallback ? this.#fallback : undefined);
  }
}

function toPredicate(matcher: CommandMatcher): (command: string) => boolean {
  if (typeof matcher === "string") return (command) => command === matcher;
  if (typeof matcher === "function") return matcher;
  // A sticky or global pattern remembers where it stopped, which would make every second command miss.
  const pattern = new RegExp(matcher.source, matcher.flags.replace(/[gy]/g, ""));
  return (command) => pattern.test(command);
}

function toHandler(answer: ExecAnswer | ExecHandler): ExecHandler {
  return typeof answer === "function" ? answer : () => answer;
}
