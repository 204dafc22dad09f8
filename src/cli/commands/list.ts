import { formatDuration } from "../../base/duration.ts";
import { escapeControls } from "../../base/printable.ts";
import { openChosenProvider, PLACE_FLAGS } from "../choose_provider.ts";
import { defineCommand } from "../command.ts";

/** `porthole list`: jobs, newest first. */
export const list = defineCommand({
  name: "list",
  summary: "List jobs, newest first",
  flags: { ...PLACE_FLAGS, limit: { kind: "integer", default: 50, min: 1, summary: "At most so many" } },
  examples: ["porthole list", "porthole list --on union --json"],
  async *run({ flags }, context) {
    const { name, provider: opened } = await openChosenProvider(context, flags);
    using provider = opened;
    let left = flags.limit;
    for await (const run of provider.list(context)) {
      yield run;
      if (--left === 0) return;
    }
    if (left < flags.limit) return;
    context.notice(
      name === "local"
        ? "No jobs on this machine; those of a platform: porthole list --on union|valohai"
        : `No runs on ${name}`,
    );
  },
  format: ({ name, phase, startedAt, command, exitStatus }) => {
    const age = startedAt ? formatAge(Date.now() - startedAt.getTime()) : "";
    const state = exitStatus === undefined ? phase : `${phase} (${exitStatus})`;
    return `${
      [
        escapeControls(name).padEnd(24),
        escapeControls(state).padEnd(12),
        age.padStart(7),
        escapeControls(command ?? ""),
      ].join("  ").trimEnd()
    }\n`;
  },
});

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `59m3s`, `47h10m`, `272d`: seven characters are enough for a thousand years. */
function formatAge(ms: number): string {
  if (ms < HOUR_MS) return formatDuration(ms);
  if (ms < 48 * HOUR_MS) return formatDuration(Math.floor(ms / MINUTE_MS) * MINUTE_MS);
  return `${Math.floor(ms / (24 * HOUR_MS))}d`;
}
