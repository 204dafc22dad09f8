import { AppError } from "../base/errors.ts";
import type { TargetRecord } from "../targets/target.ts";

/** The editors that `porthole open` knows. */
export const EDITORS = ["vscode", "cursor", "windsurf", "zed", "pycharm"] as const;
/** One of {@link EDITORS}. */
export type Editor = typeof EDITORS[number];

/** How one editor is led to one folder of a target. */
export interface EditorLaunch {
  /** What the system's URL opener takes. */
  readonly url: string;
  /** The editor's own command, which also works where no URL handler is registered; undefined where there is none. */
  readonly command: readonly [program: string, ...args: string[]] | undefined;
}

/** @throws AppError `usage`. */
export function parseEditor(name: string): Editor {
  const editor = EDITORS.find((each) => each === name);
  if (editor) return editor;
  throw new AppError("usage", `Cannot tell which editor ${JSON.stringify(name)} is`, {
    hint: `It must be one of ${EDITORS.join(", ")}`,
  });
}

/**
 * What opens `folder` of a target in `editor`. The editor's ssh finds everything else in the target's block, under its
 * alias. Without a folder the editor asks for one.
 *
 * @throws AppError `usage` for a folder that is not absolute, and for PyCharm without one.
 */
export function editorLaunch(editor: Editor, { record, folder }: EditorTarget): EditorLaunch {
  if (folder !== undefined && !/^\/[^\0\r\n]*$/.test(folder)) {
    throw new AppError(
      "usage",
      `Cannot open the folder ${JSON.stringify(folder)}: it must be a path from the root there`,
      {
        hint: "Such as /root or /workspace",
      },
    );
  }
  switch (editor) {
    case "vscode":
      return codeLaunch("vscode", "code", { record, folder });
    case "cursor":
      return codeLaunch("cursor", "cursor", { record, folder });
    case "windsurf":
      return codeLaunch("windsurf", "windsurf", { record, folder });
    case "zed":
      return zedLaunch({ record, folder });
    case "pycharm":
      return gatewayLaunch({ record, folder });
  }
}

/** Where an editor is to be led. */
export interface EditorTarget {
  readonly record: TargetRecord;
  /** A path from the root of the far end. */
  readonly folder: string | undefined;
}

/** VS Code and those made from it, with the extension Remote-SSH or their own of the same kind. */
function codeLaunch(scheme: string, program: string, { record, folder }: EditorTarget): EditorLaunch {
  const authority = `ssh-remote+${codeHost(record.alias)}`;
  return {
    url: `${scheme}://vscode-remote/${authority}${encodePath(folder ?? "")}?windowId=_blank`,
    command: [program, "--new-window", "--remote", authority, ...(folder === undefined ? [] : [folder])],
  };
}

/** Remote-SSH lower-cases a plain host; one with capitals goes as hex of JSON, which is how the extension writes it itself. */
function codeHost(alias: string): string {
  return /[A-Z]/.test(alias) ? new TextEncoder().encode(JSON.stringify({ hostName: alias })).toHex() : alias;
}

function zedLaunch({ record: { alias }, folder }: EditorTarget): EditorLaunch {
  const place = `${alias}${encodePath(folder ?? "/")}`;
  return { url: `zed://ssh/${place}`, command: ["zed", `ssh://${place}`] };
}

/** JetBrains Gateway: it installs the IDE there and attaches to it. It reads host names from ssh's configuration. */
function gatewayLaunch({ record, folder }: EditorTarget): EditorLaunch {
  if (folder === undefined) {
    throw new AppError("usage", "Cannot open PyCharm without the folder of the project", {
      hint: `porthole open ${record.alias} pycharm /srv/project`,
    });
  }
  const { route, alias, user } = record;
  const fields = {
    type: "ssh",
    deploy: "true",
    host: alias,
    // Gateway names a port in any case: it must be the one that the block has. A ProxyCommand has no use for it.
    port: String(route.kind === "tcp" ? route.port : 22),
    user,
    productCode: "PY",
    projectPath: folder,
  };
  const query = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return { url: `jetbrains-gateway://connect#${query}`, command: undefined };
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
