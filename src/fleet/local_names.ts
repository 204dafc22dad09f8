import { basename, join } from "node:path";
import { basename as remoteBasename } from "node:path/posix";
import { hostFileName } from "./output_store.ts";

/** What deciding on local names takes. */
export interface LocalNamesOptions {
  /** The remote path. */
  readonly src: string;
  /** As given: a file, or a folder when it ends with a slash or is one. */
  readonly dst: string;
  readonly isFolder: boolean;
}

/**
 * One local path per host, no two the same whatever the hosts are called: with several hosts the host's name is
 * appended (`app.log.web1`). Compared without case, since some file systems do not tell `Web1` from `web1`.
 */
export function localNames(hosts: readonly string[], { src, dst, isFolder }: LocalNamesOptions): string[] {
  const base = isFolder ? join(dst, remoteBasename(src.replace(/\/+$/, "")) || "root") : dst;
  if (hosts.length === 1) return [base];
  const taken = new Set<string>();
  return hosts.map((host) => {
    const plain = `${base}.${hostFileName(host)}`;
    let name = plain;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${plain}.${count}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** The last part of a local path, whatever its end. */
export function localBasename(path: string): string {
  return basename(path.replace(/[/\\]+$/, ""));
}
