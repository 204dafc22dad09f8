import { type Environment, portholeHome } from "../../base/home.ts";
import { readToolConfigs } from "./tool_config.ts";

/** True when something here says that this user works with Valohai: the environment, a log-in, or their tool's settings. */
export async function isValohaiConfigured(env: Environment, cwd: string): Promise<boolean> {
  if (env.VALOHAI_TOKEN || env.VALOHAI_HOST || env.VALOHAI_PROJECT) return true;
  return await hasLogin(env) || (await readToolConfigs(env, cwd)).length > 0;
}

async function hasLogin(env: Environment): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(`${portholeHome(env)}/tokens`)) {
      if (name.startsWith("valohai-") && name.endsWith(".json")) return true;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return false;
}
