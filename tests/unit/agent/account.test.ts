import assert from "node:assert/strict";
import { readAccount } from "../../../src/agent/account.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nworker:x:1000:1000::/home/worker:/usr/sbin/nologin\n";

function account(uid: number | null, { executables = ["/bin/bash", "/bin/sh"], env = {}, passwd = PASSWD }: {
  executables?: readonly string[];
  env?: Record<string, string>;
  passwd?: string;
} = {}) {
  return readAccount({
    uid,
    passwd,
    env: { PATH: "/usr/bin:/bin", ...env },
    isExecutable: (path) => executables.includes(path),
  });
}

Deno.test("readAccount takes name, home and shell of the passwd entry", () => {
  assert.deepEqual(account(0), { name: "root", home: "/root", shell: "/bin/bash" });
});

Deno.test("readAccount falls back to bash, then sh, for shells that only say no or are not there", () => {
  assert.equal(account(1000).shell, "/bin/bash");
  assert.equal(account(1000, { executables: ["/bin/sh", "/usr/sbin/nologin"] }).shell, "/bin/sh");
  assert.equal(account(0, { executables: ["/usr/bin/sh"] }).shell, "/usr/bin/sh");
  assert.equal(account(0, { executables: [] }).shell, "/bin/sh");
  for (const shell of ["/bin/false", "/bin/true", "relative/bash", ""]) {
    const passwd = `x:x:0:0::/:${shell}\n`;
    assert.equal(account(0, { passwd, executables: ["/bin/sh", "/bin/false", "/bin/true"] }).shell, "/bin/sh");
  }
});

Deno.test("readAccount does with the environment where a uid has no entry", () => {
  const env = { USER: "someone", HOME: "/work", SHELL: "/bin/bash" };
  assert.deepEqual(account(4711, { env }), { name: "someone", home: "/work", shell: "/bin/bash" });
  assert.deepEqual(account(4711), { name: "4711", home: "/", shell: "/bin/bash" });
});
