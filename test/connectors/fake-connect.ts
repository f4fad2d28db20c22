/** A Kafka Connect that keeps what it is told: real HTTP on a free port, no Java, no database. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Config = Record<string, string>;

export interface FakeTask {
  state: string;
  trace?: string;
}

export interface FakeConnector {
  config: Config;
  state: string;
  tasks: FakeTask[];
  /** What the tasks run with, which lags behind `config`. */
  taskConfig: Config;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const worker = '127.0.0.1:8083';
const missing: Answer = { status: 404, body: { error_code: 404, message: 'not found' } };

export class FakeConnect {
  readonly connectors = new Map<string, FakeConnector>();
  /** What each connector has read, deleted ones included; Connect tells it only of those that are there. */
  readonly offsets = new Map<string, Readonly<Record<string, unknown>>>();
  /** `METHOD path` of every request that may change something. */
  readonly writes: string[] = [];
  /** What the plugin says about a configuration. */
  problems: { name: string; errors: string[] }[] = [];
  /** The tasks that a configuration is answered with, and that a restart ends in. */
  tasksAfterPut: FakeTask[] = [{ state: 'RUNNING' }];
  /** Tasks that do not end when the connector is stopped. */
  tasksAfterStop: FakeTask[] = [];
  /** Answers given instead of the right ones, first come first. */
  readonly refusals: Answer[] = [];
  /** Reads of a status that still show the old tasks after a configuration was put. */
  readsOfOldTasks = 0;
  /** What becomes of the new tasks after so many reads of their status. */
  fate: { readonly afterReads: number; readonly tasks: FakeTask[] } | undefined;
  requests = 0;
  readonly #server: Server;
  #readsSincePut = 0;
  #url = '';

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FakeConnect> {
    const fake = new FakeConnect();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    const { port } = fake.#server.address() as AddressInfo;
    fake.#url = `http://127.0.0.1:${port}`;
    return fake;
  }

  get url(): string {
    return this.#url;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = text === '' ? {} : (JSON.parse(text) as Config);
    const path = decodeURIComponent((request.url ?? '').split('?')[0]!);
    const method = request.method ?? '';
    this.requests += 1;
    const answer = this.refusals.shift() ?? this.#answer(method, path, body);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
  }

  #answer(method: string, path: string, config: Config): Answer {
    const [, area, name = '', what = ''] = path.split('/');
    if (area === 'connector-plugins' && method === 'PUT') return this.#validate();
    if (method !== 'GET') this.writes.push(`${method} ${path}`);
    if (method === 'PUT' && what === 'config') return this.#put(name, config);
    if (name === '') return this.#collection(method, config);
    const connector = this.connectors.get(name);
    if (connector === undefined) return missing;
    if (method !== 'GET') return this.#change(connector, { name, method, what });
    if (what === 'status') {
      this.#readsSincePut += 1;
      this.#moveOn(name);
    }
    if (what === 'offsets') return this.#offsetsOf(name);
    return what === 'config' ? { status: 200, body: connector.config } : read(connector, what);
  }

  #collection(method: string, config: Config): Answer {
    if (method === 'POST') return this.#createStopped(config);
    return { status: 200, body: [...this.connectors.keys()] };
  }

  #offsetsOf(name: string): Answer {
    const offset = this.offsets.get(name);
    return { status: 200, body: { offsets: offset === undefined ? [] : [{ offset }] } };
  }

  #createStopped(body: object): Answer {
    const { name, config } = body as { name: string; config: Config };
    this.connectors.set(name, { config, state: 'STOPPED', tasks: [], taskConfig: {} });
    return { status: 201, body };
  }

  #change(
    connector: FakeConnector,
    { name, method, what }: { name: string; method: string; what: string },
  ): Answer {
    if (method === 'DELETE' && what === '') this.connectors.delete(name);
    if (method === 'DELETE' && what === 'offsets') this.offsets.delete(name);
    if (what === 'restart') {
      Object.assign(connector, { state: 'RUNNING', tasks: structuredClone(this.tasksAfterPut) });
    }
    if (what === 'stop') {
      Object.assign(connector, { state: 'STOPPED', tasks: structuredClone(this.tasksAfterStop) });
    }
    return { status: 202 };
  }

  #put(name: string, config: Config): Answer {
    const stored = { ...config, name };
    const old = this.connectors.get(name) ?? { tasks: [], taskConfig: {} };
    this.connectors.set(name, { ...old, config: stored, state: 'RUNNING' });
    this.#readsSincePut = 0;
    this.#moveOn(name);
    return { status: 201, body: { name, config } };
  }

  #moveOn(name: string): void {
    const connector = this.connectors.get(name)!;
    const reads = this.#readsSincePut;
    if (reads === this.readsOfOldTasks) {
      connector.tasks = structuredClone(this.tasksAfterPut);
      connector.taskConfig = connector.config;
    }
    if (reads === this.fate?.afterReads) connector.tasks = structuredClone(this.fate.tasks);
  }

  #validate(): Answer {
    const configs = this.problems.map((value) => ({ value }));
    return { status: 200, body: { error_count: configs.length, configs } };
  }
}

function read({ taskConfig, state, tasks }: FakeConnector, what: string): Answer {
  const status = {
    connector: { state, worker_id: worker },
    tasks: tasks.map((task, id) => ({ id, worker_id: worker, ...task })),
  };
  if (what === 'status') return { status: 200, body: status };
  return what === 'tasks'
    ? { status: 200, body: tasks.map(() => ({ config: taskConfig })) }
    : missing;
}
