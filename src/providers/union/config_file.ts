import { basename, dirname, join, resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { type Environment, homeFolder } from "../../base/home.ts";
import { asMessage, type Message } from "./wire.ts";
import { readYamlFile } from "./yaml_file.ts";

/** A configuration file that was found. */
export interface ConfigLocation {
  readonly path: string;
  /**
   * True when it lies in the project that porthole happens to run in, and was not named by the user: whoever can write
   * to that project must not decide what is run or which file is read as a secret.
   */
  readonly isProjectLocal: boolean;
}

/**
 * The first configuration file there is, in the order in which the platform's own tools look: `./config.yaml`,
 * `./.flyte/config.yaml`, the same in the git root, `$UCTL_CONFIG`, `$FLYTECTL_CONFIG`, `~/.union`, `~/.flyte`.
 */
export async function findConfigFile(
  { env, cwd }: { readonly env: Environment; readonly cwd: string },
): Promise<ConfigLocation | undefined> {
  const gitRoot = await findGitRoot(cwd);
  const inProject = [
    { root: cwd, path: join(cwd, "config.yaml") },
    { root: cwd, path: join(cwd, ".flyte", "config.yaml") },
    ...(gitRoot === undefined ? [] : [{ root: gitRoot, path: join(gitRoot, ".flyte", "config.yaml") }]),
  ];
  for (const { root, path } of inProject) {
    // In the home folder itself it is the user's own.
    if (await isOurs(path)) {
      return { path, isProjectLocal: resolve(root) !== resolve(env.HOME ?? env.USERPROFILE ?? "/") };
    }
  }
  const named = env.UCTL_CONFIG || env.FLYTECTL_CONFIG;
  if (named) return { path: resolve(cwd, named), isProjectLocal: false };
  if (!env.HOME && !env.USERPROFILE) return undefined;
  for (const folder of [".union", ".flyte"]) {
    const path = join(homeFolder(env), folder, "config.yaml");
    if (await isFile(path)) return { path, isProjectLocal: false };
  }
  return undefined;
}

async function findGitRoot(cwd: string): Promise<string | undefined> {
  for (let folder = cwd;; folder = dirname(folder)) {
    if (await exists(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** Many a project has a `config.yaml` of another tool: one that says nothing to us must not hide the one that does. */
async function isOurs(path: string): Promise<boolean> {
  if (!await isFile(path)) return false;
  try {
    const { admin, task } = await readYamlFile(path);
    return mentions(asMessage(admin), ADMIN_KEYS) || mentions(asMessage(task), TASK_KEYS);
  } catch (error) {
    // Not YAML: in a folder of that name it is ours and broken, which its reader will say; elsewhere another tool's.
    if (error instanceof AppError) return basename(dirname(path)) === ".flyte";
    throw error;
  }
}

// A web application may have a section `admin`, a training one a section `task`: what stands in it tells whose it is.
const ADMIN_KEYS = ["endpoint", "authType", "insecure", "insecureSkipVerify", "caCertFilePath", "clientId"];
const TASK_KEYS = ["org", "project", "domain"];

function mentions(section: Message, keys: readonly string[]): boolean {
  return keys.some((key) => section[key] !== undefined);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false); // What cannot be looked at cannot be used either.
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false); // The same.
}
