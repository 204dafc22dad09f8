import { AppError } from "../../base/errors.ts";

/** The section that holds no host but the Include line of our own file. */
export const INCLUDE_SECTION = "";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const MARKER = /^# (>>>|<<<) porthole(?: ([A-Za-z0-9][A-Za-z0-9._-]*))?( \(made this file\))? \1[ \t]*$/;
/** Looks like a marker to whoever typed it: a damaged one must not pass for a comment. */
const NEAR_MARKER = /^\s*#\s*(?:>>>|<<<)\s*porthole\b/i;
const MADE_FILE = " (made this file)";

/** A section between markers, as found in a text. Line numbers count from 1. */
export interface Section {
  /** The alias, or {@link INCLUDE_SECTION}. */
  readonly name: string;
  /** Of the opening marker. */
  readonly line: number;
  readonly endLine: number;
  /** True when the file did not exist before this section was written into it. */
  readonly madeFile: boolean;
}

/** What {@link editSections} is to do. */
export interface SectionEdits {
  /** Sections to put in, or to put in the place of those of the same name. Text with `\n` line ends, one at the end. */
  readonly upsert?: readonly { readonly name: string; readonly text: string }[];
  /** Names of sections to take out; those that are not there are no error. */
  readonly remove?: readonly string[];
  /** True when there is no file yet: the first section remembers it. */
  readonly isNewFile?: boolean;
}

/** What {@link editSections} made. */
export interface EditedText {
  readonly text: string;
  /** True when nothing is left of a file that exists only for our sections. */
  readonly isToBeRemoved: boolean;
}

/**
 * `text` with sections put in, replaced and taken out; every other byte of it stays.
 *
 * A new section goes to the top, since ssh uses the first value that it finds for each keyword (ssh_config(5)): below a
 * user's `Host *` ours would lose. For the same reason a section of a host ends with `Host *`: what stood at the top of
 * the file held for all hosts, and still does. Taking a section out takes exactly the lines that were put in.
 * The file's line ends are used, and a byte order mark stays first.
 * @throws AppError `config_invalid` for markers that do not pair, `where` naming the file; `usage` for a name that no
 * marker can hold.
 */
export function editSections(text: string, edits: SectionEdits, where: string): EditedText {
  const { upsert = [], remove = [], isNewFile = false } = edits;
  for (const { name } of upsert) assertName(name);
  const found = findSections(text, where);
  const [mark, body] = splitMark(text);
  const lines = splitLines(body);
  const eol = lines.some((line) => line.endsWith("\r\n")) ? "\r\n" : "\n";
  const madeFile = isNewFile || found.some((section) => section.madeFile);
  const replacements = new Map(upsert.map(({ name, text }) => [name, text]));
  const added = upsert.filter(({ name }) => !found.some((section) => section.name === name));

  const parts: Part[] = added.map(({ name, text }) => ({ name, text }));
  let next = 0;
  for (const { name, line, endLine } of found) {
    parts.push({ raw: lines.slice(next, line - 1).join("") });
    next = endLine;
    if (remove.includes(name) && !replacements.has(name)) continue;
    const replacement = replacements.get(name);
    parts.push(
      replacement === undefined ? { name, raw: lines.slice(line, endLine - 1).join("") } : { name, text: replacement },
    );
  }
  parts.push({ raw: lines.slice(next).join("") });
  const isEmpty = mark === "" && parts.every(({ name, raw = "" }) => name === undefined && raw === "");
  return { text: mark + joinParts(parts, { eol, madeFile }), isToBeRemoved: isEmpty && madeFile && !isNewFile };
}

/** A stretch of the new text: a section (it has a name) or what stands between two. `raw` goes in as it is. */
interface Part {
  readonly name?: string;
  readonly raw?: string;
  readonly text?: string;
}

function joinParts(
  parts: readonly Part[],
  { eol, madeFile }: { eol: string; madeFile: boolean },
): string {
  let note = madeFile ? MADE_FILE : "";
  return parts.map(({ name, raw, text: body = "" }) => {
    if (name === undefined) return raw ?? "";
    const label = name === INCLUDE_SECTION ? "porthole" : `porthole ${name}`;
    const opening = `# >>> ${label}${note} >>>${eol}`;
    note = "";
    const lines = raw ?? withTerminator(name, body).replaceAll("\n", eol);
    return `${opening}${lines}# <<< ${label} <<<${eol}`;
  }).join("");
}

function withTerminator(name: string, text: string): string {
  if (name === INCLUDE_SECTION) return text;
  return `${text}# What follows holds for all hosts, as it did without this section.\nHost *\n`;
}

/** The sections of `text` in their order. @throws AppError `config_invalid` for markers that do not pair. */
export function findSections(text: string, where: string): Section[] {
  const sections: Section[] = [];
  let open: Omit<Section, "endLine"> | undefined;
  for (const [index, raw] of splitLines(splitMark(text)[1]).entries()) {
    const line = index + 1;
    const marker = readMarker(raw, { line, where });
    if (!marker) continue;
    const { isOpening, name, madeFile } = marker;
    const label = JSON.stringify(raw.trim());
    if (isOpening) {
      if (open) throw broken(where, line, `${label} stands inside the section that line ${open.line} opens`);
      const twin = sections.find((section) => section.name === name);
      if (twin) throw broken(where, line, `${label} opens a section that line ${twin.line} opened before`);
      open = { name, line, madeFile };
    } else {
      if (!open) throw broken(where, line, `${label} closes a section that no line opens`);
      if (open.name !== name) throw broken(where, line, `${label} closes another section than line ${open.line} opens`);
      sections.push({ ...open, endLine: line });
      open = undefined;
    }
  }
  if (open) throw broken(where, open.line, "it opens a section that no line closes");
  return sections;
}

function readMarker(
  raw: string,
  { line, where }: { line: number; where: string },
): { isOpening: boolean; name: string; madeFile: boolean } | undefined {
  if (!NEAR_MARKER.test(raw)) return undefined;
  const match = MARKER.exec(raw.replace(/\r?\n$/, ""));
  if (!match) throw broken(where, line, `${JSON.stringify(raw.trim())} is not a whole marker`);
  return { isOpening: match[1] === ">>>", name: match[2] ?? INCLUDE_SECTION, madeFile: match[3] !== undefined };
}

function broken(where: string, line: number, reason: string): AppError {
  return new AppError("config_invalid", `Cannot edit ${JSON.stringify(where)}: line ${line}: ${reason}`, {
    hint: "Every section of porthole begins with # >>> porthole NAME >>> and ends with # <<< porthole NAME <<<: " +
      "put the markers right by hand, nothing was written",
    details: { path: where, line },
  });
}

function assertName(name: string): void {
  if (name === INCLUDE_SECTION || NAME.test(name)) return;
  throw new AppError("usage", `Cannot write a section named ${JSON.stringify(name)} into ssh_config`);
}

/** A byte order mark, as U+FEFF or as the bytes of its UTF-8 one by one, and the text behind it. */
function splitMark(text: string): [mark: string, body: string] {
  const [mark = ""] = /^(?:\ufeff|\u00ef\u00bb\u00bf)/.exec(text) ?? [];
  return [mark, text.slice(mark.length)];
}

/** The lines of `text`, each with its own line end; the last may have none. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
