import { type ExecClient, execClient } from "./exec_client.ts";
import { openFleet } from "./fleet.ts";
import type { FleetOptions } from "./fleet_options.ts";
import { type KeyClient, keyClient } from "./key_client.ts";
import { type TransferClient, transferClient } from "./transfer_client.ts";

/** Many hosts at once. `close()` ends what it keeps; without `keepConnections` nothing is kept open between calls. */
export interface FleetClient extends ExecClient, TransferClient, KeyClient, AsyncDisposable {
  /** The hosts' names, node sets expanded. */
  readonly hosts: readonly string[];
  /** Closes connections that were kept and removes the files of long outputs. May be called twice. */
  close(): Promise<void>;
}

/** A client for `hosts`. Nothing is read or dialled yet. @throws AppError `usage` for options out of range. */
export function config(options: FleetOptions): FleetClient {
  const fleet = openFleet(options);
  const close = async () => await fleet[Symbol.asyncDispose]();
  return {
    hosts: fleet.hosts.map(({ host }) => host),
    ...execClient(fleet),
    ...transferClient(fleet),
    ...keyClient(fleet),
    close,
    [Symbol.asyncDispose]: close,
  };
}
