import type { ValohaiLaunch } from "./launch_options.ts";

/** The body of `POST /api/v0/executions/`: empty fields are left out, since the step's own values stand then. */
export function launchPayload(
  launch: ValohaiLaunch,
  { projectId, commit, publicKey }: {
    readonly projectId: string;
    readonly commit: string;
    /** One line; the port and the key go together or not at all. */
    readonly publicKey: string;
  },
): Readonly<Record<string, unknown>> {
  const { environment, image, title, environmentVariables, tags } = launch;
  return {
    project: projectId,
    commit,
    step: launch.step,
    inputs: launch.inputs,
    parameters: launch.parameters,
    ...(environment === undefined ? {} : { environment }),
    ...(image === undefined ? {} : { image }),
    ...(title === undefined ? {} : { title }),
    ...(Object.keys(environmentVariables).length === 0 ? {} : { environment_variables: environmentVariables }),
    ...(tags.length === 0 ? {} : { tags }),
    runtime_config: { remote_debug: { debug_port: launch.debugPort, debug_key: publicKey } },
  };
}
