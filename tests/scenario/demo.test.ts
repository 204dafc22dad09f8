import assert from "node:assert/strict";
import { join } from "node:path";
import { compiledTitle, findCompiled, TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

const COMPILED = findCompiled();

Deno.test({
  name: compiledTitle("the demo runs the whole job with the compiled program", COMPILED),
  ignore: COMPILED.path === undefined || !hasProgram("ssh"),
  async fn() {
    await using home = await makeTempHome();
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "-A", join(TOP, "scripts", "demo.ts")],
      env: home.environment({ PORTHOLE: COMPILED.path ?? "" }),
      clearEnv: true,
      cwd: TOP,
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.equal(code, 0, said + new TextDecoder().decode(stderr));
    assert.doesNotMatch(said, /^FAIL/m);
    assert.match(said, /^The whole job worked/m);
  },
});

Deno.test({
  name: "the demo that is told to stop ends its job and takes its home away",
  ignore: Deno.build.os === "windows" || !hasProgram("ssh"),
  async fn() {
    await using home = await makeTempHome();
    await Deno.mkdir(join(home.path, "tmp"));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "-A", join(TOP, "scripts", "demo.ts")],
      env: home.environment({ TMPDIR: join(home.path, "tmp") }),
      clearEnv: true,
      cwd: TOP,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (!said.includes("start a job") && text.includes("start a job")) child.kill("SIGTERM");
      said += text;
    }
    assert.equal((await child.status).code, 1);
    assert.match(said, /^ok .* stop the job$[^]*^The demo failed: stopped$/m);
    assert.deepEqual([...Deno.readDirSync(join(home.path, "tmp"))], []);
  },
});
