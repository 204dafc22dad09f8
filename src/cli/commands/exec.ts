import { AppError } from "../../base/errors.ts";
import { escapeControls } from "../../base/printable.ts";
import { quoteWords } from "../../fleet/command_line.ts";
import type { ExecEvent, ExecOptions } from "../../fleet/exec_call.ts";
import { foldNodeSet } from "../../fleet/fold_node_set.ts";
import { OutputGroups } from "../../fleet/group_outputs.ts";
import { type LineSplitter, lineSplitter } from "../../fleet/line_splitter.ts";
import type { OutputName } from "../../fleet/output_store.ts";
import type { SSHResult } from "../../fleet/results.ts";
import { unifiedDiff } from "../../ssh/config/unified_diff.ts";
import { askSudoPassword } from "../ask_sudo_password.ts";
import { type CommandContext, type CommandInput, defineCommand } from "../command.ts";
import { HOST_FLAGS, POLICY_FLAGS, SUDO_FLAGS } from "../fleet_flags.ts";
import { fleetSummary } from "../fleet_summary.ts";
import { openFleetClient } from "../open_fleet.ts";
import { type OutputFiles, saveOutputs } from "../save_outputs.ts";

const FLAGS = {
  ...HOST_FLAGS,
  ...POLICY_FLAGS,
  ...SUDO_FLAGS,
  cwd: { kind: "string", placeholder: "FOLDER", summary: "Run it in this folder" },
  env: { kind: "list", short: "e", placeholder: "NAME=VALUE", summary: "Set a variable for it" },
  stdin: { kind: "boolean", summary: "Send what comes on stdin to every host" },
  fold: { kind: "boolean", summary: "Show equal outputs once, with their hosts" },
  diff: { kind: "boolean", summary: "Show the output of most hosts, and what differs elsewhere" },
  outdir: { kind: "string", placeholder: "FOLDER", summary: "Write the stdout of each host to a file there" },
  errdir: { kind: "string", placeholder: "FOLDER", summary: "Write the stderr of each host to a file there" },
  prefix: { kind: "boolean", default: true, summary: "Put the host before each line" },
} as const;

/** What `porthole exec` prints: a line, equal outputs of some hosts, or with `--json` each host's result. */
export type ExecItem =
  | { readonly kind: "line"; readonly host: string | undefined; readonly text: string }
  | { readonly kind: "group"; readonly hosts: string; readonly count: number; readonly text: string }
  | (SSHResult & { readonly kind?: undefined });

/** `porthole exec HOSTS -- COMMAND`: a command on many hosts. */
export const exec = defineCommand({
  name: "exec",
  summary: "Run a command on many hosts",
  flags: FLAGS,
  positionals: [{
    name: "HOSTS",
    summary: "Names, aliases, web[1-20,30], @group, with commas between",
    isOptional: true,
  }],
  rest: { name: "-- COMMAND...", summary: "One word is a line for the shell; several are a program and its arguments" },
  examples: [
    "porthole exec 'web[1-20]' -- uptime",
    "porthole exec @web -x web7 --fold -- 'df -h / | tail -1'",
    "porthole exec @db --sudo --canary 1 --fail-fast -- systemctl restart postgresql",
  ],
  async *run(input, context): AsyncGenerator<ExecItem, number> {
    const { flags, rest, positionals } = input;
    const line = rest.length === 1 ? rest[0] ?? "" : quoteWords(rest);
    if (line.trim() === "") {
      throw new AppError("usage", "There is no command to run", { hint: "porthole exec HOSTS -- COMMAND" });
    }
    const isGrouped = flags.fold === true || flags.diff === true;
    await using client = await openFleetClient({
      hosts: positionals,
      flags,
      context,
      more: {
        onError: flags["fail-fast"] ? "stop" : "continue",
        canary: flags.canary ?? 0,
        dryRun: flags["dry-run"] ?? false,
        longOutput: "truncate",
        // Lines are shown as they come: nothing has to be kept then.
        ...(isGrouped || context.isJson ? {} : { maxOutputBytes: 0 }),
      },
    });
    using files = await saveOutputs({ stdout: flags.outdir, stderr: flags.errdir });
    using summary = fleetSummary({ total: client.hosts.length, ...flags }, context);
    const groups = new OutputGroups();
    const show = lineShower({ context, files, flags, isGrouped });
    const last: SSHResult[] = [];
    try {
      for await (const event of client.execEvents(line, await execOptions(input, context))) {
        if (event.type === "connected") continue;
        if (event.type !== "result") yield* await show.output(event);
        else {
          const { result } = event;
          yield* await show.end(result);
          if (context.isJson) yield withoutKind(result);
          if (isGrouped) groups.add(result.host, groupText(result));
          tellStatus(result, context);
          summary.result(result, "with another status than 0");
          last.push(result);
        }
      }
    } catch (error) {
      // That nobody could be reached has been told, host by host.
      if (last.length < client.hosts.length) throw error;
    }
    if (isGrouped && !context.isJson) yield* flags.diff ? differences(groups) : folded(groups);
    summary.finish();
    return summary.exitStatus(last[0] && statusOf(last[0]));
  },
  format: (item) => {
    if (item.kind === "line") return `${item.host === undefined ? "" : `${escapeControls(item.host)}: `}${item.text}\n`;
    if (item.kind !== "group") return "";
    const rule = "-".repeat(15);
    const body = item.text === "" || item.text.endsWith("\n") ? item.text : `${item.text}\n`;
    return `${rule}\n${escapeControls(item.hosts)} (${item.count})\n${rule}\n${body}`;
  },
});

type Flags = CommandInput<typeof FLAGS>["flags"];

async function execOptions({ flags }: CommandInput<typeof FLAGS>, context: CommandContext): Promise<ExecOptions> {
  const { sudo, cwd, timeout } = flags;
  const sudoPassword = flags["ask-sudo-password"] ? await askSudoPassword(context) : undefined;
  return {
    ...(sudo === undefined ? {} : { sudo }),
    ...(flags["as-user"] === undefined ? {} : { asUser: flags["as-user"] }),
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(cwd === undefined ? {} : { cwd }),
    env: Object.fromEntries(flags.env.map(parseVariable)),
    ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }),
    ...(flags.stdin ? { stdin: new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()) } : {}),
    signal: context.signal,
  };
}

function parseVariable(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new AppError("usage", `Cannot use --env ${JSON.stringify(text)}: needed NAME=VALUE`);
}

interface LineShower {
  output(event: Extract<ExecEvent, { type: OutputName }>): Promise<ExecItem[]>;
  /** What is left of a host's outputs, and its file closed. */
  end(result: SSHResult): Promise<ExecItem[]>;
}

/** Turns outputs into lines: stdout to be yielded, stderr told at once; or writes them to files. */
function lineShower(
  { context, files, flags, isGrouped }: {
    context: CommandContext;
    files: OutputFiles;
    flags: Flags;
    isGrouped: boolean;
  },
): LineShower {
  const splitters = new Map<string, LineSplitter>();
  const splitterOf = (host: string, name: OutputName) => {
    const key = `${name} ${host}`;
    const known = splitters.get(key) ?? lineSplitter();
    splitters.set(key, known);
    return known;
  };
  // What goes to a file or a pipe stays as it came; a terminal would obey it.
  const printable = (text: string) => context.stdoutIsTerminal ? escapeControls(text) : text;
  const show = (host: string, name: OutputName, lines: readonly string[]): ExecItem[] => {
    if (name === "stdout") {
      return lines.map((text) => ({ kind: "line", host: flags.prefix ? host : undefined, text: printable(text) }));
    }
    const prefix = flags.prefix ? `${escapeControls(host)}: ` : "";
    for (const text of lines) context.notice(`${prefix}${context.stderrIsTerminal ? escapeControls(text) : text}`);
    return [];
  };
  const isShown = (name: OutputName) => !context.isJson && !files.takes(name) && !(isGrouped && name === "stdout");
  return {
    async output({ host, type, bytes }) {
      await files.write(host, type, bytes);
      return isShown(type) ? show(host, type, splitterOf(host, type).push(bytes)) : [];
    },
    async end({ host, dryRun, command }) {
      if (!dryRun) await files.end(host);
      else if (!context.isJson) return [{ kind: "line", host, text: printable(command) }];
      const items = (["stdout", "stderr"] as const).filter(isShown).flatMap((name) =>
        show(host, name, splitterOf(host, name).end())
      );
      for (const name of ["stdout", "stderr"]) splitters.delete(`${name} ${host}`);
      return items;
    },
  };
}

function withoutKind(result: SSHResult): ExecItem {
  return { ...result };
}

/** What a host is grouped by: its stdout, and how it ended unless well. */
function groupText({ stdout, code, error, truncated }: SSHResult): string {
  const end = error ? `[${error.kind}]\n` : code ? `[status ${code}]\n` : "";
  const cut = truncated ? "[cut]\n" : "";
  return escapeControls(stdout + (stdout === "" || stdout.endsWith("\n") ? "" : "\n") + cut + end);
}

function* folded(groups: OutputGroups): Generator<ExecItem> {
  for (const { hosts, text } of groups.sorted()) {
    yield { kind: "group", hosts: foldNodeSet(hosts), count: hosts.length, text };
  }
}

function* differences(groups: OutputGroups): Generator<ExecItem> {
  const [most, ...others] = groups.sorted();
  if (!most) return;
  yield { kind: "group", hosts: foldNodeSet(most.hosts), count: most.hosts.length, text: most.text };
  for (const { hosts, text } of others) {
    const names = foldNodeSet(hosts);
    yield { kind: "group", hosts: names, count: hosts.length, text: unifiedDiff(names, most.text, text) };
  }
}

function tellStatus({ host, code, error }: SSHResult, { notice }: CommandContext): void {
  if (!error && code) notice(`${escapeControls(host)}: exited with status ${code}`);
}

/** The status of a call on one host: the remote one, or as ssh has it when there is none. */
function statusOf({ code, error }: SSHResult): number {
  if (code !== null) return code;
  return error ? new AppError(error.code, error.message).exitStatus : 1;
}
