import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";

/** Values of `%` tokens by their letter (ssh_config(5), TOKENS). */
export type Tokens = Readonly<Record<string, string>>;

/** `text` with its tokens replaced, `%%` by `%`. @throws AppError `config_invalid` for a token that `tokens` does not have. */
export function expandTokens(text: string, tokens: Tokens, keyword: string): string {
  return text.replace(/%(.?)/gs, (whole, letter: string) => {
    const value = letter === "%" ? "%" : tokens[letter];
    if (value !== undefined) return value;
    throw new AppError(
      "config_invalid",
      `Cannot expand ${JSON.stringify(whole)} in ${keyword} ${JSON.stringify(text)}`,
      {
        hint: `Known there are %% and ${Object.keys(tokens).map((known) => `%${known}`).join(", ")}`,
      },
    );
  });
}

/** A path with its tokens, `${VARIABLES}` and `~` replaced. @throws AppError `config_invalid`, also for a variable that is not set. */
export function expandPath(
  path: string,
  { tokens, env, home, keyword }: { tokens: Tokens; env: Environment; home: string; keyword: string },
): string {
  const tilde = path === "~" || path.startsWith("~/") ? `${home.replaceAll("%", "%%")}${path.slice(1)}` : path;
  // In one go, so that a value which holds a percent sign or a dollar is not expanded again.
  return tilde.split(/(\$\{[^}]*\})/).map((part) => {
    const [, name] = /^\$\{([^}]*)\}$/.exec(part) ?? [];
    if (name === undefined) return expandTokens(part, tokens, keyword);
    const value = env[name];
    if (value !== undefined) return value;
    throw new AppError(
      "config_invalid",
      `Cannot expand "\${${name}}" in ${keyword} ${JSON.stringify(path)}: it is not set`,
    );
  }).join("");
}
