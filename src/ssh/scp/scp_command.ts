import { type ShellWord, splitShellWords, wordText } from "./shell_words.ts";

/** The far side of an `scp -O`, as its command line asks for it. */
export interface ScpCommand {
  /** `sink` takes files (`-t`), `source` gives them (`-f`). */
  readonly role: "sink" | "source";
  readonly isRecursive: boolean;
  /** Modes and times are kept (`-p`). */
  readonly keepsTimes: boolean;
  /** The target must be a folder (`-d`). */
  readonly needsFolder: boolean;
  /** What is done is told on stderr (`-v`). */
  readonly isVerbose: boolean;
  /** Not expanded yet. A sink is to have one; a name with a space that was not quoted makes it several. */
  readonly paths: readonly ShellWord[];
}

/** Where the program is said to be by clients that say it. */
const PROGRAMS = new Set(["scp", "/usr/bin/scp", "/bin/scp", "/usr/local/bin/scp"]);
const FLAGS = "tfrpdvq";

/**
 * The scp that a command line asks for, or null when it is another program, or needs a real shell to be understood
 * (variables, pipes, character classes in a pattern), or an option of scp that is not served here.
 */
export function parseScpCommand(commandLine: string): ScpCommand | null {
  const words = splitShellWords(commandLine);
  const program = words?.shift();
  if (!words || !program || !PROGRAMS.has(wordText(program))) return null;
  const flags = new Set<string>();
  while (words[0] && /^-./.test(wordText(words[0]))) {
    const text = wordText(words.shift() ?? []);
    if (text === "--") break;
    for (const flag of text.slice(1)) {
      if (!FLAGS.includes(flag)) return null;
      flags.add(flag);
    }
  }
  const role = flags.has("t") ? "sink" : "source";
  if (flags.has("t") === flags.has("f")) return null;
  if (role === "source" && words.length === 0) return null;
  if (words.some(needsShell)) return null;
  return {
    role,
    isRecursive: flags.has("r"),
    keepsTimes: flags.has("p"),
    needsFolder: flags.has("d"),
    isVerbose: flags.has("v"),
    paths: words,
  };
}

/** Named classes (`[[:alpha:]]`) depend on the locale. */
function needsShell(word: ShellWord): boolean {
  return word.some(({ char, isQuoted }, at) => char === "[" && !isQuoted && /[:.=]/.test(word[at + 1]?.char ?? ""));
}
