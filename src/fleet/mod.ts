/** Many SSH hosts at once: commands, transfers and keys. `ssh.config({ hosts })` makes a client. */
import { config } from "./client.ts";
import type { SSHKeyCheckResult } from "./copy_id.ts";
import type { FleetOptions } from "./fleet_options.ts";
import { keygen } from "./keygen.ts";
import type { KeyscanOptions, SSHHostKey } from "./keyscan.ts";

/** Options of `ssh.keyscan`: where, and what to ask for. */
export type StandaloneKeyscanOptions =
  & Pick<FleetOptions, "hosts" | "port" | "jump" | "knownHostsFile" | "sshConfigFile" | "environment" | "findAlias">
  & KeyscanOptions;

/** The host keys of `hosts`. @throws AppError when none of them showed any. */
export async function keyscan(options: StandaloneKeyscanOptions): Promise<SSHHostKey[]> {
  await using client = config({ ...options, timeout: options.timeout ?? "5s" });
  return await client.keyscan(options);
}

/** Options of `ssh.keyCheck`: a client's, and the key. */
export type StandaloneKeyCheckOptions = Omit<FleetOptions, "key"> & {
  /** A public key line, a `.pub` file, or the private key beside one. */
  readonly key: string;
};

/** Whether each host would take a key, asked without its private half. */
export async function keyCheck({ key, ...options }: StandaloneKeyCheckOptions): Promise<SSHKeyCheckResult[]> {
  await using client = config(options);
  return await client.keyCheck({ key, ...(options.signal ? { signal: options.signal } : {}) });
}

/** The library's `ssh`. */
export const ssh = { config, keyscan, keygen, keyCheck } as const;

export { config, keygen };
export type { FleetClient } from "./client.ts";
export type { CommandSettings } from "./command_line.ts";
export type { CopyIdOptions, KeyCheckOptions, SSHCopyIdResult, SSHKeyCheckResult } from "./copy_id.ts";
export type { ExecEvent, ExecOptions } from "./exec_call.ts";
export type { ExecBatch } from "./exec_client.ts";
export type { AliasRoute, AuthOptions, FleetOptions, HostOptions, HostQuestion, JumpOptions } from "./fleet_options.ts";
export type { HostError, HostErrorKind } from "./host_error.ts";
export type { KeygenOptions, SSHKeyPair } from "./keygen.ts";
export type { HostKeyKind, KeyscanOptions, SSHHostKey, SSHKeyscanResult } from "./keyscan.ts";
export { expandNodeSet } from "./node_set.ts";
export { foldNodeSet } from "./fold_node_set.ts";
export type { HostResult, Result, SSHBatchResult, SSHResult, SSHTransferResult } from "./results.ts";
export type { TransferEvent, TransferOptions } from "./transfer_options.ts";
