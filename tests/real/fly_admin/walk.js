// A client that nobody here wrote does what a provisioning function does; each answer is one line of JSON.
const Client = require("fly-admin/dist/client.js").default;

const [apiUrl, token, app_name] = process.argv.slice(2);
const fly = new Client(token, { apiUrl, graphqlUrl: apiUrl }).Machine;
const config = { image: "flyio/hellofly", guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 } };
const say = (step, answer) => console.log(JSON.stringify({ step, answer }));

async function walk() {
  const made = await fly.createMachine({ app_name, name: "by-fly-admin", region: "fra", config });
  say("create", made);
  const one = { app_name, machine_id: made.id };
  say("wait", await fly.waitMachine({ ...one, instance_id: made.instance_id, timeout: "60", state: "started" }));
  const updated = await fly.updateMachine({ ...one, config: { ...config, env: { LEVEL: "info" } } });
  say("update", updated);
  say("wait again", await fly.waitMachine({ ...one, instance_id: updated.instance_id, state: "started" }));
  say("acquire lease", await fly.acquireLease({ ...one, ttl: 1 }));
  say("stop", await stopped(one));
  say("wait for the stop", await fly.waitMachine({ ...one, instance_id: updated.instance_id, state: "stopped" }));
  say("start", await fly.startMachine(one));
  say("wait for the start", await fly.waitMachine({ ...one, instance_id: updated.instance_id, state: "started" }));
  say("events", await fly.listEvents(one));
  say("versions", await fly.listVersions(one));
  say("list", await fly.listMachines(app_name));
  say("delete", await fly.deleteMachine({ ...one, force: true }));
  say("get", await fly.getMachine(one));
}

// It sends no nonce, so it has to wait until its own lease is over; the simulated clock moves with each call.
async function stopped(one) {
  try {
    return await fly.stopMachine(one);
  } catch (refused) {
    if (!String(refused).includes("lease currently held")) throw refused;
    return await fly.stopMachine(one);
  }
}

walk().catch((error) => {
  console.error(error);
  process.exit(1);
});
