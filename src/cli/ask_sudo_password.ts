import type { CommandContext } from "./command.ts";
import { readSecret } from "./read_secret.ts";

/** The password for sudo, typed once for all hosts, or all of stdin. @throws AppError as `readSecret`. */
export async function askSudoPassword({ stdinIsTerminal, signal, notice }: CommandContext): Promise<string> {
  return await readSecret({ isTerminal: stdinIsTerminal, signal, prompt: () => notice("Password for sudo:") });
}
