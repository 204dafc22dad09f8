import type { CommandEntry } from "./help.ts";

/** Every subcommand, in the order of the help. A command's file is loaded when it is called, and only then. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "launch",
    group: "Jobs",
    summary: "Start a job that can be reached",
    load: async () => (await import("./commands/launch.ts")).launch,
  },
  {
    name: "list",
    group: "Jobs",
    summary: "List jobs",
    load: async () => (await import("./commands/list.ts")).list,
  },
  {
    name: "logs",
    group: "Jobs",
    summary: "Print a job's log",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  {
    name: "stop",
    group: "Jobs",
    summary: "Stop a job",
    load: async () => (await import("./commands/stop.ts")).stop,
  },
  {
    name: "connect",
    group: "Reach a job",
    summary: "Wait for a job and make it a host that ssh knows",
    load: async () => (await import("./commands/connect.ts")).connect,
  },
  {
    name: "ssh",
    group: "Reach a job",
    summary: "Run the system's ssh with a target's configuration",
    load: async () => (await import("./commands/ssh.ts")).ssh,
  },
];
