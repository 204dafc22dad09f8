import { AppError } from "../base/errors.ts";
import { shellQuote } from "../base/shell_quote.ts";

/** How a command is to run on the far end. */
export interface CommandSettings {
  /** Runs it through sudo, as root unless `asUser` names another. */
  readonly sudo?: boolean | undefined;
  readonly asUser?: string | undefined;
  /** Goes to sudo's stdin, never on a command line. */
  readonly sudoPassword?: string | undefined;
  /** The folder to run in; a leading `~/` is the login user's home. */
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What goes to the far end. */
export interface ComposedCommand {
  /** For the login shell. */
  readonly line: string;
  /** To be written to stdin before anything else. A secret. */
  readonly stdinPrefix: string | undefined;
}

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** sudo(8) takes a name or `#uid`; what looks like an option is none. */
const USER_NAME = /^[^-\s][^\s]*$/;

/**
 * `command`, a shell command line, as the login shell gets it: `cd DIR && sudo -u X env A=b sh -c 'command'`.
 *
 * Folder first, then sudo, then environment, so that both bind to the command and to nothing else. Every word is
 * quoted. Without any setting the line is `command` itself; with one it is run by `sh`.
 * @throws AppError `usage` for a bad variable or user name, a NUL, or `asUser` without sudo.
 */
export function composeCommand(command: string, settings: CommandSettings = {}): ComposedCommand {
  const { sudo = false, asUser, sudoPassword, cwd, env = {} } = settings;
  checkSettings(command, settings);
  const assignments = Object.entries(env).map(([name, value]) => shellQuote(`${name}=${value}`));
  if (!sudo && cwd === undefined && assignments.length === 0) return { line: command, stdinPrefix: undefined };
  const words = [...(assignments.length ? ["env", ...assignments] : []), "sh", "-c", shellQuote(command)].join(" ");
  const goThere = cwd === undefined ? "" : `cd ${quoteFolder(cwd)} && `;
  if (!sudo) return { line: `${goThere}${words}`, stdinPrefix: undefined };
  const user = asUser === undefined ? "" : ` -u ${shellQuote(asUser)}`;
  if (sudoPassword === undefined) return { line: `${goThere}sudo${user} ${words}`, stdinPrefix: undefined };
  return { line: `${goThere}${withPassword(user, words)}`, stdinPrefix: `${sudoPassword}\n` };
}

/**
 * sudo reads its password from stdin only where it wants one. Where it wants none, the line is taken off stdin by the
 * shell, or it would be what the command reads first.
 */
function withPassword(user: string, words: string): string {
  const script =
    `if sudo -n${user} sh -c : </dev/null 2>/dev/null; then IFS= read -r _; exec sudo -n${user} ${words}; ` +
    `else exec sudo -S -p ''${user} ${words}; fi`;
  return `sh -c ${shellQuote(script)}`;
}

/** A command line of one program and its arguments, each of them quoted. */
export function quoteWords(words: readonly string[]): string {
  return words.map(shellQuote).join(" ");
}

function quoteFolder(folder: string): string {
  if (folder === "~") return '"$HOME"';
  if (folder.startsWith("~/")) return `"$HOME"/${shellQuote(folder.slice(2))}`;
  return shellQuote(folder.startsWith("-") ? `./${folder}` : folder);
}

function checkSettings(command: string, { sudo = false, asUser, sudoPassword, cwd, env = {} }: CommandSettings): void {
  for (const name of Object.keys(env)) {
    if (VARIABLE_NAME.test(name)) continue;
    throw new AppError(
      "usage",
      `The name of an environment variable must be letters, digits and _: got ${quote(name)}`,
    );
  }
  if (asUser !== undefined && !sudo) {
    throw new AppError("usage", `asUser goes with sudo: got asUser ${quote(asUser)} and no sudo`, {
      hint: "Add --sudo",
    });
  }
  if (asUser !== undefined && !USER_NAME.test(asUser)) {
    throw new AppError("usage", `asUser must be the name of a user: got ${quote(asUser)}`);
  }
  if (sudoPassword !== undefined && /[\r\n]/.test(sudoPassword)) {
    throw new AppError("usage", "The password for sudo must be one line: there is a line break in it");
  }
  if ([command, cwd ?? "", ...Object.values(env)].some((text) => text.includes("\0"))) {
    throw new AppError("usage", "A command, a folder or a variable cannot hold a NUL character: there is one in it");
  }
  if (cwd === "") throw new AppError("usage", "The folder to run in must have a name: got an empty one");
}

function quote(text: string): string {
  return JSON.stringify(text);
}
