import assert from "node:assert/strict";
import { config } from "../../src/fleet/mod.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";

scenario("a batch stops at the step that failed, unless told to go on", async () => {
  await using set = await makeStage();
  const commands = ["echo 1", "exit 4", "echo 3"];
  const [stopped] = await config(set.options()).exec({ commands });
  assert.deepEqual([stopped?.ok, stopped?.stoppedEarly, stopped?.steps.map(({ code }) => code)], [false, true, [0, 4]]);
  const [whole] = await config(set.options({ onError: "continue" })).exec({ commands });
  assert.deepEqual([whole?.ok, whole?.stoppedEarly, whole?.steps.map(({ code }) => code)], [false, false, [0, 4, 0]]);
});

scenario("what a batch says beside its commands counts, for this call alone", async () => {
  await using set = await makeStage();
  const client = config(set.options());
  const commands = ['echo "$A"', "false", "pwd"];
  const [result] = await client.exec({ commands, env: { A: "a b" }, cwd: "/", onError: "continue" });
  assert.deepEqual(result?.steps.map(({ stdout, code }) => [stdout, code]), [["a b\n", 0], ["", 1], ["/\n", 0]]);
  assert.deepEqual([result?.ok, result?.stoppedEarly], [false, false]);
  assert.equal((await client.exec({ commands }))[0]?.steps.length, 2);
  const told: string[] = [];
  for await (const event of client.execEvents({ commands: ["echo 1", "echo 2"] })) {
    if (event.type === "stdout") told.push(new TextDecoder().decode(event.bytes));
    if (event.type === "result") told.push(`${event.result.steps.length} steps`);
  }
  assert.deepEqual(told, ["1\n", "2\n", "2 steps"]);
});
