import { AppError } from "../base/errors.ts";
import { escapeControls } from "../base/printable.ts";
import type { SSHTransferResult } from "../fleet/results.ts";
import type { TransferEvent, TransferOptions } from "../fleet/transfer_options.ts";
import type { CommandContext, FlagValues } from "./command.ts";
import type { TRANSFER_FLAGS } from "./fleet_flags.ts";
import { fleetSummary, type FleetSummaryOptions } from "./fleet_summary.ts";

const MAX_SKIPPED_NAMES = 5;

/** What {@link TRANSFER_FLAGS} came to. */
export type TransferFlags = FlagValues<typeof TRANSFER_FLAGS>;

/** The three words of a transfer; HOSTS may be left out when a file has them. @throws AppError `usage`. */
export function transferWords(
  words: readonly string[],
  hostsFile: string | undefined,
): { hosts: string[]; src: string; dst: string } {
  const [first = "", second = "", third] = words;
  if (third !== undefined) return { hosts: [first], src: second, dst: third };
  if (hostsFile !== undefined && second !== "") return { hosts: [], src: first, dst: second };
  throw new AppError("usage", "A transfer needs HOSTS, SOURCE and DESTINATION", {
    hint: "porthole upload 'web[1-3]' app.conf /etc/app.conf",
  });
}

/** The library's options for the flags of a transfer. */
export function transferOptions(flags: TransferFlags, signal: AbortSignal): TransferOptions {
  const { recursive, mode, resume, checksum, timeout } = flags;
  return {
    ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }),
    ...(recursive === undefined ? {} : { recursive }),
    ...(mode === undefined ? {} : { mode }),
    ...(resume === undefined ? {} : { resume }),
    ...(checksum === undefined ? {} : { checksum }),
    signal,
  };
}

/** Yields each host's result as it comes, with a live line of the rate; returns the exit status. */
export async function* runTransfer(
  events: AsyncIterable<TransferEvent>,
  { context, ...counts }: FleetSummaryOptions & { context: CommandContext },
): AsyncGenerator<SSHTransferResult, number> {
  using summary = fleetSummary(counts, context);
  const rates = new Map<string, number>();
  const told = new Set<string>();
  // An upload leaves out the same on every host: once is enough.
  const tellSkipped = ({ host, skipped, src }: SSHTransferResult) => {
    if (!skipped?.length) return;
    const names = skipped.slice(0, MAX_SKIPPED_NAMES).map((name) => JSON.stringify(name)).join(", ");
    const more = skipped.length > MAX_SKIPPED_NAMES ? ` and ${skipped.length - MAX_SKIPPED_NAMES} more` : "";
    const text = `left out of ${JSON.stringify(src)}, neither file nor folder: ${names}${more}`;
    if (!told.has(text)) context.notice(`${escapeControls(host)}: ${escapeControls(text)}`);
    told.add(text);
  };
  let first: SSHTransferResult | undefined;
  let count = 0;
  try {
    for await (const event of events) {
      if (event.type === "connected") continue;
      if (event.type === "progress") {
        rates.set(event.host, event.bytesPerSecond);
        summary.rate(`${formatBytes([...rates.values()].reduce((sum, rate) => sum + rate, 0))}/s`);
      } else {
        rates.delete(event.host);
        first ??= event.result;
        count++;
        if (event.result.via === "cat" && event.result.ok) {
          context.notice(`${escapeControls(event.host)}: it has no SFTP: the files went through cat`);
        }
        tellSkipped(event.result);
        summary.result(event.result);
        yield event.result;
      }
    }
  } catch (error) {
    // That nobody could be reached has been told, host by host.
    if (count < counts.total) throw error;
  }
  summary.finish();
  const failure = first?.error;
  return summary.exitStatus(failure ? new AppError(failure.code, failure.message).exitStatus : undefined);
}

/** A result as people read it: nothing for a failure, which stderr has. */
export function formatTransfer(
  { host, ok, dryRun, bytes, files, src, dst }: SSHTransferResult,
  isUpload: boolean,
): string {
  if (!ok) return "";
  const [from, to] = isUpload ? [src, `${host}:${dst}`] : [`${host}:${src}`, dst];
  const what = dryRun ? "would be copied" : `${files === 1 ? "" : `${files} files, `}${formatBytes(bytes)}`;
  return `${escapeControls(from)} -> ${escapeControls(to)}: ${what}\n`;
}

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : Number(value.toFixed(1))} ${units[power]}`;
}
