import { AppError } from "../base/errors.ts";
import type { Provider } from "../providers/provider.ts";
import type { CommandContext, FlagSpecs } from "./command.ts";
import { openLocalProvider } from "./open_local_provider.ts";

/** The places where jobs run. */
export const PROVIDER_NAMES = ["local"] as const;

/** One of {@link PROVIDER_NAMES}. */
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** The flag that every command about a run has. */
export const ON_FLAG = {
  on: {
    kind: "string",
    choices: PROVIDER_NAMES,
    summary: "Where the job runs; else PORTHOLE_PROVIDER, else where a run of that name is known, local first",
  },
} as const satisfies FlagSpecs;

/** Flags that a provider itself understands, by name; undefined where not given. */
export type ProviderFlags = Readonly<Record<string, unknown>>;

/** The provider called `name`, with what the command line says about it. Only its own code is loaded. */
export async function openProvider(
  name: ProviderName,
  { context }: { context: CommandContext; flags?: ProviderFlags },
): Promise<Provider> {
  switch (name) {
    case "local":
      return await openLocalProvider(context);
  }
}

/** Which provider is meant: the one named with `--on`, by PORTHOLE_PROVIDER, or the one that has a run called `runName`. */
export async function chooseProvider(
  context: CommandContext,
  { on, runName }: { on: string | undefined; runName?: string },
): Promise<ProviderName> {
  const named = on ?? context.env.PORTHOLE_PROVIDER;
  if (named) return checkName(named);
  if (runName === undefined || await openLocalProvider(context).has(runName)) return "local";
  return "local";
}

function checkName(name: string): ProviderName {
  const known = PROVIDER_NAMES.find((known) => known === name);
  if (known) return known;
  throw new AppError("config_invalid", `Cannot use PORTHOLE_PROVIDER=${JSON.stringify(name)}`, {
    hint: `It must be one of ${PROVIDER_NAMES.join(", ")}`,
  });
}
