import assert from "node:assert/strict";
import { editorLaunch, parseEditor } from "../../../src/cli/editors.ts";
import type { TargetRecord } from "../../../src/targets/target.ts";

const RECORD: TargetRecord = {
  version: 1,
  alias: "train",
  provider: "valohai",
  runName: "12",
  actionName: "a0",
  attempt: 0,
  route: { kind: "tcp", host: "198.51.100.7", port: 2222 },
  user: "root",
  identityFile: "/home/me/.porthole/id_ed25519",
  hostKeyAlias: "porthole-valohai-12-a0-0",
  hostKeyCheck: "accept-new",
  createdAt: "2026-03-01T12:00:00.000Z",
};

for (
  const [editor, scheme, program] of [["vscode", "vscode", "code"], ["cursor", "cursor", "cursor"], [
    "windsurf",
    "windsurf",
    "windsurf",
  ]] as const
) {
  Deno.test(`editorLaunch leads ${editor} to the alias and the folder`, () => {
    assert.deepEqual(editorLaunch(editor, { record: RECORD, folder: "/srv/my code" }), {
      url: `${scheme}://vscode-remote/ssh-remote+train/srv/my%20code?windowId=_blank`,
      command: [program, "--new-window", "--remote", "ssh-remote+train", "/srv/my code"],
    });
  });
}

Deno.test("editorLaunch writes an alias with capitals so that VS Code does not lower-case it", () => {
  const { url } = editorLaunch("vscode", { record: { ...RECORD, alias: "Train" }, folder: undefined });
  const hex = /ssh-remote\+([0-9a-f]+)\?/.exec(url)?.[1] ?? "";
  assert.equal(new TextDecoder().decode(Uint8Array.fromHex(hex)), '{"hostName":"Train"}');
});

Deno.test("editorLaunch leads zed by its command and by its URL", () => {
  assert.deepEqual(editorLaunch("zed", { record: RECORD, folder: "/root" }), {
    url: "zed://ssh/train/root",
    command: ["zed", "ssh://train/root"],
  });
});

Deno.test("editorLaunch names the port of the block to JetBrains Gateway", () => {
  assert.equal(
    editorLaunch("pycharm", { record: RECORD, folder: "/srv/a b" }).url,
    "jetbrains-gateway://connect#type=ssh&deploy=true&host=train&port=2222&user=root&productCode=PY&projectPath=%2Fsrv%2Fa%20b",
  );
});

Deno.test("editorLaunch rejects a folder that is not absolute, and PyCharm without one", () => {
  assert.throws(() => editorLaunch("vscode", { record: RECORD, folder: "work" }), { code: "usage" });
  assert.throws(() => editorLaunch("zed", { record: RECORD, folder: "--help" }), { code: "usage" });
  assert.throws(() => editorLaunch("pycharm", { record: RECORD, folder: undefined }), { code: "usage" });
});

Deno.test("parseEditor rejects an editor that it does not know", () => {
  assert.throws(() => parseEditor("emacs"), { code: "usage", message: 'Cannot tell which editor "emacs" is' });
});
