import { join } from "node:path";
import { AppError } from "../../base/errors.ts";
import { renderTargetBlock } from "../../targets/ssh_block.ts";
import { loadTarget } from "../../targets/target_store.ts";
import { defineCommand } from "../command.ts";

/** `porthole ssh ALIAS`: the system's ssh, with exactly the target's block as its configuration. */
export const ssh = defineCommand({
  name: "ssh",
  summary: "Run the system's ssh with a target's configuration",
  flags: {
    multiplex: { kind: "boolean", default: true, summary: "Share one connection between sessions (ControlMaster)" },
    tty: { kind: "boolean", short: "t", summary: "Ask for a terminal, with a command too" },
    option: { kind: "list", short: "o", placeholder: "NAME=VALUE", summary: "An option of ssh_config, as ssh -o" },
    forward: {
      kind: "list",
      short: "L",
      placeholder: "[BIND:]PORT:HOST:PORT",
      summary: "Forward a local port, as ssh -L",
    },
  },
  positionals: [{ name: "ALIAS", summary: "The target, as porthole connect made it" }],
  rest: { name: "[COMMAND...]", summary: "What to run there; a shell if nothing is said" },
  examples: ["porthole ssh train", "porthole ssh train nvidia-smi", "porthole ssh -L 6006:localhost:6006 train"],
  // deno-lint-ignore require-yield -- ssh itself prints; nothing is left to yield.
  async *run({ flags, positionals: [alias = ""], rest }, { env, self }): AsyncGenerator<never, number> {
    const record = await loadTarget(env, alias);
    const block = renderTargetBlock(record, { self, env, multiplex: flags.multiplex });
    const folder = await Deno.makeTempDir({ prefix: "porthole-ssh-" });
    try {
      const config = join(folder, "config");
      await Deno.writeTextFile(config, block, { mode: 0o600 });
      return await runSsh([
        "-F",
        config,
        ...(flags.tty ? ["-t"] : []),
        ...flags.option.flatMap((option) => ["-o", option]),
        ...flags.forward.flatMap((forward) => ["-L", forward]),
        "--",
        alias,
        ...rest,
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  format: () => "",
});

async function runSsh(args: readonly string[]): Promise<number> {
  try {
    const child = new Deno.Command("ssh", { args: [...args], stdin: "inherit", stdout: "inherit", stderr: "inherit" })
      .spawn();
    const { code } = await child.status;
    return code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("config_invalid", "Cannot find the program ssh", {
      hint: "Install OpenSSH's client (openssh-client), or add its folder to PATH",
      cause: error,
    });
  }
}
