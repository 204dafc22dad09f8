import { AppError } from "../../base/errors.ts";

/** A line of the protocol that is not an answer (OpenSSH scp.c, `sink`). */
export type ControlRecord =
  | { readonly kind: "file" | "folder"; readonly mode: number; readonly size: number; readonly name: string }
  | { readonly kind: "end" }
  /** Seconds since 1970, for the next file or folder. */
  | { readonly kind: "times"; readonly mtime: number; readonly atime: number };

/**
 * Reads one line, without its newline.
 * @throws AppError `protocol` for anything else, and for a name that would lead out of the folder it is meant for
 * (CVE-2018-20685, CVE-2019-6111).
 */
export function parseControlRecord(line: string): ControlRecord {
  if (line === "E") return { kind: "end" };
  const times = /^T(\d{1,15}) \d{1,6} (\d{1,15}) \d{1,6}$/.exec(line);
  if (times) return { kind: "times", mtime: Number(times[1]), atime: Number(times[2]) };
  const [, letter, mode, size, name] = /^([CD])([0-7]{4,5}) (\d{1,16}) (.*)$/s.exec(line) ?? [];
  if (letter === undefined || name === undefined || Number(size) > Number.MAX_SAFE_INTEGER) {
    throw new AppError("protocol", "protocol error: expected control record");
  }
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) {
    throw new AppError("protocol", `error: unexpected filename: ${name}`);
  }
  return {
    kind: letter === "C" ? "file" : "folder",
    mode: Number.parseInt(mode ?? "", 8) & 0o7777,
    size: Number(size),
    name,
  };
}

/** A file's or folder's line. A newline in a name is written as OpenSSH writes it (vis(3), VIS_NL). */
export function formatEntryRecord(
  { kind, mode, size, name }: { kind: "file" | "folder"; mode: number; size: number; name: string },
): string {
  // The sticky bit is not sent, as by OpenSSH.
  const bits = (mode & 0o6777).toString(8).padStart(4, "0");
  return `${kind === "file" ? "C" : "D"}${bits} ${size} ${name.replaceAll("\n", "\\^J")}\n`;
}

/** The line before a file's or folder's that tells its times. */
export function formatTimesRecord({ mtime = 0, atime = mtime }: { mtime?: number; atime?: number }): string {
  const seconds = (time: number) => Math.max(0, Math.floor(time));
  return `T${seconds(mtime)} 0 ${seconds(atime)} 0\n`;
}
