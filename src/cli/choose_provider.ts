import { chooseProvider, openProvider, PROVIDER_NAMES, type ProviderName } from "../providers/open_provider.ts";
import type { Provider } from "../providers/provider.ts";
import type { CommandContext, FlagSpecs, FlagValues } from "./command.ts";

/** The flags that say which account and place of a platform are meant. */
export const PLACE_FLAGS = {
  on: {
    kind: "string",
    choices: PROVIDER_NAMES,
    summary: "Where the job runs; else PORTHOLE_PROVIDER, else where a run of that name is known, local first",
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

/** The provider that a command line means, open: dispose it. `runName` helps to choose where `--on` is not given. */
export async function openChosenProvider(
  context: CommandContext,
  flags: PlaceValues,
  runName?: string,
): Promise<{ readonly name: ProviderName; readonly provider: Provider }> {
  const name = await chooseProvider(context, { on: flags.on, ...(runName === undefined ? {} : { runName }) });
  const { "api-key": useApiKey, "refresh-token": refreshToken, ...settings } = flags;
  return { name, provider: await openProvider(name, context, { ...settings, useApiKey, refreshToken }) };
}
