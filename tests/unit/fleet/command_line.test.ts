import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { composeCommand, quoteWords } from "../../../src/fleet/command_line.ts";

Deno.test("composeCommand leaves a command without settings alone", () => {
  assert.deepEqual(composeCommand("uptime; echo 'x'"), { line: "uptime; echo 'x'", stdinPrefix: undefined });
});

Deno.test("composeCommand puts the folder first, then sudo, then the environment", () => {
  const { line } = composeCommand("id -un > out", {
    sudo: true,
    asUser: "web",
    cwd: "/srv/a b",
    env: { A: "b", C: "it's" },
  });
  assert.equal(line, `cd '/srv/a b' && sudo -u web env A=b 'C=it'\\''s' sh -c 'id -un > out'`);
});

Deno.test("composeCommand keeps both halves of a command behind a folder that may be missing", async () => {
  const { line } = composeCommand("echo one; echo two", { cwd: "/nonexistent" });
  const { stdout, success } = await new Deno.Command("sh", { args: ["-c", line], stderr: "null" }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
  assert.equal(success, false);
});

Deno.test("composeCommand passes any value through a real shell unchanged", async () => {
  const value = "a b'c\"d$HOME`id`\\e\n*;&|!#~(){}[]<>?\t-";
  const { line } = composeCommand('printf %s "$VALUE"', { env: { VALUE: value } });
  const { stdout } = await new Deno.Command("sh", { args: ["-c", line] }).output();
  assert.equal(new TextDecoder().decode(stdout), value);
});

Deno.test("composeCommand takes ~/ for the home of who logs in, and a leading dash for a name", async () => {
  const home = await Deno.makeTempDir();
  await Deno.mkdir(`${home}/-a b`);
  for (const cwd of ["~/-a b", "-a b"]) {
    const { line } = composeCommand("pwd", { cwd });
    const { stdout } = await new Deno.Command("sh", { args: ["-c", line], cwd: home, env: { HOME: home } }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), `${await Deno.realPath(home)}/-a b`);
  }
  await Deno.remove(home, { recursive: true });
});

Deno.test("composeCommand never puts sudo's password on the command line", () => {
  const { line, stdinPrefix } = composeCommand("id", { sudo: true, sudoPassword: "s3cret" });
  assert.equal(stdinPrefix, "s3cret\n");
  assert.doesNotMatch(line, /s3cret/);
  assert.match(line, /sudo -S -p /);
});

/** A stand-in for sudo: asks for "pw" on stdin when told to, and runs the rest. */
const FAKE_SUDO = `#!/bin/sh
mode=ask
while :; do case "$1" in
  -n) mode=never; shift;; -S) shift;; -p) shift 2;; -u) shift 2;; *) break;; esac; done
if [ -n "$SUDO_ASKS" ]; then
  [ $mode = never ] && exit 1
  IFS= read -r given; [ "$given" = pw ] || exit 1
fi
exec "$@"
`;

for (const asks of ["1", ""]) {
  Deno.test(`composeCommand gives the command its own stdin when sudo ${asks ? "asks" : "does not ask"}`, async () => {
    const bin = await Deno.makeTempDir();
    await Deno.writeTextFile(`${bin}/sudo`, FAKE_SUDO, { mode: 0o755 });
    const { line, stdinPrefix } = composeCommand("cat; echo end", { sudo: true, sudoPassword: "pw", cwd: "/" });
    const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, SUDO_ASKS: asks };
    const child = new Deno.Command("sh", { args: ["-c", line], env, stdin: "piped", stdout: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${stdinPrefix}input\n`));
    await writer.close();
    const { stdout } = await child.output();
    assert.equal(new TextDecoder().decode(stdout), "input\nend\n");
    await Deno.remove(bin, { recursive: true });
  });
}

for (
  const [what, settings] of Object.entries({
    "a variable with a semicolon": { env: { "A;b": "c" } },
    "asUser without sudo": { asUser: "web" },
    "asUser that looks like an option": { sudo: true, asUser: "-s" },
    "a password of two lines": { sudo: true, sudoPassword: "a\nb" },
    "an empty folder": { cwd: "" },
    "a NUL": { env: { A: "\0" } },
  })
) {
  Deno.test(`composeCommand refuses ${what}`, () => {
    assert.throws(() => composeCommand("id", settings), (error) => error instanceof AppError && error.code === "usage");
  });
}

Deno.test("quoteWords keeps words apart", () => {
  assert.equal(quoteWords(["touch", "a b", "c'd"]), `touch 'a b' 'c'\\''d'`);
});
