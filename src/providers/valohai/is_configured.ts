import type { Environment } from "../../base/home.ts";
import { loggedInHosts } from "./token_file.ts";
import { readToolConfigs } from "./tool_config.ts";

/** True when something here says that this user works with Valohai: the environment, a log-in, or their tool's settings. */
export async function isValohaiConfigured(env: Environment, cwd: string): Promise<boolean> {
  if (env.VALOHAI_TOKEN || env.VALOHAI_HOST || env.VALOHAI_PROJECT) return true;
  return (await loggedInHosts(env)).length > 0 || (await readToolConfigs(env, cwd)).length > 0;
}
