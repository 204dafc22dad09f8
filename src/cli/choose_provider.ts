import { chooseProvider, openProvider, PROVIDER_NAMES, type ProviderName } from "../providers/open_provider.ts";
import { shellQuote } from "../base/shell_quote.ts";
import type { Provider } from "../providers/provider.ts";
import type { CommandContext, FlagSpecs, FlagValues } from "./command.ts";

/** The flags that say which account and place of a platform are meant. */
export const PLACE_FLAGS = {
  on: {
    kind: "string",
    choices: PROVIDER_NAMES,
    summary:
      "Where the job runs; else PORTHOLE_PROVIDER, else whom the other flags mean, else where such a run is known, local first",
  },
  config: { kind: "string", placeholder: "FILE", summary: "Union: the configuration file" },
  project: { kind: "string", placeholder: "PROJECT", summary: "Union, Valohai: the project" },
  domain: { kind: "string", placeholder: "DOMAIN", summary: "Union: the domain" },
  host: { kind: "string", placeholder: "URL", summary: "Valohai: the installation (default https://app.valohai.com)" },
} as const satisfies FlagSpecs;

/** The values of {@link PLACE_FLAGS}, and what `connect` has besides. */
export type PlaceValues = Omit<FlagValues<typeof PLACE_FLAGS>, "on"> & {
  readonly on: string | undefined;
  readonly "api-key"?: boolean | undefined;
  readonly "refresh-token"?: boolean | undefined;
};

/** `--on PROVIDER` and what else was said about the place, as the words of another command that means the same one. */
export function placeWords(provider: string, flags: Omit<PlaceValues, "on">): string {
  const given = (["config", "project", "domain", "host"] as const).flatMap((flag) => {
    const value = flags[flag];
    return value === undefined ? [] : [`--${flag} ${shellQuote(value)}`];
  });
  return [`--on ${provider}`, ...given].join(" ");
}

/** The provider that a command line means, open: dispose it. `runName` helps to choose where `--on` is not given. */
export async function openChosenProvider(
  context: CommandContext,
  flags: PlaceValues,
  runName?: string,
): Promise<{ readonly name: ProviderName; readonly provider: Provider }> {
  const { on, "api-key": useApiKey, "refresh-token": refreshToken, ...place } = flags;
  const settings = { ...place, useApiKey, refreshToken };
  const name = await chooseProvider(context, { on, runName, settings });
  return { name, provider: await openProvider(name, context, settings) };
}
