import { PLACE_FLAGS } from "../choose_provider.ts";
import { defineCommand } from "../command.ts";
import { connectRun } from "../connect_run.ts";
import { type ConnectedItem, connectedItem } from "../connected_item.ts";
import { ACTION_WORDS } from "../run_reference.ts";

/** `porthole connect RUN`: waits for a job, and makes it a host that ssh knows. */
export const connect = defineCommand({
  name: "connect",
  summary: "Wait for a job and make it a host that ssh knows",
  flags: {
    ...PLACE_FLAGS,
    user: { kind: "string", summary: "The login user; the platform's own unless given" },
    "identity-file": {
      kind: "string",
      placeholder: "FILE",
      summary: "The private key; the one porthole keeps unless given",
    },
    name: {
      kind: "string",
      placeholder: "ALIAS",
      summary: "What ssh is to call it; the run's name unless given, valohai-N on Valohai",
    },
    "write-config": { kind: "boolean", summary: "Write the block into ~/.ssh/config" },
    include: {
      kind: "boolean",
      default: false,
      summary: "With --write-config: into a file of our own, which ~/.ssh/config includes",
    },
    multiplex: { kind: "boolean", default: true, summary: "Share one connection between sessions (ControlMaster)" },
    "headers-file": { kind: "string", placeholder: "FILE", summary: "`Name: value` lines sent at every dial; 0600" },
    "ca-file": { kind: "string", placeholder: "FILE", summary: "PEM certificates to trust besides the system's" },
    "api-key": { kind: "boolean", summary: "Union: dial with a long-lived API key, made if need be" },
    "refresh-token": { kind: "boolean", summary: "Union: log in anew, whatever token is stored" },
    timeout: { kind: "duration", default: "300s", summary: "How long to wait until it can be reached" },
    "poll-interval": { kind: "duration", default: "3s", summary: "How often to ask" },
  },
  positionals: [
    { name: "RUN", summary: "The run's name, or a ws:// or wss:// URL behind which an agent listens" },
    ...ACTION_WORDS.slice(1),
  ],
  examples: [
    "porthole connect train --write-config && ssh train",
    "porthole connect wss://jobs.example.com/run-7/ --name run-7 --headers-file ~/.porthole/run-7.headers",
  ],
  async *run({ flags, positionals }, context): AsyncGenerator<ConnectedItem> {
    const { "write-config": writeConfig = false, include, multiplex } = flags;
    const result = await connectRun({ flags, positionals }, context);
    yield await connectedItem(result, { choice: { writeConfig, include, multiplex }, context });
  },
  format: ({ sshConfig }) => sshConfig,
});
