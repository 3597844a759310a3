/**
 * A guard for the code that creates Fly Machines. No dependencies; Deno, Supabase Edge Functions, Node 22.18 or newer.
 *
 * `provision()` checks the image, creates the machine, and waits until it is settled: `started`, and still so some
 * seconds later. A 200 of the create call is no proof of that. Where it does not settle, the result holds a capsule:
 * what was asked, answered and seen, collected before the platform forgets it, with names and without values.
 *
 *     const result = await provision({
 *       app: "my-app", token, name: "worker-7", region: "fra", config: { image },
 *       observed: (seen) => updateRow(seen.status),
 *     });
 *     if (result.outcome !== "settled") console.error(JSON.stringify(result.capsule));
 *
 * `capture()` makes such a capsule of a machine that exists already. Written by fly-runbooks.
 */

export type Json = Record<string, unknown>;

/** How the request ended; "captured" stands in the capsules of `capture()` only. */
export type Outcome =
  | "settled" /** started, and stayed so */
  | "refused" /** no machine was made */
  | "failed" /** it was made, and ended */
  | "not-settled" /** the deadline came first */
  | "unknown" /** the create call was not answered, and no machine of that request was found */
  | "captured";

export interface Seen {
  /** "starting" until the end, then the outcome */
  status: Outcome | "starting";
  /** as the platform writes it; null while no machine was seen, "gone" where it is not known any more */
  state: string | null;
  machine_id: string | null;
  at: string;
}

export interface Image {
  answer: "exists" | "missing" | "could-not-look";
  digest: string;
}

export interface Result {
  outcome: Outcome;
  reason: string;
  machine_id: string | null;
  state: string | null;
  image: Image | null;
  capsule: Json | null;
}

/** Seconds since 1970 that never run backwards, and a pause. */
export interface Clock {
  now(): number;
  sleep(seconds: number): Promise<void>;
}

export interface Options {
  app: string;
  token: string;
  /** The only one of its kind in the app. */
  name: string;
  region?: string;
  /** As in the create call. */
  config: Json;
  /** Called whenever the state changes, and once at the end. */
  observed?: (seen: Seen) => unknown;
  /** Seconds for everything, the capsule included (120); keep it below the time limit of your function. */
  deadline?: number;
  /** Seconds for which the machine must stay `started` (10). */
  settle?: number;
  /** Has to answer with a 2xx before the machine counts as settled. */
  healthUrl?: string;
  /** Ask the registry before the create call (true). */
  checkImage?: boolean;
  /** Seconds for the create call (60). */
  createTimeout?: number;
  /** The rest is for tests; `registries` maps a host to a base URL. */
  apiUrl?: string;
  logsUrl?: string;
  registries?: Record<string, string>;
  clock?: Clock;
}

export interface CaptureOptions {
  app: string;
  token: string;
  machineId: string;
  name?: string;
  deadline?: number;
  apiUrl?: string;
  logsUrl?: string;
  clock?: Clock;
}

interface Answer {
  status: number | null;
  headers: Record<string, string>;
  text: string;
  json: unknown;
  request_id: string | null;
  at: string;
  error: string | null;
}

interface Attempt {
  step: string;
  method: string;
  url: string;
  status: number | null;
  error: string | null;
  at: string;
  request_id: string | null;
  times: number;
  last_at?: string;
}

interface Line {
  at: string;
  provider: string;
  message: string;
  level: string;
  instance: string;
  region: string;
}

type End = [Outcome, string];

export const SCHEMA = "fly-runbooks/capsule/1";
export const MAX_CAPSULE = 256_000;
const MAX_BODY = 4_000_000;
const ENDED = ["failed", "launch_failed", "destroyed", "suspended"];
const MANIFESTS = [
  "oci.image.index.v1",
  "oci.image.manifest.v1",
  "docker.distribution.manifest.list.v2",
  "docker.distribution.manifest.v2",
].map((kind) => `application/vnd.${kind}+json`).join(", ");

function systemClock(): Clock {
  const begin = Date.now() / 1000 - performance.now() / 1000;
  return {
    now: () => begin + performance.now() / 1000,
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  };
}

/** Create a machine and wait until it is settled. Never throws for what the platform does. */
export async function provision(options: Options): Promise<Result> {
  const guard = new Guard(options.app, options.token, options.name, options.deadline ?? 120, options);
  guard.observed = options.observed;
  guard.registries = options.registries ?? {};
  const metadata = { ...object(options.config.metadata), fly_runbooks_guard: guard.marker };
  const region = options.region ? { region: options.region } : {};
  guard.request = { name: options.name, ...region, config: { ...options.config, metadata } };
  let end: End;
  try {
    end = await guard.run(
      options.checkImage ?? true,
      options.createTimeout ?? 60,
      options.settle ?? 10,
      options.healthUrl,
    );
  } catch (error) {
    // A mistake in here must neither leave the row at "starting" nor cost the evidence.
    end = ["unknown", `guard-failed-${nameOf(error)}`];
  }
  return await guard.result(...end);
}

/** A capsule of a machine that was made earlier: call it as soon as you miss the machine. */
export async function capture(options: CaptureOptions): Promise<Json> {
  const guard = new Guard(options.app, options.token, options.name ?? "", options.deadline ?? 20, options);
  guard.machineId = options.machineId;
  return (await guard.result("captured", "asked-for")).capsule ?? {};
}

class Guard {
  observed: ((seen: Seen) => unknown) | undefined;
  registries: Record<string, string> = {};
  request: { name: string; region?: string; config: Json } | null = null;
  machineId = "";
  readonly marker = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0"))
    .join("");
  private readonly app: string;
  private readonly name: string;
  private readonly token: string;
  private readonly headers: Record<string, string>;
  private readonly api: string;
  private readonly logs: string;
  private readonly clock: Clock;
  private readonly until: number;
  private readonly settleUntil: number;
  private image: Image | null = null;
  private response: Answer | null = null;
  private machine: Json | null = null;
  private machineAt = "";
  private state: string | null = null;
  private readonly events = new Map<string, Json>();
  private readonly attempts: Attempt[] = [];

  constructor(
    app: string,
    token: string,
    name: string,
    deadline: number,
    places: { apiUrl?: string; logsUrl?: string; clock?: Clock },
  ) {
    this.app = app;
    this.name = name;
    this.clock = places.clock ?? systemClock();
    this.api = (places.apiUrl ?? "https://api.machines.dev").replace(/\/+$/, "");
    this.logs = (places.logsUrl ?? "https://api.fly.io").replace(/\/+$/, "");
    this.token = token.replace(/^(\s*(bearer|flyv1)\s+)+/i, "").trim();
    const scheme = /^fm[12]/.test(this.token) ? "FlyV1" : "Bearer";
    this.headers = { "Authorization": `${scheme} ${this.token}`, "User-Agent": "fly-runbooks-guard/1" };
    this.until = this.clock.now() + deadline;
    this.settleUntil = this.until - Math.min(15, deadline / 4);
  }

  async run(checkImage: boolean, createTimeout: number, settle: number, healthUrl?: string): Promise<End> {
    if (checkImage) {
      this.image = await this.look(String(this.request?.config.image ?? ""));
      if (this.image.answer === "missing") return ["refused", "image-missing"];
    }
    return await this.create(createTimeout) ?? await this.settled(settle, healthUrl);
  }

  // The image: exists, missing, or could not look.

  private async look(reference: string): Promise<Image> {
    const [host, repository, wanted] = parsed(reference);
    const base = this.registries[host] ?? "https://" + (host === "docker.io" ? "registry-1.docker.io" : host);
    const headers: Record<string, string> = { "Accept": MANIFESTS, "User-Agent": this.headers["User-Agent"] };
    if (host === "registry.fly.io") headers["Authorization"] = "Basic " + btoa(`x:${this.token}`);
    const url = `${base}/v2/${repository}/manifests/${wanted}`;
    let answer = await this.ask("image", "GET", url, headers, null, 10);
    const challenge = answer.headers["www-authenticate"] ?? "";
    if (answer.status === 401 && /^bearer/i.test(challenge) && host !== "registry.fly.io") {
      const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((m): [string, string] => [m[1], m[2]]));
      const realm = fields.get("realm") ?? "";
      fields.delete("realm");
      if (realm.startsWith("https://")) {
        const pass = await this.ask("image-token", "GET", `${realm}?${new URLSearchParams([...fields])}`, {}, null, 10);
        const given = object(pass.json);
        headers["Authorization"] = `Bearer ${given.token ?? given.access_token ?? ""}`;
        answer = await this.ask("image", "GET", url, headers, null, 10);
      }
    }
    if (answer.status === 200) return { answer: "exists", digest: answer.headers["docker-content-digest"] ?? "" };
    const codes = list(object(answer.json).errors).map((error) => object(error).code);
    // A 404 without the registry's own code is the answer of something else, and proves nothing.
    const missing = answer.status === 404 && (codes.includes("MANIFEST_UNKNOWN") || codes.includes("NAME_UNKNOWN"));
    return { answer: missing ? "missing" : "could-not-look", digest: "" };
  }

  // The create call. It is repeated only where the platform says that it did nothing (429).

  private async create(limit: number): Promise<End | null> {
    const body = JSON.stringify(this.request);
    let pause = 1;
    while (true) {
      const answer = await this.ask("create", "POST", this.url(), this.headers, body, limit);
      this.response = answer;
      const status = answer.status, made = object(answer.json);
      if (status === 429) {
        pause = retryAfter(answer.headers["retry-after"] ?? "", this.clock.now()) ?? pause * 2;
        if (this.clock.now() + pause >= this.settleUntil) return ["refused", "rate-limited"];
        await this.clock.sleep(pause);
        continue;
      }
      if (status !== null && status >= 400 && status < 500 && status !== 408) return ["refused", "create-refused"];
      if (status !== null && status < 300 && typeof made.id === "string") {
        await this.see(made);
        return null;
      }
      // A time-out, a 5xx or an unreadable answer: the machine may exist nevertheless.
      return await this.lookByName() ? null : ["unknown", "create-unanswered"];
    }
  }

  private async lookByName(): Promise<boolean> {
    const until = Math.min(this.clock.now() + 20, this.settleUntil);
    while (true) {
      const query = new URLSearchParams({ "metadata.fly_runbooks_guard": this.marker });
      const answer = await this.ask("look-by-name", "GET", `${this.url()}?${query}`, this.headers, null, 10);
      for (const row of list(answer.json).map(object)) {
        // The marker is of this request: an older machine of the same name is not taken for ours.
        if (object(object(row.config).metadata).fly_runbooks_guard === this.marker) {
          await this.see(row);
          return true;
        }
      }
      if (this.clock.now() + 2 >= until) return false;
      await this.clock.sleep(2);
    }
  }

  // Settled: started, and so without an exit for `settle` seconds.

  private async settled(settle: number, healthUrl?: string): Promise<End> {
    let since: number | null = null, run = "", reason = "deadline", resting = 0;
    while (this.clock.now() < this.settleUntil) {
      await this.clock.sleep(1);
      const answer = await this.ask("machine", "GET", this.url(this.machineId), this.headers, null, 10);
      if (answer.status === 404 && isObject(answer.json)) {
        this.state = "gone";
        return ["failed", "destroyed"];
      }
      if (answer.status !== 200 || !isObject(answer.json) || typeof answer.json.state !== "string") continue;
      await this.see(answer.json);
      if (ENDED.includes(this.state ?? "")) {
        return ["failed", this.state === "destroyed" ? "destroyed" : "launch-failed"];
      }
      resting = this.state === "stopped" ? resting + 1 : 0;
      if (resting > 2) return ["failed", "exited"];
      const exits = [...this.events.values()].filter((event) => event.type === "exit").length;
      const now = `${answer.json.instance_id} ${exits}`, same = run === now;
      run = now;
      if (this.state !== "started") since = null;
      else if (since === null || !same) since = this.clock.now();
      if (since !== null && this.clock.now() - since >= settle) {
        if (!this.critical() && await this.healthy(healthUrl)) return ["settled", "stayed-started"];
        reason = "unhealthy";
      }
    }
    return ["not-settled", reason];
  }

  private critical(): boolean {
    return list(this.machine?.checks).some((check) => object(check).status === "critical");
  }

  private async healthy(url?: string): Promise<boolean> {
    if (!url) return true;
    const { status } = await this.ask("health", "GET", url, {}, null, 5);
    return status !== null && status >= 200 && status < 300;
  }

  /** Keep the description and its events: the next answer may be a 404. */
  private async see(machine: Json): Promise<void> {
    this.machine = machine;
    this.machineId = String(machine.id);
    this.machineAt = this.iso();
    for (const event of list(machine.events).filter(isObject)) {
      this.events.set(String(event.id ?? this.events.size), event);
    }
    if (machine.state !== this.state) {
      this.state = String(machine.state);
      await this.tell("starting");
    }
  }

  private async tell(status: Outcome | "starting"): Promise<void> {
    if (!this.observed) return;
    const seen = { status, state: this.state, machine_id: this.machineId || null, at: this.iso() };
    let timer;
    try {
      // A database that fails, or does not answer, must not cost the evidence.
      const late = new Promise((_, reject) => timer = setTimeout(() => reject(new Error("no answer in 10 s")), 10_000));
      await Promise.race([this.observed(seen), late]);
    } catch (error) {
      this.note("observed", "", "", null, nameOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  // The capsule.

  async result(outcome: Outcome, reason: string): Promise<Result> {
    let capsule: Json | null = null;
    if (outcome !== "settled") {
      try {
        capsule = await this.capsule(outcome, reason);
      } catch (error) {
        capsule = {
          schema: SCHEMA,
          made_at: this.iso(),
          app: this.app,
          result: { outcome, reason },
          attempts: this.attempts,
          incomplete: nameOf(error),
        };
      }
    }
    if (outcome !== "captured") await this.tell(outcome);
    return { outcome, reason, machine_id: this.machineId || null, state: this.state, image: this.image, capsule };
  }

  private async capsule(outcome: Outcome, reason: string): Promise<Json> {
    let listed: Json | null = null;
    let log: Line[] | null = null;
    if (this.machineId) {
      const own = encodeURIComponent(this.machineId);
      const machine = await this.ask("machine", "GET", this.url(own), this.headers, null, 5);
      if (machine.status === 200 && typeof object(machine.json).state === "string") {
        await this.see(object(machine.json));
      }
      const events = await this.ask("events", "GET", this.url(`${own}/events?limit=50`), this.headers, null, 5);
      for (const event of events.status === 200 ? list(events.json).filter(isObject) : []) {
        this.events.set(String(event.id), event);
      }
      log = await this.lines(own);
    }
    if (this.machineId || this.response) {
      const query = "?include_deleted=true&summary=true";
      const answer = await this.ask("listed", "GET", this.url(query), this.headers, null, 5);
      if (answer.status === 200 && Array.isArray(answer.json)) {
        const own = (row: Json) => this.machineId ? row.id === this.machineId : row.name === this.name;
        const entry = answer.json.filter(isObject).find(own) ?? null;
        listed = { deleted: entry?.state === "destroyed", entry };
      }
    }
    const request = this.request;
    const mask = new Mask(this.known(), [this.token, ...leaves(request?.config.env)]);
    const events = [...this.events.values()].sort((a, b) => Number(a.timestamp) - Number(b.timestamp)).slice(-50);
    // What decides most stands first: log viewers cut long lines.
    return fitted({
      schema: SCHEMA,
      made_at: this.iso(),
      app: this.app,
      result: { outcome, reason },
      response: this.response && {
        status: this.response.status,
        body: mask.value(said(this.response)),
        request_id: this.response.request_id,
        at: this.response.at,
      },
      machine: this.machine && mask.value({ ...this.machine, events: null }),
      machine_at: this.machine && this.machineAt,
      events: this.machineId ? mask.value(events) : null,
      log: log && log.map((line) => ({ ...line, message: mask.text(line.message).slice(0, 1000) })),
      request: request && {
        name: this.name,
        region: request.region ?? null,
        image: String(request.config.image ?? ""),
        config: mask.value(request.config),
        sha256: await sha256(JSON.stringify(request)),
      },
      listed: mask.value(listed),
      image: this.image,
      attempts: this.attempts.slice(-100).map((a) => ({ ...a, error: a.error && mask.text(a.error) })),
    });
  }

  /** The lines of this machine; they come a little later than the events. */
  private async lines(own: string): Promise<Line[] | null> {
    const url = `${this.logs}/api/v1/apps/${encodeURIComponent(this.app)}/logs?instance=${own}`;
    for (const last of [false, true]) {
      const answer = await this.ask("log", "GET", url, this.headers, null, 5);
      const rows = object(answer.json).data;
      if (answer.status !== 200 || !Array.isArray(rows)) return null;
      const found = rows.map((row) => object(row).attributes).filter(isObject).map(line);
      if (found.length || last || this.clock.now() + 5 > this.until) return found.slice(-200);
      await this.clock.sleep(2);
    }
    return null;
  }

  /** What may stand as it is: the names of the things themselves. */
  private known(): unknown[] {
    const machine = this.machine ?? {}, ref = object(machine.image_ref);
    const config = this.request?.config ?? object(machine.config);
    return [
      this.app,
      this.name,
      this.request?.region,
      this.machineId,
      this.marker,
      config.image,
      machine.name,
      machine.instance_id,
      machine.region,
      ref.tag,
      ref.repository,
      ref.digest,
    ];
  }

  // One request.

  private iso(): string {
    return new Date(this.clock.now() * 1000).toISOString();
  }

  private url(rest = ""): string {
    const machines = `${this.api}/v1/apps/${encodeURIComponent(this.app)}/machines`;
    return machines + (rest === "" || rest.startsWith("?") ? rest : `/${rest}`);
  }

  /** One attempt, within its own limit and the deadline; never throws, follows no redirect. */
  private async ask(
    step: string,
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | null,
    limit: number,
  ): Promise<Answer> {
    const answer: Answer = {
      status: null,
      headers: {},
      text: "",
      json: null,
      request_id: null,
      at: this.iso(),
      error: null,
    };
    const left = this.until - this.clock.now();
    if (left <= 0) {
      answer.error = "not asked: the deadline has come";
    } else {
      const signal = AbortSignal.timeout(Math.ceil(Math.min(limit, left) * 1000));
      const sends = body === null ? headers : { ...headers, "Content-Type": "application/json" };
      try {
        const response = await fetch(url, { method, headers: sends, body, signal, redirect: "manual" });
        answer.text = await bodyOf(response);
        answer.headers = Object.fromEntries(response.headers);
        answer.request_id = answer.headers["fly-request-id"] ?? null;
        try {
          answer.json = JSON.parse(answer.text);
        } catch {
          answer.json = null;
        }
        answer.status = response.status;
      } catch (error) {
        answer.error = `${nameOf(error)}: ${error instanceof Error ? error.message : ""}`.slice(0, 200);
      }
    }
    if (answer.status !== null && answer.status >= 400) answer.error = answer.text.slice(0, 300);
    this.note(step, method, url, answer, answer.error);
    return answer;
  }

  private note(step: string, method: string, url: string, answer: Answer | null, error: string | null): void {
    const made = { step, method, url: url.split("?")[0], status: answer?.status ?? null, error };
    const at = answer?.at ?? this.iso(), request_id = answer?.request_id ?? null;
    const last = this.attempts[this.attempts.length - 1];
    if (last && Object.entries(made).every(([name, value]) => last[name as keyof Attempt] === value)) {
      Object.assign(last, { times: last.times + 1, last_at: at, request_id });
    } else {
      this.attempts.push({ ...made, at, request_id, times: 1 });
    }
  }
}

async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "", size = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MAX_BODY) {
      await reader.cancel();
      throw new Error("too long an answer");
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

const SECRETISH = "pass|pwd|secret|token|key|auth|cred|cookie|signature|\\bsig\\b|dsn|session|private|nonce";
const HIDDEN_KEYS = new Set(["env", "raw_value", "headers", "secrets", "values", "metadata"]);
const PLAIN_KEYS = new Set(
  ["id", "instance_id", "version", "digest", "private_ip", "guest_path", "tag", "repository", "volume"],
);
const COLOUR = new RegExp(String.fromCharCode(27) + "\\[[0-9;]*m", "g");
const NAMED = new RegExp(`([\\w.-]*(?:${SECRETISH})[\\w.-]*["']?\\s*(?:=>|[:=])\\s*["']?)([^\\s"',;&]+)`, "gi");
const REST = /((?:authorization|cookie)["']?\s*[:=]\s*|\b(?:bearer|basic|flyv1)\s+)[^\r\n]+/gi;
const WORDS_OF_ABSENCE = new RegExp(
  "^(not|is|are|must|should|required|missing|undefined|null|none|unset|empty|invalid|field|unbound|no|cannot|" +
    "parameter|environment|expected|string|true|false|error|failed|denied|expired|<.*)\\W*$",
  "i",
);
const TOKEN = /[^\s"'`<>(){}[\],;|\\]+/g;
// What the platform itself hands out: digests, volumes, machines, versions.
const IDS = /sha256:[0-9a-f]{64}|\bvol_[a-z0-9]{8,32}\b|\b[0-9a-f]{14}\b|\b01[0-9A-HJKMNP-TV-Z]{24}\b/g;

/** Takes the values out, and leaves the names. The same value gets the same placeholder. */
class Mask {
  private readonly known: string[];
  private readonly secret: string[];
  private readonly numbers = new Map<string, number>();

  constructor(known: unknown[], secret: unknown[]) {
    this.known = known.filter((k): k is string => typeof k === "string" && k.length > 2);
    this.secret = secret.filter((s): s is string => typeof s === "string" && s.length > 5)
      .sort((a, b) => b.length - a.length);
  }

  placeholder(value: unknown): string {
    const text = String(value);
    if (!this.numbers.has(text)) this.numbers.set(text, this.numbers.size + 1);
    return `<secret:value#${this.numbers.get(text)}>`;
  }

  value(value: unknown, key = "", hidden = false): unknown {
    if (isObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => {
          const kept = key === "metadata" && name.startsWith("fly_");
          return [name, this.value(inner, name, (hidden || HIDDEN_KEYS.has(name)) && !kept)];
        }),
      );
    }
    if (Array.isArray(value)) {
      const flag = new RegExp(`^-.*(${SECRETISH})[\\w-]*$`, "i");
      return value.map((item, at) => {
        const before = value[at - 1];
        return this.value(item, key, hidden || (typeof before === "string" && flag.test(before)));
      });
    }
    if (value === null || value === undefined || value === "" || typeof value === "boolean") return value;
    const plain = typeof value === "string" && PLAIN_KEYS.has(key) && /^[A-Za-z0-9:._/-]{1,90}$/.test(value);
    if (plain && !hidden) return value;
    if (hidden || (typeof value === "string" && new RegExp(SECRETISH, "i").test(key))) return this.placeholder(value);
    return typeof value === "string" ? this.text(value) : value;
  }

  text(text: string): string {
    text = text.replace(COLOUR, "");
    for (const secret of this.secret) text = text.replaceAll(secret, this.placeholder(secret));
    text = text.replace(REST, (all, name) => name + this.placeholder(all));
    text = text.replace(NAMED, (all, name, told) => WORDS_OF_ABSENCE.test(told) ? all : name + this.placeholder(told));
    // What is masked by now is kept apart, so that no rule reads a placeholder as a word.
    return text.split(/(<secret:value#\d+>)/).map((part) =>
      part.startsWith("<secret:") ? part : part.replace(TOKEN, (word) => this.word(word))
    ).join("");
  }

  /** Free text is kept word by word: words, small numbers, short codes. Whatever is opaque is masked. */
  private word(word: string): string {
    let bare = word;
    for (const known of this.known) bare = bare.replaceAll(known, "");
    bare = bare.replace(IDS, "");
    const masked = /[^/]@/.test(bare) || /\?.*=/.test(bare) || bare.split(/[^A-Za-z0-9]+/).some(opaque);
    return masked ? this.placeholder(word) : word;
  }
}

function opaque(piece: string): boolean {
  if (/^\d*$/.test(piece)) return piece.length > 13;
  if (!/^[A-Za-z]+$/.test(piece)) return piece.length > 7;
  const humps = (piece.match(/[A-Z]*[a-z]*/g) ?? []).filter((hump) => hump !== "");
  const longest = Math.max(...humps.map((hump) => hump.length));
  return piece.length > 7 && (piece.length < 3 * humps.length || longest > 22);
}

function said(answer: Answer): unknown {
  if (answer.json === null) return answer.text.slice(0, 4000);
  if (!isObject(answer.json)) return answer.json;
  return Object.fromEntries(Object.entries(answer.json).filter(([name]) => name !== "config" && name !== "events"));
}

function leaves(value: unknown): string[] {
  if (isObject(value)) return Object.values(value).flatMap(leaves);
  return typeof value === "string" ? [value] : [];
}

/** Below the limit: the oldest lines go first, then the longest parts. */
function fitted(capsule: Json): Json {
  const size = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  while (size(capsule) > MAX_CAPSULE) {
    if (Array.isArray(capsule.log) && capsule.log.length) {
      capsule.log = capsule.log.slice(Math.floor((capsule.log.length + 1) / 2));
    } else {
      const parts = ["machine", "events", "listed", "response", "request", "attempts"];
      const longest = parts.reduce((a, b) => size(capsule[b]) > size(capsule[a]) ? b : a);
      capsule[longest] = longest === "events" || longest === "attempts" ? [] : null;
    }
    capsule.shortened = true;
  }
  return capsule;
}

function line(attributes: Json): Line {
  const event = object(object(attributes.meta).event);
  const text = (value: unknown) => value === null || value === undefined ? "" : String(value);
  return {
    at: text(attributes.timestamp),
    provider: text(event.provider),
    message: text(attributes.message),
    level: text(attributes.level),
    instance: text(attributes.instance),
    region: text(attributes.region),
  };
}

/** [host, repository, tag or digest] of an image reference. */
function parsed(reference: string): [string, string, string] {
  const [name, digest] = reference.split("@", 2);
  const [first, ...rest] = name.split("/");
  const named = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const host = named ? first : "docker.io";
  const [path, tag] = (named ? rest.join("/") : name).split(":", 2);
  const repository = host === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  return [host, repository, digest || tag || "latest"];
}

function retryAfter(told: string, now: number): number | null {
  if (/^\d+$/.test(told)) return Number(told);
  const at = Date.parse(told);
  return Number.isNaN(at) ? null : Math.max(1, at / 1000 - now);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
