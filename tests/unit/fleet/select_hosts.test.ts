import assert from "node:assert/strict";
import { parseHostGroups } from "../../../src/fleet/host_groups.ts";
import { parseHostsFile, selectHosts } from "../../../src/fleet/select_hosts.ts";

const TOML = `
web = "web[1-3]"
all-web = ["@web", "web10"]
[groups]
db = ["db[1-2]"]
`;
const INI = `
# ours
[web]
web[1-3] ansible_user=me
web10 ; the old one
[db]
db1
[site:children]
web
db
[web:vars]
key=value
`;

Deno.test("parseHostGroups reads TOML, at the top and under groups", () => {
  assert.deepEqual([...parseHostGroups(TOML, "groups.toml")], [
    ["web", ["web[1-3]"]],
    ["all-web", ["@web", "web10"]],
    ["db", ["db[1-2]"]],
  ]);
});

Deno.test("parseHostGroups reads an ini file as ansible has it", () => {
  assert.deepEqual([...parseHostGroups(INI, "hosts")], [
    ["web", ["web[1-3]", "web10"]],
    ["db", ["db1"]],
    ["site", ["@web", "@db"]],
  ]);
});

Deno.test("parseHostGroups reads ansible's ranges, and hosts before the first group", async () => {
  const inventory = "bastion ansible_host=10.0.0.1\n[web]\nweb[01:03].example.com\nn[1:5:2]\ndb-[a:c]\n";
  const loadThese = () => Promise.resolve(parseHostGroups(inventory, "hosts"));
  const web = ["web01.example.com", "web02.example.com", "web03.example.com", "n1", "n3", "n5", "db-a", "db-b", "db-c"];
  assert.deepEqual(await selectHosts({ include: ["@web"], loadGroups: loadThese }), web);
  assert.deepEqual(await selectHosts({ include: ["@all"], loadGroups: loadThese }), ["bastion", ...web]);
});

for (const [path, text] of [["a.toml", "web = 3"], ["a.toml", "web ="], ["hosts", 'web = "web1"']] as const) {
  Deno.test(`parseHostGroups refuses ${JSON.stringify(text)} in ${path}`, () => {
    assert.throws(() => parseHostGroups(text, path), { code: "config_invalid" });
  });
}

const loadGroups = () => Promise.resolve(parseHostGroups(INI, "hosts"));

Deno.test("selectHosts takes names, sets and groups, each host once, and leaves out what is excluded", async () => {
  const include = ["web2,@site", "x"];
  assert.deepEqual(await selectHosts({ include, exclude: ["web[1,10]"], loadGroups }), ["web2", "web3", "db1", "x"]);
  assert.deepEqual(await selectHosts({ include: ["@all"], exclude: ["@web"], loadGroups }), ["db1"]);
});

Deno.test("selectHosts does not read the groups when no group is named", async () => {
  const loadNone = () => Promise.reject(new Error("read"));
  assert.deepEqual(await selectHosts({ include: ["web1"], loadGroups: loadNone }), ["web1"]);
});

Deno.test("selectHosts names the groups that there are", async () => {
  await assert.rejects(selectHosts({ include: ["@none"], loadGroups }), {
    code: "not_found",
    message: 'There is no group "none"',
    hint: "There are @web, @db, @site",
  });
});

Deno.test("selectHosts refuses groups that hold each other", async () => {
  const circle = () => Promise.resolve(new Map([["a", ["@b"]], ["b", ["@a"]]]));
  await assert.rejects(selectHosts({ include: ["@a"], loadGroups: circle }), {
    message: "The groups hold each other: @a > @b > @a",
  });
});

Deno.test("parseHostsFile takes the first word of each line and passes over comments", () => {
  assert.deepEqual(parseHostsFile("web1\n\n# none\nweb[2-3]  # two\nme@db:22 extra\n"), [
    "web1",
    "web[2-3]",
    "me@db:22",
  ]);
});
