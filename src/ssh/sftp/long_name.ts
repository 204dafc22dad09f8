import type { SftpStat } from "./attributes.ts";
import { FileType } from "./protocol.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TYPE_LETTERS: Readonly<Record<number, string>> = {
  [FileType.fifo]: "p",
  [FileType.character]: "c",
  [FileType.folder]: "d",
  [FileType.block]: "b",
  [FileType.regular]: "-",
  [FileType.symlink]: "l",
  [FileType.socket]: "s",
};
/** How far back a time still shows its hour: half a year, as `ls -l` and OpenSSH's ls_file do. */
const RECENT_SECONDS = (365 * 24 * 60 * 60) / 2;

/** What {@link formatLongName} shows. */
export interface LongNameFields {
  readonly name: string;
  readonly stat: SftpStat;
  readonly user: string;
  readonly group: string;
  /** Seconds since 1970. */
  readonly now: number;
}

/** One line of `ls -l`, in the form that clients parse (draft-ietf-secsh-filexfer-02, 7; OpenSSH's ls_file). */
export function formatLongName({ name, stat, user, group, now }: LongNameFields): string {
  const links = String(stat.linkCount ?? 1).padStart(4);
  const size = String(stat.size ?? 0).padStart(8);
  return `${formatMode(stat.mode ?? 0)} ${links} ${user.padEnd(8)} ${group.padEnd(8)} ${size} ${
    formatTime(stat.mtime ?? 0, now)
  } ${name}`;
}

/** `drwxr-sr-t` for a `st_mode`. */
export function formatMode(mode: number): string {
  const letters = [...(TYPE_LETTERS[mode & FileType.mask] ?? "?"), ..."rwxrwxrwx"];
  for (let bit = 0; bit < 9; bit++) if (!(mode & (0o400 >> bit))) letters[1 + bit] = "-";
  for (const [bit, at, letter] of [[0o4000, 3, "s"], [0o2000, 6, "s"], [0o1000, 9, "t"]] as const) {
    if (mode & bit) letters[at] = letters[at] === "x" ? letter : letter.toUpperCase();
  }
  return letters.join("");
}

function formatTime(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}`;
  if (Math.abs(now - seconds) > RECENT_SECONDS) return `${day}  ${date.getFullYear()}`;
  return `${day} ${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}
