import { join } from "node:path";
import type { FleetOptions } from "../../src/fleet/fleet_options.ts";
import { hasProgram } from "./programs.ts";
import { startSshd, type StartSshdOptions, type TestSshd } from "./sshd.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";

/** An sshd, and a home whose known_hosts knows it: what most stories begin with. */
export interface Stage extends AsyncDisposable {
  readonly home: TempHome;
  readonly sshd: TestSshd;
  /** A client's options for that sshd. */
  readonly options: (more?: Partial<FleetOptions>) => FleetOptions;
}

/** Sets the stage; disposing it takes everything down. */
export async function makeStage(sshdOptions?: StartSshdOptions): Promise<Stage> {
  const home = await makeTempHome();
  const sshd = await startSshd(home.path, sshdOptions);
  const knownHostsFile = join(home.path, "known_hosts");
  await Deno.writeTextFile(knownHostsFile, `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`);
  return {
    home,
    sshd,
    options: (more = {}) => ({
      hosts: `127.0.0.1:${sshd.port}`,
      user: sshd.user,
      key: sshd.keyPath,
      knownHostsFile,
      environment: home.environment(),
      maxRetries: 0,
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      await sshd[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** A story that needs sshd. */
export function sshdScenario(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (needs sshd)`, ignore: !hasProgram("sshd"), fn });
}
