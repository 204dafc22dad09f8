/** Users and groups of this machine, as far as its files tell. */
export interface AccountNames {
  readonly userNames: ReadonlyMap<number, string>;
  readonly groupNames: ReadonlyMap<number, string>;
  /** Home folders by user name. */
  readonly homeFolders: ReadonlyMap<string, string>;
}

/** Reads passwd(5) and group(5). A file that is not there has no names in it: then numbers are shown. */
export async function readAccountNames(
  { passwdFile = "/etc/passwd", groupFile = "/etc/group" } = {},
): Promise<AccountNames> {
  const userNames = new Map<number, string>();
  const homeFolders = new Map<string, string>();
  for (const [name, , uid, , , home] of await readRecords(passwdFile)) {
    if (!name || !/^\d+$/.test(uid ?? "")) continue;
    if (!userNames.has(Number(uid))) userNames.set(Number(uid), name);
    if (home?.startsWith("/")) homeFolders.set(name, home);
  }
  const groupNames = new Map<number, string>();
  for (const [name, , gid] of await readRecords(groupFile)) {
    if (name && /^\d+$/.test(gid ?? "") && !groupNames.has(Number(gid))) groupNames.set(Number(gid), name);
  }
  return { userNames, groupNames, homeFolders };
}

async function readRecords(path: string): Promise<string[][]> {
  try {
    return (await Deno.readTextFile(path)).split("\n").map((line) => line.split(":"));
  } catch {
    // Not every system has the file, nor every user the right to read it; numbers do as well.
    return [];
  }
}
