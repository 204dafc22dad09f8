import assert from "node:assert/strict";
import { acceptsEnv, jobEnv, sessionEnv } from "../../../src/agent/session_env.ts";

Deno.test("acceptsEnv lets locale and terminal through, and what was named", () => {
  for (const name of ["LANG", "LC_ALL", "TERM", "COLORTERM"]) assert.ok(acceptsEnv(name), name);
  assert.equal(acceptsEnv("MINE"), false);
  assert.ok(acceptsEnv("MINE_A", ["MINE_*"]));
  assert.ok(acceptsEnv("MINE_A", ["MINE_?"]));
  assert.equal(acceptsEnv("XMINE_A", ["MINE_*"]), false);
});

Deno.test("acceptsEnv keeps a pattern from naming what runs code, and our own variables always", () => {
  for (
    const name of [
      "LD_PRELOAD",
      "BASH_ENV",
      "ENV",
      "PATH",
      "HOME",
      "PORTHOLE_HOME",
      "_F_E_VS",
      "SSH_AUTH_SOCK",
      "A B",
      "",
    ]
  ) {
    assert.equal(acceptsEnv(name, ["*"]), false, name);
  }
  assert.ok(acceptsEnv("PATH", ["PATH"]));
  assert.equal(acceptsEnv("PORTHOLE_HOME", ["PORTHOLE_HOME"]), false);
});

Deno.test("jobEnv is the environment without our settings and switches", () => {
  const env = {
    A: "1",
    SHLVL: "2",
    SSH_AUTH_SOCK: "/tmp/job",
    PORTHOLE_AUTHORIZED_KEYS: "k",
    _F_SSH_PK: "k",
    _F_E_SSH: "1",
    _F_E_VS: "1",
    _F_OTHER: "x",
    U: undefined,
  };
  assert.deepEqual(jobEnv(env), { A: "1", SHLVL: "2", SSH_AUTH_SOCK: "/tmp/job", _F_OTHER: "x" });
});

Deno.test("sessionEnv has a PATH also where the job has none", () => {
  const account = { name: "me", home: "/home/me", shell: "/bin/sh" };
  const parts = { account, client: new Map(), remote: undefined, local: undefined };
  assert.match(sessionEnv({ base: {}, ...parts }).PATH ?? "", /^\/usr\/local\/sbin:.*:\/bin$/);
  assert.equal(sessionEnv({ base: { PATH: "/mine" }, ...parts }).PATH, "/mine");
});

Deno.test("sessionEnv puts the login's variables over the job's, and the terminal's over the client's", () => {
  const env = sessionEnv({
    base: { HOME: "/job", PATH: "/bin", TERM: "job", SHLVL: "2", SSH_AUTH_SOCK: "/tmp/job" },
    account: { name: "me", home: "/home/me", shell: "/bin/zsh" },
    client: new Map([["TERM", "client"], ["LANG", "C"]]),
    remote: { hostname: "10.0.0.1", port: 5 },
    local: { hostname: "10.0.0.2", port: 6060 },
    term: "xterm",
    tty: "/dev/pts/1",
    agentSocket: "/tmp/s",
  });
  assert.deepEqual(env, {
    PATH: "/bin",
    HOME: "/home/me",
    USER: "me",
    LOGNAME: "me",
    SHELL: "/bin/zsh",
    SSH_CLIENT: "10.0.0.1 5 6060",
    SSH_CONNECTION: "10.0.0.1 5 10.0.0.2 6060",
    TERM: "xterm",
    LANG: "C",
    SSH_TTY: "/dev/pts/1",
    SSH_AUTH_SOCK: "/tmp/s",
  });
});
