import type { CommandEntry } from "./command.ts";

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
    summary: "List jobs, newest first",
    load: async () => (await import("./commands/list.ts")).list,
  },
  {
    name: "logs",
    group: "Jobs",
    summary: "Print a job's log",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  { name: "stop", group: "Jobs", summary: "Stop a job", load: async () => (await import("./commands/stop.ts")).stop },
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
  {
    name: "forward",
    group: "Reach a job",
    summary: "Open tunnels to services of a job and keep them open",
    load: async () => (await import("./commands/forward.ts")).forward,
  },
  {
    name: "open",
    group: "Reach a job",
    summary: "Open a target in an editor",
    load: async () => (await import("./commands/open.ts")).open,
  },
  {
    name: "proxy",
    group: "Reach a job",
    summary: "Carry SSH between stdin and stdout and a job: for ProxyCommand",
    load: async () => (await import("./commands/proxy.ts")).proxy,
  },
  {
    name: "agent",
    group: "Inside a job",
    summary: "Where to listen; port 0 takes a free one",
    load: async () => (await import("./commands/agent.ts")).agent,
  },
  {
    name: "env",
    group: "Inside a job",
    summary: "Print the environment that lets you into a job started by other means",
    load: async () => (await import("./commands/env.ts")).env,
  },
  {
    name: "auth login",
    group: "Set-up",
    summary: "Log in at a platform",
    load: async () => (await import("./commands/auth_login.ts")).authLogin,
  },
  {
    name: "auth status",
    group: "Set-up",
    summary: "Tell whether one is logged in",
    load: async () => (await import("./commands/auth_status.ts")).authStatus,
  },
  {
    name: "auth logout",
    group: "Set-up",
    summary: "Forget the stored token",
    load: async () => (await import("./commands/auth_logout.ts")).authLogout,
  },
  {
    name: "auth api-key",
    group: "Set-up",
    summary: "Make, show or revoke a long-lived key",
    load: async () => (await import("./commands/auth_api_key.ts")).authApiKey,
  },
  {
    name: "keys ensure",
    group: "Set-up",
    summary: "Make the SSH key unless it is there",
    load: async () => (await import("./commands/keys_ensure.ts")).keysEnsure,
  },
  {
    name: "keys show",
    group: "Set-up",
    summary: "Print the public key, its fingerprint and where it is",
    load: async () => (await import("./commands/keys_show.ts")).keysShow,
  },
  {
    name: "keys rotate",
    group: "Set-up",
    summary: "Replace the SSH key, keeping the old one beside it",
    load: async () => (await import("./commands/keys_rotate.ts")).keysRotate,
  },
  {
    name: "config show",
    group: "Set-up",
    summary: "Print the ssh_config block of a target",
    load: async () => (await import("./commands/config_show.ts")).configShow,
  },
  {
    name: "config write",
    group: "Set-up",
    summary: "Write targets into ~/.ssh/config",
    load: async () => (await import("./commands/config_write.ts")).configWrite,
  },
  {
    name: "config remove",
    group: "Set-up",
    summary: "Take hosts out of ~/.ssh/config again",
    load: async () => (await import("./commands/config_remove.ts")).configRemove,
  },
  {
    name: "config list",
    group: "Set-up",
    summary: "List targets and where ssh's configuration has them",
    load: async () => (await import("./commands/config_list.ts")).configList,
  },
  {
    name: "firewall",
    group: "Set-up",
    summary: "Print the commands that let your address reach Valohai's workers",
    load: async () => (await import("./commands/firewall.ts")).firewall,
  },
  {
    name: "completions",
    group: "Set-up",
    summary: "Print a script that completes commands in a shell",
    load: async () => (await import("./commands/completions.ts")).completions,
  },
];
