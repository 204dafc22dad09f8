import { ensureControlFolder } from "../../ssh/config/control_path.ts";
import { configPlaces, writeHosts } from "../../ssh/config/managed_hosts.ts";
import { renderTargetBlock } from "../../targets/ssh_block.ts";
import { loadTarget } from "../../targets/target_store.ts";
import { defineCommand } from "../command.ts";
import { type Editor, editorLaunch, EDITORS, parseEditor } from "../editors.ts";
import { launchEditor } from "../launch_editor.ts";
import { warmTarget } from "../warm_target.ts";

/** What was opened, or would be with `--print`. */
interface OpenItem {
  readonly alias: string;
  readonly editor: Editor;
  readonly url: string;
  readonly isOpened: boolean;
}

/** `porthole open ALIAS EDITOR [FOLDER]`: an editor on a target, with the route warm and the block written. */
export const open = defineCommand({
  name: "open",
  summary: "Open a target in an editor",
  flags: {
    print: { kind: "boolean", summary: "Only print the editor's URL: nothing is dialled, written or opened" },
    multiplex: { kind: "boolean", default: true, summary: "Share one connection between sessions (ControlMaster)" },
    include: { kind: "boolean", summary: "Write the block into a file of our own, which ~/.ssh/config includes" },
    timeout: { kind: "duration", default: "60s", summary: "How long to wait until the target lets us in" },
  },
  positionals: [
    { name: "ALIAS", summary: "The target, as porthole connect made it" },
    { name: "EDITOR", summary: EDITORS.join(", ") },
    { name: "FOLDER", summary: "The folder there to open, from the root", isOptional: true },
  ],
  examples: ["porthole open train vscode /workspace", "porthole open train pycharm /srv/project --print"],
  async *run({ flags, positionals: [alias = "", name = "", folder] }, context): AsyncGenerator<OpenItem> {
    const { env, self, signal } = context;
    const editor = parseEditor(name);
    const record = await loadTarget(env, alias);
    const launch = editorLaunch(editor, { record, folder });
    if (!flags.print) {
      const block = renderTargetBlock(record, { self, env, multiplex: flags.multiplex });
      if (flags.multiplex) await ensureControlFolder(env);
      await warmTarget({
        alias,
        block,
        timeoutMs: flags.timeout,
        signal,
        onProgress: (line) => context.progress(line),
      });
      await writeHosts(configPlaces(env), [{ name: alias, text: block }], { include: flags.include ?? false, signal });
      await launchEditor(launch);
    }
    yield { alias, editor, url: launch.url, isOpened: !flags.print };
  },
  format: ({ url, isOpened }) => isOpened ? `Opened ${url}\n` : `${url}\n`,
});
