import { resolve } from "node:path";
import { shellQuote } from "../../base/shell_quote.ts";
import { ensureKeypair } from "../../ssh/keys/ensure_keypair.ts";
import { unionKeyPath } from "../../ssh/keys/key_places.ts";
import { launchEnv } from "../../targets/launch_env.ts";
import { defineCommand } from "../command.ts";
import { parseAssignments } from "../launch_request.ts";

const FORMATS = ["shell", "dotenv", "json", "yaml"] as const;

interface EnvItem {
  readonly format: (typeof FORMATS)[number];
  readonly env: Readonly<Record<string, string>>;
}

/** `porthole env`: the environment that a job of another launcher needs so that its owner can get in. */
export const env = defineCommand({
  name: "env",
  summary: "Print the environment that lets you into a job started by other means",
  flags: {
    format: { kind: "string", choices: FORMATS, default: "shell", summary: "How it is written" },
    env: { kind: "list", placeholder: "NAME=VALUE", summary: "Add a variable" },
    "identity-file": {
      kind: "string",
      placeholder: "FILE",
      summary: "The private key to get in with (default ~/.flyte/ssh-debug/id_ed25519)",
    },
  },
  examples: ['eval "$(porthole env)"', "porthole env --format dotenv > job.env"],
  async *run({ flags }, { env, signal }): AsyncGenerator<EnvItem, void> {
    const identityFile = flags["identity-file"];
    const path = identityFile === undefined ? unionKeyPath(env) : resolve(identityFile);
    const { publicKey } = await ensureKeypair({ path, signal });
    const format = FORMATS.find((known) => known === flags.format) ?? "shell";
    yield { format, env: launchEnv(publicKey, parseAssignments(flags.env, "--env")) };
  },
  format: formatEnv,
});

function formatEnv({ format, env }: EnvItem): string {
  if (format === "json") return `${JSON.stringify(env, null, 2)}\n`;
  const write = { shell: shellLine, dotenv: dotenvLine, yaml: yamlLine }[format];
  return Object.entries(env).map(([name, value]) => `${write(name, value)}\n`).join("");
}

function shellLine(name: string, value: string): string {
  return `export ${name}=${shellQuote(value)}`;
}

/**
 * Bare where that reads the same to all: `docker run --env-file` and kubectl take quotes for part of the value. Single
 * quotes are literal for every other reader; what they cannot hold goes into double ones, escaped.
 */
function dotenvLine(name: string, value: string): string {
  if (/^[\w@%+=:,./-]+(?: [\w@%+=:,./-]+)*$/.test(value)) return `${name}=${value}`;
  if (!/['\r\n]|\\\\|\\$/.test(value)) return `${name}='${value}'`;
  const escaped = value.replaceAll(/[\\"$`]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${name}="${escaped}"`;
}

/** A JSON string is a YAML scalar, and one that no reader takes for a number. */
function yamlLine(name: string, value: string): string {
  return `${name}: ${JSON.stringify(value)}`;
}
