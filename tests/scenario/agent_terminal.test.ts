import assert from "node:assert/strict";
import { type AgentStage, makeAgentStage } from "../support/agent_stage.ts";
import { hasProgram, programPath } from "../support/programs.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

const SSH = programPath("ssh") ?? "";

/** Says when it has the terminal, at first and again after fg; what is typed does not read like what it says. */
const PROGRAM = `sh -c 'trap "echo con""tinued" CONT; echo run""ning; while :; do read -r line; done'`;

function sshAtTerminal(stage: AgentStage, args: readonly string[]): Terminal {
  return openTerminal(SSH, [...stage.sshArgs, ...args]);
}

const SHELLS = { bash: "bash --norc --noprofile -i", dash: "dash -i", zsh: "zsh -f -i" };

for (const [shell, command] of Object.entries(SHELLS)) {
  Deno.test({
    name: `Ctrl-C, Ctrl-Z and fg work in ${shell} (needs ssh, ${shell})`,
    ignore: !hasProgram("ssh") || !hasProgram(shell),
    fn: async () => {
      await using stage = await makeAgentStage();
      await using terminal = sshAtTerminal(stage, ["-tt", "x@127.0.0.1", `PS1='ready> ' exec ${command}`]);
      await terminal.waitFor(/ready> /);
      await terminal.type(`${PROGRAM}\n`);
      await terminal.waitFor(/running/);
      await terminal.type("\x03");
      await terminal.waitFor(/ready> /);
      await terminal.type("echo first=$?\n");
      await terminal.waitFor(/first=130[^]*ready> /);
      await terminal.type(`${PROGRAM}\n`);
      await terminal.waitFor(/running/);
      await terminal.type("\x1a");
      await terminal.waitFor(/([Ss]topped|suspended)[^]*ready> /);
      await terminal.type("fg\n");
      await terminal.waitFor(/continued/);
      await terminal.type("\x03");
      await terminal.waitFor(/ready> /);
      await terminal.type("echo second=$?\n");
      await terminal.waitFor(/second=130/);
      await terminal.type("exit 9\n");
      await terminal.waitFor(/exit 9/);
      assert.deepEqual(await terminal.exit, { code: 9, signal: 0 });
    },
  });
}

Deno.test({
  name: "a terminal has the client's type, size, pixels and modes, and follows its window (needs ssh, python3)",
  ignore: !hasProgram("ssh") || !hasProgram("python3"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const winsize = `python3 -c 'import fcntl,termios,struct
print("px", *struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b"0"*8)))'`;
    const command =
      `stty erase '^H'; echo $TERM; ${winsize}; trap 'echo resized' WINCH; test -t 0 && test -t 1 && tty; while [ "$(stty size)" != "50 132" ]; do sleep 0.05; done; ${winsize}; stty -a`;
    await using terminal = sshAtTerminal(stage, ["-tt", "x@127.0.0.1", command]);
    await terminal.waitFor(/xterm-256color\s+px 27 91 910 540\s+\/dev\/pts\/\d+/);
    terminal.resize({ cols: 132, rows: 50, widthPx: 1320, heightPx: 1000 });
    await terminal.waitFor(/resized/);
    await terminal.waitFor(/px 50 132 1320 1000/);
    await terminal.waitFor(/erase = \^H/);
    assert.deepEqual(await terminal.exit, { code: 0, signal: 0 });
  },
});

Deno.test({
  name: "terminal modes of the client hold from the first byte (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await makeAgentStage();
    // ssh sends the modes of its own terminal: what is set there shows on the far side.
    const outer = `stty intr '^X' -ixon; exec ${SSH} "$@"`;
    await using terminal = openTerminal("/bin/sh", [
      "-c",
      outer,
      "ssh",
      ...stage.sshArgs,
      "-tt",
      "x@127.0.0.1",
      "stty -a",
    ]);
    await terminal.waitFor(/intr = \^X/);
    await terminal.waitFor(/-ixon/);
    await terminal.exit;
  },
});

Deno.test({
  name: "a shell at a terminal is a login shell in the job's folder, with SSH_TTY (needs ssh, bash)",
  ignore: !hasProgram("ssh") || !hasProgram("bash"),
  fn: async () => {
    await using stage = await makeAgentStage({ account: { shell: programPath("bash") ?? "" } });
    await using terminal = sshAtTerminal(stage, ["x@127.0.0.1"]);
    await terminal.waitFor(/[#$] /);
    await terminal.type("shopt -q login_shell && echo is-login $0 $PWD $SSH_TTY\n");
    await terminal.waitFor(new RegExp(`is-login -bash ${stage.folder} /dev/pts/\\d+`));
    await terminal.type("exit\n");
    assert.deepEqual(await terminal.exit, { code: 0, signal: 0 });
  },
});

Deno.test({
  name: "all output comes before the exit, however much it is (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const { code, stdout } = await stage.ssh([
      "-tt",
      "x@127.0.0.1",
      "stty raw; head -c 3000000 /dev/zero | tr '\\0' x; exit 6",
    ]);
    assert.equal(stdout.length, 3_000_000);
    assert.equal(code, 6);
  },
});

Deno.test({
  name: "a program left in the background does not hold a terminal's session (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const { code, stdout } = await stage.ssh(["-tt", "x@127.0.0.1", "sleep 5 & echo over; exit 2"]);
    assert.deepEqual([code, stdout], [2, "over\r\n"]);
  },
});

Deno.test({
  name: "a slow client holds up the program instead of filling memory (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const client = new Deno.Command("ssh", {
      args: [...stage.sshArgs, "-tt", "x@127.0.0.1", "yes"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = client.stdout.getReader();
    await reader.read();
    const before = Deno.memoryUsage().rss;
    // Nobody reads for a while: what is allowed to pile up is a window, not what yes can print in this time.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const grown = Deno.memoryUsage().rss - before;
    client.kill("SIGKILL");
    await reader.cancel();
    await client.status;
    assert.ok(grown < 64 * 1024 * 1024, `grew by ${grown} bytes`);
  },
});

Deno.test({
  name: "programs get none of the agent's files, also once there was a terminal (needs ssh, Linux)",
  ignore: !hasProgram("ssh") || Deno.build.os !== "linux",
  fn: async () => {
    await using stage = await makeAgentStage();
    const openFiles = async () => (await stage.ssh(["x@127.0.0.1", "ls /proc/$$/fd"])).stdout;
    const before = await openFiles();
    const held = await stage.ssh(["-tt", "x@127.0.0.1", "ls /proc/$$/fd"]);
    assert.equal(held.stdout.replace(/\s+/g, " "), before.replace(/\s+/g, " "));
    assert.equal(await openFiles(), before);
  },
});
