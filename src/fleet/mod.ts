/** Many SSH hosts at once: commands, transfers and keys. `ssh.config({ hosts })` makes a client. */
import { config } from "./client.ts";
import type { CopyIdOptions, SSHCopyIdResult } from "./copy_id.ts";
import { attempt } from "./fleet.ts";
import type { FleetOptions } from "./fleet_options.ts";
import type { SSHKeyCheckResult } from "./key_check.ts";
import type { WithKey } from "./key_client.ts";
import { keygen } from "./keygen.ts";
import type { KeyscanOptions, SSHHostKey } from "./keyscan.ts";
import type { Result } from "./results.ts";

/** Options of `ssh.keyscan`: where, and what to ask for. */
export type StandaloneKeyscanOptions =
  & Pick<FleetOptions, "hosts" | "port" | "jump" | "knownHostsFile" | "sshConfigFile" | "environment" | "findAlias">
  & Pick<FleetOptions, "hostKeyCheck" | "maxRetries">
  & KeyscanOptions;

/** The host keys of `hosts`. @throws AppError when none of them showed any. */
export async function keyscan(options: StandaloneKeyscanOptions): Promise<SSHHostKey[]> {
  await using client = config({ ...options, timeout: options.timeout ?? "5s" });
  return await client.keyscan(options);
}

/** Options of `ssh.keyCheck`: a client's, and the key. */
export type StandaloneKeyCheckOptions = WithKey<Omit<FleetOptions, "key">>;

/** Whether each host would take a key, asked without its private half. */
export async function keyCheck({ key, ...options }: StandaloneKeyCheckOptions): Promise<SSHKeyCheckResult[]> {
  await using client = config(options);
  return await client.keyCheck(key);
}

/** Options of `ssh.copyId`: a client's, but for its key, and what is to be copied. */
export type StandaloneCopyIdOptions = WithKey<Omit<FleetOptions, "key"> & CopyIdOptions>;

/** Adds a public key on every host. `auth.key` is what to log in with, if not a password. @throws AppError as `exec`. */
export async function copyId({ key, ...options }: StandaloneCopyIdOptions): Promise<SSHCopyIdResult[]> {
  await using client = config(options);
  return await client.copyId(key, options);
}

/** The library's `ssh`. The `try` twins return what the others throw. */
export const ssh = {
  config,
  keyscan,
  tryKeyscan: (options: StandaloneKeyscanOptions): Promise<Result<SSHHostKey[]>> => attempt(() => keyscan(options)),
  keygen,
  copyId,
  tryCopyId: (options: StandaloneCopyIdOptions): Promise<Result<SSHCopyIdResult[]>> => attempt(() => copyId(options)),
  keyCheck,
  tryKeyCheck: (options: StandaloneKeyCheckOptions): Promise<Result<SSHKeyCheckResult[]>> =>
    attempt(() => keyCheck(options)),
} as const;

export { config, keygen };
export type { FleetClient } from "./client.ts";
export type { CommandSettings } from "./command_line.ts";
export type { CopyIdOptions, SSHCopyIdResult } from "./copy_id.ts";
export type { ExecEvent, ExecOptions } from "./exec_call.ts";
export type { ExecBatch } from "./exec_client.ts";
export type { AliasRoute, AuthOptions, FleetOptions, HostOptions, HostQuestion, JumpOptions } from "./fleet_options.ts";
export type { HostError, HostErrorKind } from "./host_error.ts";
export type { KeyCheckOptions, SSHKeyCheckResult } from "./key_check.ts";
export type { WithKey } from "./key_client.ts";
export type { KeygenOptions, SavedKeyPair, SSHKeyPair } from "./keygen.ts";
export type { HostKeyKind, KeyscanOptions, SSHHostKey, SSHKeyscanResult } from "./keyscan.ts";
export { expandNodeSet } from "./node_set.ts";
export { foldNodeSet } from "./fold_node_set.ts";
export type { HostResult, Result, SSHBatchResult, SSHResult, SSHTransferResult } from "./results.ts";
export type { TransferEvent, TransferOptions } from "./transfer_options.ts";
