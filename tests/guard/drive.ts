// Drives the guard for the tests, in Deno and in Node: a case a line on standard input, its result on standard output.
import process from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { provision } = await import(pathToFileURL(process.argv[2]).href);

/** The simulator's time: a pause lets it pass. */
class Clock {
  time = 0;
  constructor(url) {
    this.url = url;
  }
  now() {
    return this.time;
  }
  async sleep(seconds) {
    const body = JSON.stringify({ seconds });
    const answer = await fetch(`${this.url}/_sim/advance`, { method: "POST", body });
    this.time = Date.parse((await answer.json()).now) / 1000;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line), seen = [];
  const clock = new Clock(given.api_url);
  await clock.sleep(0);
  const names = Object.entries(given).map(([name, value]) => [name.replace(/_(.)/g, (_, c) => c.toUpperCase()), value]);
  const result = await provision({ ...Object.fromEntries(names), observed: (one) => seen.push(one), clock });
  process.stdout.write(JSON.stringify({ result, seen }) + "\n");
}
