import assert from "node:assert/strict";
import { join } from "node:path";
import { type HostConfig, loadSshConfig, resolveSshConfig } from "../../src/ssh/config/resolve_ssh_config.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

const NEEDS_SSH = { ignore: !hasProgram("ssh") || Deno.build.os === "windows" };

/** The keywords of `ssh -G` that HostConfig tells, in its terms. */
async function askSsh(file: string, host: string, user?: string): Promise<Record<string, unknown>> {
  const args = ["-G", "-F", file, ...(user === undefined ? [] : ["-l", user]), host];
  const { code, stdout, stderr } = await new Deno.Command("ssh", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const all = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const values = (keyword: string) =>
    all.filter((line) => line.startsWith(`${keyword} `)).map((line) => line.slice(keyword.length + 1));
  const [checking = "ask"] = values("stricthostkeychecking");
  return {
    hostName: values("hostname")[0],
    port: Number(values("port")[0]),
    user: values("user")[0],
    identitiesOnly: values("identitiesonly")[0] === "yes",
    proxyCommand: values("proxycommand")[0],
    hostKeyAlias: values("hostkeyalias")[0],
    strictHostKeyChecking: { true: "yes", false: "no" }[checking] ?? checking,
    jump: values("proxyjump")[0],
    identityFiles: values("identityfile"),
  };
}

function inTermsOfSsh(config: HostConfig): Record<string, unknown> {
  const { hostName, port, user, identitiesOnly, proxyCommand, hostKeyAlias, strictHostKeyChecking } = config;
  const jump = config.proxyJump.map(({ host, user, port }) =>
    `${user === undefined ? "" : `${user}@`}${host.includes(":") ? `[${host}]` : host}${
      port === undefined ? "" : `:${port}`
    }`
  ).join(",");
  const identityFiles = [...config.identityFiles];
  return {
    hostName,
    port,
    user,
    identitiesOnly,
    proxyCommand,
    hostKeyAlias,
    strictHostKeyChecking,
    jump: jump || undefined,
    identityFiles,
  };
}

const CONFIGS: Record<string, string> = {
  "first value wins": "Host web\n User a\n Port 1\nHost *\n User b\n Port 2\n StrictHostKeyChecking no\n",
  "options before any host": "User top\nHost web\n User late\n Port 2\n",
  "negation": "Host * !web\n User other\nHost web !w*\n User never\nHost !x w?b\n User q\n",
  "negation alone": "Host !other\n User never\nHost *\n Port 9\n",
  "equals signs": "Host = web\nUser=a\nPort = 77\nIdentityFile   =   /k\n",
  "quotes": 'Host "web" \'x y\'\n User "a b"\n IdentityFile "/p q/k" # comment\n HostKeyAlias \'al\'\n',
  "escapes": 'Host web\n IdentityFile /a\\ b/c\n User a\\"b\n',
  "comments and blanks": "# one\n\n   # two\nHost web # three\n Port 3 # four\n",
  "capitals": "HOST web\n hOsTnAmE Real.Example.COM\n PORT 4\nHost WEB\n User never\n",
  "a tab before everything": "\tHost\tweb\n\t\tUser\ta\r\n",
  "hostname tokens": "Host web\n HostName %h.example.com\n",
  "identity files add up": "Host web\n IdentityFile /a\n IdentityFile /b\nHost *\n IdentityFile /a\n IdentityFile /c\n",
  "identity tokens": "Host web\n HostName real\n User u\n IdentityFile /k/h\n",
  "match host after hostname":
    "Host web\n HostName real.example.com\nMatch host real.*\n User real\nMatch host web\n User never\n",
  "match originalhost": "Host web\n HostName real\nMatch originalhost web\n User orig\n",
  "match host in capitals": "Match host WEB\n User never\n",
  "match user": "Host web\n User bob\nMatch user bob,!alice\n Port 12\nMatch user alice\n Port 13\n",
  "match not": "Match !host other\n Port 14\nMatch !all\n Port 15\n",
  "match all": "Match all\n User everyone\n",
  "match several": "Match originalhost web user nobody-here\n Port 1\nMatch originalhost web host web\n Port 2\n",
  "match final": "Host web\n HostName real\nMatch final host real\n Port 16\n User fin\nHost *\n User first\n",
  "match canonical": "Match canonical\n Port 17\n",
  "proxyjump first": "Host web\n ProxyJump a@j1:2222,[::1]:24,j3\nHost *\n ProxyCommand nc %h %p\n",
  "proxycommand first": 'Host web\n ProxyCommand nc -x "a b" %h %p # kept\n ProxyJump j1\n',
  "proxyjump none": "Host web\n ProxyJump none\nHost *\n ProxyJump j1\n",
  "proxycommand none": "Host web\n ProxyCommand none\n",
  "proxycommand tokens": "Host web\n HostName real\n User u\n Port 5\n ProxyCommand x %n\n",
  "checking": "Host web\n StrictHostKeyChecking accept-new\n IdentitiesOnly yes\n",
  "checking off": "Host web\n StrictHostKeyChecking off\n IdentitiesOnly true\n",
  "checking true": "Host web\n StrictHostKeyChecking TRUE\n",
  "two Match lines": "Match originalhost nope\n User a\nMatch originalhost web\n User b\nHost nope\n Port 3\n",
};

for (const [title, text] of Object.entries(CONFIGS)) {
  Deno.test({
    name: `resolveSshConfig reads what ssh reads: ${title} (needs ssh)`,
    ...NEEDS_SSH,
    fn: async () => {
      await using home = await makeTempHome();
      const file = join(home.path, "config");
      await Deno.writeTextFile(file, text);
      const env = { HOME: home.path, USER: await localUser() };
      for (const [host, user] of [["web", undefined], ["other", undefined], ["web", "alice"]] as const) {
        const config = await resolveSshConfig({ files: [file], host, user, env });
        const expected = await askSsh(file, host, user);
        // ssh -G tells ProxyCommand and its own list of keys before tokens and ~ are replaced.
        if (config.identityFiles.length === 0) expected.identityFiles = [];
        const found = inTermsOfSsh(config);
        if (typeof expected.proxyCommand === "string") {
          expected.proxyCommand = expected.proxyCommand.replaceAll("%h", config.hostName).replaceAll(
            "%p",
            `${config.port}`,
          )
            .replaceAll("%n", host);
        }
        assert.deepEqual(found, expected, `${user ?? ""}@${host}`);
      }
    },
  });
}

async function localUser(): Promise<string> {
  const { stdout } = await new Deno.Command("id", { args: ["-un"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  name: "resolveSshConfig follows Include as ssh does: globs, blocks inside, blocks around, files in files (needs ssh)",
  ...NEEDS_SSH,
  fn: async () => {
    await using home = await makeTempHome();
    const parts = join(home.path, "parts [1]");
    await Deno.mkdir(parts);
    await Deno.writeTextFile(join(parts, "b.conf"), "Host other\n Port 2\n");
    await Deno.writeTextFile(
      join(parts, "a.conf"),
      `Host web\n Port 1\n Include "${home.path}/deep"\nHost none\n User never\n`,
    );
    await Deno.writeTextFile(join(parts, ".hidden.conf"), "User hidden\n");
    await Deno.writeTextFile(join(parts, "c.txt"), "User never\n");
    await Deno.writeTextFile(join(home.path, "deep"), "User deep\nHost other\n User never\n");
    const file = join(home.path, "config");
    await Deno.writeTextFile(
      file,
      `Include "${home.path}/parts \\[1\\]/*.conf" ${home.path}/missing*\nHostKeyAlias here\nHost web\n Include ${home.path}/de?p\nHost *\n User rest\n`,
    );
    const env = { HOME: home.path, USER: await localUser() };
    const config = await loadSshConfig({ files: [file], env });
    for (const host of ["web", "other", "third"]) {
      const expected = await askSsh(file, host);
      expected.identityFiles = [];
      assert.deepEqual(inTermsOfSsh(config.resolve({ host })), expected, host);
    }
  },
});

Deno.test("resolveSshConfig starts relative Includes and ~ from the home, expands tokens and variables in paths", async () => {
  await using home = await makeTempHome();
  await Deno.mkdir(join(home.path, ".ssh", "conf.d"), { recursive: true });
  await Deno.writeTextFile(join(home.path, ".ssh", "conf.d", "x"), "IdentityFile ~/.ssh/%n-%h-%p-%r-%k-%%\n");
  const config = join(home.path, ".ssh", "config");
  await Deno.writeTextFile(
    config,
    'Include conf.d/*\nHost web\n HostName real\n Port 7\n User me\n IdentityFile %d/${WHICH}/id\n UserKnownHostsFile ~/a none "%d/b c"\n',
  );
  await Deno.chmod(config, 0o600);
  const env = { HOME: home.path, USER: "local", WHICH: "50%h" };
  const found = await resolveSshConfig({ files: [config], host: "web", env });
  assert.deepEqual(found.identityFiles, [`${home.path}/.ssh/web-real-7-me-web-%`, `${home.path}/50%h/id`]);
  assert.deepEqual(found.userKnownHostsFiles, [`${home.path}/a`, `${home.path}/b c`]);
  const other = await resolveSshConfig({ files: [config], host: "other", env, port: 9, user: "typed" });
  assert.deepEqual([other.port, other.user], [9, "typed"]);
  assert.deepEqual(other.userKnownHostsFiles, [`${home.path}/.ssh/known_hosts`, `${home.path}/.ssh/known_hosts2`]);
});

Deno.test("resolveSshConfig never runs Match exec and says so", async () => {
  await using home = await makeTempHome();
  const file = join(home.path, "config");
  const trace = join(home.path, "trace");
  await Deno.writeTextFile(file, `Match exec "touch ${trace}"\n User never\nHost web\n User me\n`);
  const { user, notices } = await resolveSshConfig({ files: [file], host: "web", env: { HOME: home.path } });
  assert.equal(user, "me");
  assert.deepEqual(notices, [
    `Passed over "Match exec" in ${JSON.stringify(file)} line 1: porthole does not run commands of a configuration`,
  ]);
  await assert.rejects(Deno.stat(trace), Deno.errors.NotFound);
});

Deno.test("resolveSshConfig takes no name of JavaScript for a criterion of Match", async () => {
  await using home = await makeTempHome();
  const file = join(home.path, "config");
  await Deno.writeTextFile(file, "Match constructor\n User a\nMatch toString x\n User b\nHost web\n User me\n");
  const { user, notices } = await resolveSshConfig({ files: [file], host: "web", env: { HOME: home.path } });
  assert.equal(user, "me");
  assert.deepEqual(notices.map((notice) => notice.split(" in ")[0]), [
    'Passed over "Match constructor"',
    'Passed over "Match tostring"',
  ]);
});

for (
  const [title, text, message] of [
    ["an open quote", 'User "a\n', 'line 1: the quote " is not closed'],
    ["a port that is none", "Host web\nPort ssh\n", 'line 2: needed a port, found "ssh"'],
    ["a flag that is none", "IdentitiesOnly perhaps\n", 'line 1: needed "yes" or "no", found "perhaps"'],
    ["a keyword alone", "User\n", "line 1: user needs a value"],
    ["a jump that is none", "ProxyJump a@:x\n", 'line 1: needed [user@]host[:port], found "a@:x"'],
  ] as const
) {
  Deno.test(`resolveSshConfig names the line with ${title}`, async () => {
    await using home = await makeTempHome();
    const file = join(home.path, "config");
    await Deno.writeTextFile(file, text);
    await assert.rejects(resolveSshConfig({ files: [file], host: "web", env: { HOME: home.path, USER: "me" } }), {
      code: "config_invalid",
      message: `Cannot read ${JSON.stringify(file)} ${message}`,
    });
  });
}

for (const host of ["-oProxyCommand=x", "a b", "a;id", "$(id)", "a\nb", "", "`x`"]) {
  Deno.test(`resolveSshConfig rejects ${JSON.stringify(host)} as a host`, async () => {
    await assert.rejects(resolveSshConfig({ files: [], host, env: { HOME: "/nowhere" } }), { code: "usage" });
  });
}

Deno.test("resolveSshConfig stops at Includes in a circle", async () => {
  await using home = await makeTempHome();
  const file = join(home.path, "config");
  await Deno.writeTextFile(file, `Include ${file}\n`);
  await assert.rejects(resolveSshConfig({ files: [file], host: "web", env: { HOME: home.path } }), {
    code: "config_invalid",
    message: `Cannot read ${JSON.stringify(file)}: more than 16 Includes inside each other`,
  });
});

Deno.test({
  name: "resolveSshConfig refuses a configuration of the user that others can write to",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using home = await makeTempHome();
    const file = join(home.path, ".ssh", "config");
    await Deno.mkdir(join(home.path, ".ssh"));
    await Deno.writeTextFile(file, "");
    await Deno.chmod(file, 0o622);
    await assert.rejects(resolveSshConfig({ host: "web", env: { HOME: home.path } }), {
      code: "unsafe_file",
      hint: `chmod 600 ${file}`,
    });
  },
});

Deno.test({
  name: "resolveSshConfig reads ConnectTimeout as ssh does, and refuses what is no time (needs ssh)",
  ...NEEDS_SSH,
  async fn() {
    await using home = await makeTempHome();
    const file = join(home.path, "config");
    for (const text of ["5", "1m30s", "2M", "none", "0"]) {
      await Deno.writeTextFile(file, `ConnectTimeout ${text}\n`);
      const { stdout } = await new Deno.Command("ssh", { args: ["-G", "-F", file, "web"] }).output();
      const [, theirs] = /^connecttimeout (.*)$/m.exec(new TextDecoder().decode(stdout)) ?? [];
      const ours = await resolveSshConfig({ host: "web", files: [file], env: home.environment() });
      const seconds = Number(theirs);
      assert.equal(ours.connectTimeoutMs, seconds > 0 ? seconds * 1000 : undefined, `${text}: ssh says ${theirs}`);
    }
    await Deno.writeTextFile(file, "ConnectTimeout soon\n");
    await assert.rejects(resolveSshConfig({ host: "web", files: [file], env: home.environment() }), {
      code: "config_invalid",
      message: `Cannot read "${file}" line 1: needed seconds, found "soon"`,
    });
  },
});
