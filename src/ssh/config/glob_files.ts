import { dirname, join, sep } from "node:path";

/**
 * The files that a pattern with `*`, `?` and `[...]` means, sorted (glob(7)); none is no error.
 *
 * A backslash takes the meaning from the character behind it. A `*` does not begin a name that begins with a dot.
 */
export async function globFiles(pattern: string): Promise<string[]> {
  const parts = pattern.split(/\/+/);
  let found = [parts[0] === "" ? sep : parts[0] ?? ""];
  for (const part of parts.slice(1).filter((each) => each !== "")) {
    const next = await Promise.all(found.map((folder) => namesIn(folder, part)));
    found = next.flat();
  }
  return found.sort();
}

async function namesIn(folder: string, part: string): Promise<string[]> {
  const literal = part.replace(/\\(.)/g, "$1");
  if (!/(?<!\\)[*?[]/.test(part)) return await isThere(join(folder, literal)) ? [join(folder, literal)] : [];
  const names: string[] = [];
  try {
    const expression = toExpression(part);
    for await (const { name } of Deno.readDir(folder)) {
      if (expression.test(name) && (!name.startsWith(".") || part.startsWith("."))) names.push(join(folder, name));
    }
  } catch {
    return []; // No folder, or one that may not be read: glob(3) finds nothing there either.
  }
  return names;
}

function toExpression(part: string): RegExp {
  const source = part.replace(
    /\\(.)|\*+|\?|\[(!|\^)?(\]?[^\]]*)\]|[\^$.|+(){}[\]]/g,
    (whole, escaped, negated, set) => {
      if (escaped !== undefined) return `\\u${escaped.charCodeAt(0).toString(16).padStart(4, "0")}`;
      if (whole.startsWith("*")) return ".*";
      if (whole === "?") return ".";
      return set === undefined ? `\\${whole}` : `[${negated ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
    },
  );
  return new RegExp(`^${source}$`, "s");
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false; // Whatever the reason, there is nothing to read: ssh passes over it as well.
  }
}

/** The folder that a file's relative Includes start from: /etc/ssh for the system's, else `~/.ssh` (ssh_config(5), Include). */
export function includeBase(path: string, home: string): string {
  return dirname(path).startsWith("/etc/ssh") ? "/etc/ssh" : join(home, ".ssh");
}
