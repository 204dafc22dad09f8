import { AppError } from "../base/errors.ts";
import type { RunSummary } from "../providers/provider.ts";
import { type PlaceValues, placeWords } from "./choose_provider.ts";
import type { CommandContext } from "./command.ts";
import { type ConnectedItem, connectedItem } from "./connected_item.ts";
import { connectRun } from "./connect_run.ts";

/** What `launch` was told about connecting. */
export interface LaunchedFlags extends PlaceValues {
  readonly name: string | undefined;
  readonly "write-config": boolean | undefined;
  readonly user: string | undefined;
  readonly "identity-file": string | undefined;
  readonly timeout: number | undefined;
  readonly "poll-interval": number | undefined;
}

/**
 * Connects the run that `launch` has started on a platform: what `porthole connect RUN` does.
 *
 * @throws what `connectRun` throws. The run goes on then, unless the error says that it ended; the user is told so.
 */
export async function connectLaunched(
  { provider, name }: RunSummary,
  { flags, context }: { flags: LaunchedFlags; context: CommandContext },
): Promise<ConnectedItem> {
  const { timeout = 300_000, "poll-interval": pollInterval = 3_000, "write-config": writeConfig = false } = flags;
  try {
    const result = await connectRun({
      positionals: [name],
      flags: {
        ...flags,
        on: provider,
        "headers-file": undefined,
        "ca-file": undefined,
        timeout,
        "poll-interval": pollInterval,
      },
    }, context);
    return await connectedItem(result, { choice: { writeConfig, include: false, multiplex: true }, context });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "run_ended") {
      const words = `${name} ${placeWords(provider, flags)}`;
      context.notice(`${name} goes on: porthole connect ${words} gets in later, porthole stop ${words} ends it`);
    }
    throw error;
  }
}
