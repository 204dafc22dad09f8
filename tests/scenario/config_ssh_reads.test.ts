import assert from "node:assert/strict";
import { join } from "node:path";
import { renderHostBlock } from "../../src/ssh/config/host_block.ts";
import { editSections } from "../../src/ssh/config/managed_sections.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

const NEEDS_SSH = { ignore: !hasProgram("ssh") || Deno.build.os === "windows" };

/** What ssh makes of a configuration: `ssh -G`, one value a keyword, several as a list. */
async function sshG(file: string, host: string): Promise<Map<string, string[]>> {
  const { code, stdout, stderr } = await new Deno.Command("ssh", { args: ["-G", "-F", file, host] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const values = new Map<string, string[]>();
  for (const line of new TextDecoder().decode(stdout).trimEnd().split("\n")) {
    const [, keyword = "", value = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    values.set(keyword, [...values.get(keyword) ?? [], value]);
  }
  return values;
}

const HOSTILE = [
  "plain",
  "with space",
  "100%h",
  "it's",
  'quo"te',
  "back\\slash",
  "$HOME",
  "`id`",
  "a;b&c|d",
  "#hash",
  "é=ü",
  "end\\",
  "\\'\\\\'",
];

for (const name of HOSTILE) {
  Deno.test({
    name: `ssh takes a folder named ${JSON.stringify(name)} out of our block as it is (needs ssh)`,
    ...NEEDS_SSH,
    fn: async () => {
      await using home = await makeTempHome();
      const folder = join(home.path, name);
      await Deno.mkdir(folder);
      const program = join(folder, "program");
      await Deno.writeTextFile(program, `#!/bin/sh\nprintf '%s\\n' "$0" "$@" > "$(dirname "$0")/seen"\n`);
      await Deno.chmod(program, 0o755);
      const file = join(home.path, "config");
      await Deno.writeTextFile(
        file,
        renderHostBlock({
          alias: "demo",
          user: `us er`,
          identityFile: join(folder, "id"),
          proxyCommand: [program, "proxy", name, "%h"],
          hostKeyAlias: "run-1",
          userKnownHostsFile: join(folder, "known"),
          strictHostKeyChecking: "accept-new",
          controlPath: `${folder.replaceAll("%", "%%")}/%C`,
        }),
      );
      const seen = await sshG(file, "demo");
      // ssh -G tells identity files before it expands them: %% is still to become %.
      assert.deepEqual(seen.get("identityfile"), [join(folder, "id").replaceAll("%", "%%")]);
      assert.deepEqual(seen.get("userknownhostsfile"), [join(folder, "known")]);
      assert.deepEqual(seen.get("user"), ["us er"]);
      assert.deepEqual(seen.get("stricthostkeychecking"), ["accept-new"]);
      assert.ok(seen.get("controlpath")?.[0]?.startsWith(`${folder}/`));
      await new Deno.Command("ssh", { args: ["-F", file, "-S", "none", "demo", "true"], stderr: "null", stdin: "null" })
        .output();
      assert.equal(await Deno.readTextFile(join(folder, "seen")), `${program}\nproxy\n${name}\n%h\ndemo\n`);
    },
  });
}

const BLOCK = renderHostBlock({
  alias: "demo",
  user: "root",
  identityFile: "/k",
  proxyCommand: ["/bin/porthole", "proxy"],
  hostKeyAlias: "run-1",
  userKnownHostsFile: "/kh",
  strictHostKeyChecking: "yes",
});

const USERS_CONFIGS = {
  "Host * first":
    "Host *\n  User nobody\n  ProxyCommand nc %h\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n",
  "options before any host": "User nobody\nPort 2200\nServerAliveInterval 99\nHost web\n  User web\n",
  "a Match first": "Match all\n  User nobody\nMatch host web\n  Port 7\n",
  "nothing": "",
  "CRLF": "User nobody\r\nHost web\r\n  Port 7\r\n",
};

for (const [title, config] of Object.entries(USERS_CONFIGS)) {
  Deno.test({
    name: `our section wins for its host and changes nothing for others, in a file with ${title} (needs ssh)`,
    ...NEEDS_SSH,
    fn: async () => {
      await using home = await makeTempHome();
      const [before, after] = [join(home.path, "before"), join(home.path, "after")];
      await Deno.writeTextFile(before, config);
      const upsert = [{ name: "demo", text: BLOCK }, { name: "other", text: BLOCK.replaceAll("demo", "other") }];
      await Deno.writeTextFile(after, editSections(config, { upsert }, after).text);
      for (const host of ["web", "elsewhere"]) assert.deepEqual(await sshG(after, host), await sshG(before, host));
      const seen = await sshG(after, "demo");
      assert.deepEqual(seen.get("user"), ["root"]);
      assert.deepEqual(seen.get("proxycommand"), ['"/bin/porthole" proxy %h']);
      assert.deepEqual(seen.get("stricthostkeychecking"), ["true"]);
      assert.deepEqual(seen.get("userknownhostsfile"), ["/kh"]);
      assert.deepEqual(seen.get("serveraliveinterval"), ["20"]);
    },
  });
}
