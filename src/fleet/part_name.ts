import { createHash } from "node:crypto";

/** What tells one version of a source from another. */
export interface SourceVersion {
  readonly path: string;
  readonly size: number;
  readonly mtime: number | undefined;
}

/**
 * The name of the file that a transfer writes beside its target until it is whole.
 *
 * With `resume` the same for the same version of the source, so that another transfer finds it and never goes on with
 * what was left of another file; else one that nobody else has.
 */
export function partName(name: string, { source, resume }: { source: SourceVersion; resume: boolean }): string {
  const { path, size, mtime } = source;
  const id = resume
    ? createHash("sha256").update(`${name}\0${path}\0${size}\0${mtime}`).digest("hex").slice(0, 12)
    : crypto.randomUUID().replaceAll("-", "").slice(0, 12);
  // 255 bytes is what file systems give a name; the target's own is there to be recognised by people.
  return `.${name.slice(0, 60)}.${id}.part`;
}
