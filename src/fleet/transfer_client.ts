import { deadline } from "../base/abort.ts";
import { formatDuration, parseDuration } from "../base/duration.ts";
import { AppError, toAppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import { downloadFromHost } from "./download_host.ts";
import { iterateEvents } from "./event_queue.ts";
import { attempt, type Fleet } from "./fleet.ts";
import type { FailedHost } from "./fleet_call.ts";
import type { HostOptions } from "./fleet_options.ts";
import { toHostError } from "./host_error.ts";
import { describeLocalFault, type LocalFileUse } from "./local_fault.ts";
import { localNames } from "./local_names.ts";
import type { RemoteFiles } from "./remote_files.ts";
import type { Result, SSHTransferResult } from "./results.ts";
import { openSftpFiles } from "./sftp_files.ts";
import { openShellFiles } from "./shell_files.ts";
import { parseMode, type TransferEvent, type TransferOptions } from "./transfer_options.ts";
import { trackProgress } from "./transfer_progress.ts";
import { readLocalSource, type TransferOutcome, uploadToHost, type UploadWork } from "./upload_host.ts";

/** Files to and from every host of a client. */
export interface TransferClient {
  /**
   * Copies a local file or tree to `dst` on every host: one result per host, in their order.
   *
   * @throws AppError for what concerns all hosts (`not_found`: no such local file), or when no host could be reached.
   */
  upload(src: string, dst: string, options?: TransferOptions): Promise<SSHTransferResult[]>;
  tryUpload(src: string, dst: string, options?: TransferOptions): Promise<Result<SSHTransferResult[]>>;
  uploadEvents(src: string, dst: string, options?: TransferOptions): AsyncGenerator<TransferEvent, void>;
  /** Copies `src` of every host to `dst`, a file or a folder here; with several hosts each gets a name of its own. */
  download(src: string, dst: string, options?: TransferOptions): Promise<SSHTransferResult[]>;
  tryDownload(src: string, dst: string, options?: TransferOptions): Promise<Result<SSHTransferResult[]>>;
  downloadEvents(src: string, dst: string, options?: TransferOptions): AsyncGenerator<TransferEvent, void>;
}

type Emit = ((event: TransferEvent) => Promise<void>) | undefined;

/** @returns the transfers of a client. */
export function transferClient(fleet: Fleet): TransferClient {
  const upload = (src: string, dst: string, options: TransferOptions = {}) => uploadAll(fleet, { src, dst, options });
  const download = (src: string, dst: string, options: TransferOptions = {}) =>
    downloadAll(fleet, { src, dst, options });
  return {
    upload,
    tryUpload: (src, dst, options) => attempt(() => upload(src, dst, options)),
    uploadEvents: (src, dst, options = {}) =>
      iterateEvents<TransferEvent>(
        ({ push }, signal) => uploadAll(fleet, { src, dst, options: { ...options, signal }, emit: push }),
        options.signal,
      ),
    download,
    tryDownload: (src, dst, options) => attempt(() => download(src, dst, options)),
    downloadEvents: (src, dst, options = {}) =>
      iterateEvents<TransferEvent>(
        ({ push }, signal) => downloadAll(fleet, { src, dst, options: { ...options, signal }, emit: push }),
        options.signal,
      ),
  };
}

interface Transfer {
  readonly src: string;
  readonly dst: string;
  readonly options: TransferOptions;
  readonly emit?: Emit;
}

async function uploadAll(fleet: Fleet, { src, dst, options, emit }: Transfer): Promise<SSHTransferResult[]> {
  assertPaths({ src, dst, options });
  const source = await readLocalSource(src, options).catch((error: unknown) => {
    throw describeLocalFault(error, { verb: "read", path: src });
  });
  return await transferAll(fleet, {
    src,
    options,
    emit,
    dstOf: () => dst,
    localUse: () => ({ verb: "read", path: src }),
    transfer: (_host, work) => uploadToHost(source, dst, work),
  });
}

async function downloadAll(fleet: Fleet, { src, dst, options, emit }: Transfer): Promise<SSHTransferResult[]> {
  assertPaths({ src, dst, options });
  const info = await Deno.stat(dst).catch(() => null);
  const isFolder = /[/\\]$/.test(dst) || info?.isDirectory === true;
  const names = localNames(fleet.hosts.map(({ host }) => host), { src, dst, isFolder });
  const nameOf = new Map(fleet.hosts.map((host, at) => [host, names[at] ?? dst]));
  const dstOf = (host: HostOptions) => nameOf.get(host) ?? dst;
  return await transferAll(fleet, {
    src,
    options,
    emit,
    dstOf,
    localUse: (host) => ({ verb: "write", path: dstOf(host) }),
    transfer: (host, work) => downloadFromHost(src, dstOf(host), work),
  });
}

interface TransferPlan {
  readonly src: string;
  readonly options: TransferOptions;
  readonly emit: Emit;
  readonly dstOf: (host: HostOptions) => string;
  readonly localUse: (host: HostOptions) => LocalFileUse;
  readonly transfer: (host: HostOptions, work: UploadWork) => Promise<TransferOutcome>;
}

function transferAll(fleet: Fleet, plan: TransferPlan): Promise<SSHTransferResult[]> {
  const { src, options, emit, dstOf } = plan;
  const unrun = (
    failure: FailedHost | { host: string; ok: true; dryRun: true; durationMs: number },
    host: HostOptions,
  ) => ({
    ...failure,
    bytes: 0,
    files: 0,
    src,
    dst: dstOf(host),
    via: "sftp" as const,
  });
  return fleet.run<SSHTransferResult>(options, ({ signal }) => ({
    work: (connection, host) => transferOne(plan, { connection, host, signal }),
    pretend: (host) => Promise.resolve(unrun({ host: host.host, ok: true, dryRun: true, durationMs: 0 }, host)),
    failed: unrun,
    onConnected: emit && ((host) => emit({ type: "connected", host })),
    onResult: emit && ((result) => emit({ type: "result", host: result.host, result })),
  }));
}

async function transferOne(
  { src, options, emit, dstOf, localUse, transfer }: TransferPlan,
  { connection, host, signal: callSignal }: {
    connection: SshConnection;
    host: HostOptions;
    signal: AbortSignal | undefined;
  },
): Promise<SSHTransferResult> {
  const startedAt = performance.now();
  const timeoutMs = timeoutOf(options);
  using limit = deadline(timeoutMs, { signal: callSignal, reason: () => transferTimeout(timeoutMs) });
  const { signal } = limit;
  const progress = trackProgress(host.host, emit);
  await using files = await openFiles(connection, signal);
  const common = { host: host.host, dryRun: false, src, via: files.via };
  const elapsed = () => Math.round(performance.now() - startedAt);
  try {
    const outcome = await transfer(host, { connection, files, progress, options, signal });
    return { ...common, ok: true, bytes: progress.bytes, ...outcome, durationMs: elapsed() };
  } catch (failure) {
    const broken = connection.isClosed ? await connection.closed : undefined;
    const error = toHostError(broken ?? describeLocalFault(failure, localUse(host)));
    return { ...common, ok: false, bytes: progress.bytes, files: 0, dst: dstOf(host), error, durationMs: elapsed() };
  }
}

/** SFTP, or where the far end has none the shell. */
async function openFiles(connection: SshConnection, signal: AbortSignal | undefined): Promise<RemoteFiles> {
  try {
    return await openSftpFiles(connection, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (connection.isClosed || !isWithoutSftp(error)) throw error;
    return openShellFiles(connection, signal);
  }
}

/** A server without the subsystem refuses it, or starts a program that is not there and ends at once. */
function isWithoutSftp(error: unknown): boolean {
  return ["protocol", "tunnel_closed", "timeout"].includes(toAppError(error).code);
}

function timeoutOf({ timeout }: TransferOptions): number {
  return timeout === undefined ? Infinity : parseDuration(timeout, "timeout");
}

function transferTimeout(timeoutMs: number): AppError {
  return new AppError("timeout", `The transfer did not end within ${formatDuration(timeoutMs)} and was given up`, {
    hint: "Give it more time with --timeout",
    details: { phase: "transfer" },
  });
}

function assertPaths({ src, dst, options }: Transfer): void {
  parseMode(options.mode);
  timeoutOf(options);
  for (const [name, path] of Object.entries({ source: src, destination: dst })) {
    if (path !== "" && !path.includes("\0")) continue;
    throw new AppError("usage", `The ${name} of a transfer must be a path: got ${JSON.stringify(path)}`);
  }
}
