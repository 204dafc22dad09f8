import { parse as parseToml } from "smol-toml";
import { AppError, describeError } from "../base/errors.ts";

/** Names of groups, each with the node sets that it is made of; `@other` among them is another group. */
export type HostGroups = ReadonlyMap<string, readonly string[]>;

/**
 * The groups of a TOML file (`web = "web[1-20]"`, or lists, at the top or under `[groups]`) or of an ini file as ansible
 * has it (`[web]`, a host a line, `web[01:20]`, `[all:children]`).
 *
 * @throws AppError `config_invalid` that names the file and what it found.
 */
export function parseHostGroups(text: string, path: string): HostGroups {
  return path.endsWith(".toml") ? readToml(text, path) : readIni(text, path);
}

function readToml(text: string, path: string): HostGroups {
  let table: Record<string, unknown>;
  try {
    table = parseToml(text);
  } catch (error) {
    throw new AppError("config_invalid", `Cannot read ${JSON.stringify(path)} as TOML: ${describeError(error)}`, {
      cause: error,
    });
  }
  const { groups, ...top } = table;
  const entries = { ...top, ...(isTable(groups) ? groups : groups === undefined ? {} : { groups }) };
  return new Map(
    Object.entries(entries).map(([name, value]) => {
      const list = Array.isArray(value) ? value : [value];
      if (list.every((one) => typeof one === "string")) return [name, list] as const;
      throw new AppError(
        "config_invalid",
        `The group ${JSON.stringify(name)} in ${JSON.stringify(path)} must be a node set or a list of them`,
        { hint: `${name} = "web[1-20],db1"` },
      );
    }),
  );
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readIni(text: string, path: string): HostGroups {
  const groups = new Map<string, string[]>();
  const groupOf = (name: string): string[] => {
    const hosts = groups.get(name) ?? [];
    groups.set(name, hosts);
    return hosts;
  };
  let current: { hosts: string[]; isChildren: boolean; isVariables: boolean } | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/(?:^|\s)[#;].*$/, "").trim();
    if (line === "") continue;
    const [, name, suffix] = /^\[([^\]:]+)(?::(\w+))?\]$/.exec(line) ?? [];
    if (name !== undefined) {
      current = { hosts: groupOf(name), isChildren: suffix === "children", isVariables: suffix === "vars" };
    } else if (!current && /^[^\s=]+\s*=/.test(line)) {
      throw new AppError(
        "config_invalid",
        `Cannot read ${JSON.stringify(path)} line ${index + 1} as a host: ${JSON.stringify(line)}`,
        { hint: 'An ini file has "[group]" and a host a line; a TOML file is named *.toml' },
      );
    } else if (!current?.isVariables) {
      // What follows the host are ansible's variables, which mean nothing here.
      const [host = ""] = line.split(/\s+/);
      current ??= { hosts: groupOf("ungrouped"), isChildren: false, isVariables: false };
      current.hosts.push(current.isChildren ? `@${host}` : nodeSetOf(host));
    }
  }
  return groups;
}

/** ansible's ranges `[01:20]`, `[1:9:2]` and `[a:f]` as node sets have them. */
function nodeSetOf(host: string): string {
  return host.replace(/\[(\d+):(\d+)(?::(\d+))?\]/g, (_, from, to, step = "1") => `[${from}-${to}/${step}]`)
    .replace(/\[([a-z]):([a-z])\]/gi, (_, from: string, to: string) => {
      const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
      const letters = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => String.fromCharCode(first + at));
      return `[${letters.join(",")}]`;
    });
}
