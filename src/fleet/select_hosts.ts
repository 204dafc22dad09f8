import { AppError } from "../base/errors.ts";
import type { HostGroups } from "./host_groups.ts";
import { expandNodeSet, splitNodeSet } from "./node_set.ts";

/** What hosts are chosen from. */
export interface SelectHostsOptions {
  /** Node sets, with `@group` among their parts. */
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** Called when the first `@group` is met. */
  readonly loadGroups: () => Promise<HostGroups>;
}

/**
 * The hosts of all that is included and not excluded, each once, in the order of the first mention.
 *
 * @throws AppError `usage` for a node set that cannot be read, `not_found` for a group that there is not,
 * `config_invalid` for groups that hold each other.
 */
export async function selectHosts({ include, exclude = [], loadGroups }: SelectHostsOptions): Promise<string[]> {
  let groups: Promise<HostGroups> | undefined;
  const expand = async (text: string, inside: readonly string[]): Promise<string[]> => {
    const hosts: string[] = [];
    for (const part of splitNodeSet(text)) {
      if (!part.startsWith("@")) hosts.push(...expandNodeSet(part));
      else hosts.push(...await expandGroup(part.slice(1), inside));
    }
    return hosts;
  };
  const expandGroup = async (name: string, inside: readonly string[]): Promise<string[]> => {
    if (inside.includes(name)) {
      const circle = [...inside, name].map((each) => `@${each}`).join(" > ");
      throw new AppError("config_invalid", `The groups hold each other: ${circle}`);
    }
    groups ??= loadGroups();
    const known = await groups;
    const sets = known.get(name) ?? (name === "all" ? [...known.keys()].map((each) => `@${each}`) : undefined);
    if (!sets) {
      throw new AppError("not_found", `There is no group ${JSON.stringify(name)}`, {
        hint: known.size ? `There are ${[...known.keys()].map((each) => `@${each}`).join(", ")}` : "The file has none",
      });
    }
    const hosts: string[] = [];
    for (const set of sets) hosts.push(...await expand(set, [...inside, name]));
    return hosts;
  };
  const all = async (sets: readonly string[]) => {
    const hosts: string[] = [];
    for (const set of sets) hosts.push(...await expand(set, []));
    return new Set(hosts);
  };
  const chosen = await all(include);
  for (const host of await all(exclude)) chosen.delete(host);
  return [...chosen];
}

/** The node sets of a hosts file: one a line, `#` begins a comment, what follows white space is left out. */
export function parseHostsFile(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/(?:^|\s)#.*$/, "").trim().split(/\s+/)[0] ?? "")
    .filter((line) => line !== "");
}
