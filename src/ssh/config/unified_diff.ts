import { createTwoFilesPatch } from "diff";

/** What `diff -u` prints for the file at `path` before and after; empty when both are the same. */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const patch = createTwoFilesPatch(path, path, before, after, "", "", { context: 3 });
  return patch.replace(/^(?:Index: .*\n)?=+\n/, "").replace(/^((?:---|\+\+\+) .*?)\t$/gm, "$1");
}
