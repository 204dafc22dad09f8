import assert from "node:assert/strict";
import { join } from "node:path";
import { TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";

Deno.test({
  name: "the demo runs in a checkout whose path has spaces and percent signs (needs ssh, sftp)",
  ignore: !hasProgram("ssh") || !hasProgram("sftp") || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "porthole-test-", suffix: " my %41" });
    try {
      await Deno.mkdir(join(folder, "scripts"));
      for (const name of ["deno.json", "deno.lock", "main.ts", join("scripts", "demo.ts")]) {
        await Deno.copyFile(join(TOP, name), join(folder, name));
      }
      await Deno.symlink(join(TOP, "src"), join(folder, "src"));
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", "-A", join("scripts", "demo.ts")],
        cwd: folder,
        stderr: "inherit",
      }).output();
      assert.match(new TextDecoder().decode(stdout), /^The whole job worked/m);
      assert.equal(code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
