/**
 * Kafka Connect's REST interface, as much of it as connectors need. Every request has a deadline and a
 * bounded number of attempts: a worker answers 409 while it rebalances, 5xx while it starts, and
 * nothing while it restarts. All requests here may be repeated: each names the state it wants.
 */
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import { maskSecrets, type ConnectConfig, type ConnectorDefinition } from './connector-config.ts';

/** Debezium connects to the database to validate, which may take its time. */
const requestTimeoutMs = 30_000;
const retryPausesMs = [200, 500, 1_000, 2_000, 2_000, 4_000];

const configMap = z.record(z.string(), z.string());
const taskSchema = z.object({
  id: z.number(),
  state: z.string(),
  worker_id: z.string(),
  trace: z.string().optional(),
});
const statusSchema = z.object({
  connector: z.object({
    state: z.string(),
    worker_id: z.string(),
    trace: z.string().optional(),
  }),
  tasks: z.array(taskSchema),
});
const tasksSchema = z.array(z.object({ config: z.record(z.string(), z.string().nullable()) }));
const validationSchema = z.object({
  error_count: z.number(),
  configs: z.array(
    z.object({ value: z.object({ name: z.string(), errors: z.array(z.string()) }) }),
  ),
});

/** A connector or task as Connect reports it. */
export interface ComponentStatus {
  /** RUNNING, FAILED, PAUSED, STOPPED, UNASSIGNED or RESTARTING. */
  readonly state: string;
  readonly worker: string;
  /** The Java stack trace of a FAILED one. */
  readonly trace?: string;
}

export interface TaskStatus extends ComponentStatus {
  readonly id: number;
}

export interface ConnectorStatus {
  readonly connector: ComponentStatus;
  readonly tasks: readonly TaskStatus[];
}

/** How far a connector has read, as Debezium's Postgres connector keeps it. */
export interface ConnectorOffset {
  /** Of the last change that Kafka has; undefined: none yet. */
  readonly lsn: bigint | undefined;
  /** False: the first reading of the tables is not over. */
  readonly isStreaming: boolean;
}

/** What Connect has against one setting. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

const offsetsSchema = z.object({
  offsets: z.array(z.object({ offset: z.record(z.string(), z.unknown()).nullable() })),
});

export interface ConnectClientOptions {
  /** `http://host:port`, the setting KAFKA_CONNECT_URL. */
  readonly url: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

interface ConnectRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** What of the body is a configuration: its secrets are told to nobody. */
  readonly config?: ConnectConfig;
}

export class ConnectClient {
  readonly url: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;

  /** @throws CONFIG_INVALID when the URL is none. */
  constructor(options: ConnectClientOptions) {
    if (!/^https?:\/\//.test(options.url) || !URL.canParse(options.url)) {
      const message = `KAFKA_CONNECT_URL=${options.url}: must be a URL such as http://localhost:8083`;
      throw new RollguardError('CONFIG_INVALID', message);
    }
    this.url = options.url.replace(/\/+$/, '');
    this.#clock = options.clock;
    this.#signal = options.signal;
  }

  /** The stored configuration, secrets still as references; undefined when there is no such connector. */
  async config(name: string): Promise<ConnectConfig | undefined> {
    const answer = await this.#askUnlessMissing(`/connectors/${encodeURIComponent(name)}/config`);
    return answer === undefined ? undefined : this.#understand(configMap, answer);
  }

  /** Undefined when there is no such connector, or not yet. */
  async status(name: string): Promise<ConnectorStatus | undefined> {
    const answer = await this.#askUnlessMissing(`/connectors/${encodeURIComponent(name)}/status`);
    if (answer === undefined) return undefined;
    const { connector, tasks } = this.#understand(statusSchema, answer);
    return {
      connector: component(connector),
      tasks: tasks.map((task) => ({ id: task.id, ...component(task) })),
    };
  }

  /** The configuration that each task was last given; empty before the first. */
  async taskConfigs(name: string): Promise<readonly Readonly<Record<string, string | null>>[]> {
    const answer = await this.#askUnlessMissing(`/connectors/${encodeURIComponent(name)}/tasks`);
    if (answer === undefined) return [];
    return this.#understand(tasksSchema, answer).map((task) => task.config);
  }

  /** Connect's and the plugin's own opinion; empty when both find nothing wrong. */
  async validate(connector: ConnectorDefinition): Promise<readonly FieldProblem[]> {
    const plugin = connector.config['connector.class'] ?? '';
    const answer = await this.#ask({
      method: 'PUT',
      path: `/connector-plugins/${encodeURIComponent(plugin)}/config/validate`,
      body: { ...connector.config, name: connector.name },
      config: connector.config,
    });
    const { configs } = this.#understand(validationSchema, answer);
    return configs.flatMap(({ value }) =>
      value.errors.map((message) => ({ field: value.name, message })),
    );
  }

  /** Creates the connector or replaces its configuration; its tasks are then started anew. */
  async putConfig(connector: ConnectorDefinition): Promise<void> {
    const path = `/connectors/${encodeURIComponent(connector.name)}/config`;
    const { config } = connector;
    await this.#ask({ method: 'PUT', path, body: config, config });
  }

  /** Creates a connector that is not there, without letting it run. */
  async createStopped({ name, config }: ConnectorDefinition): Promise<void> {
    const body = { name, config, initial_state: 'STOPPED' };
    await this.#ask({ method: 'POST', path: '/connectors', body, config });
  }

  /** Starts a connector's FAILED parts again. */
  async restartFailed(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=true`;
    await this.#ask({ method: 'POST', path });
  }

  /** Starts a connector and all its tasks again. */
  async restart(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=false`;
    await this.#ask({ method: 'POST', path });
  }

  /** Ends the tasks, some time after the answer; configuration and offsets stay. */
  async stop(name: string): Promise<void> {
    await this.#ask({ method: 'PUT', path: `/connectors/${encodeURIComponent(name)}/stop` });
  }

  /** Lets a stopped or paused connector go on; its tasks run some time after the answer. */
  async resume(name: string): Promise<void> {
    await this.#ask({ method: 'PUT', path: `/connectors/${encodeURIComponent(name)}/resume` });
  }

  /** Undefined: there is no such connector, or it has read nothing yet. */
  async offset(name: string): Promise<ConnectorOffset | undefined> {
    const path = `/connectors/${encodeURIComponent(name)}/offsets`;
    const answer = await this.#askUnlessMissing(path);
    if (answer === undefined) return undefined;
    const offset = this.#understand(offsetsSchema, answer).offsets[0]?.offset;
    return offset === undefined || offset === null ? undefined : offsetOf(offset);
  }

  /** Forgets how far a stopped connector has read. */
  async deleteOffsets(name: string): Promise<void> {
    const path = `/connectors/${encodeURIComponent(name)}/offsets`;
    await this.#ask({ method: 'DELETE', path });
  }

  /** Takes the connector away; its offsets stay with Connect. */
  async delete(name: string): Promise<void> {
    await this.#ask({ method: 'DELETE', path: `/connectors/${encodeURIComponent(name)}` });
  }

  async #askUnlessMissing(path: string): Promise<unknown> {
    try {
      return await this.#ask({ method: 'GET', path });
    } catch (error) {
      if (isRollguardError(error, 'CONNECT_REFUSED') && error.context['status'] === 404) {
        return undefined;
      }
      throw error;
    }
  }

  async #ask(request: ConnectRequest): Promise<unknown> {
    for (const pauseMs of [...retryPausesMs, undefined]) {
      try {
        return await this.#askOnce(request);
      } catch (error) {
        const isLast = pauseMs === undefined || this.#signal?.aborted === true;
        if (isLast || !isRollguardError(error, 'CONNECT_UNAVAILABLE')) throw error;
        await this.#clock.sleep(pauseMs, this.#signal);
      }
    }
    throw new RollguardError('CONNECT_UNAVAILABLE', this.#silence('no attempt was made'));
  }

  async #askOnce({ method, path, body, config = {} }: ConnectRequest): Promise<unknown> {
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    const signal =
      this.#signal === undefined ? deadline : AbortSignal.any([deadline, this.#signal]);
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        signal,
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new RollguardError('CONNECT_UNAVAILABLE', this.#silence(reasonOf(error)), {
        cause: error,
      });
    }
    if (status >= 200 && status < 300) return parseJson(text);
    const reason = withoutSecrets(refusalOf(text), config);
    if (status === 409 || status >= 500) {
      throw new RollguardError('CONNECT_UNAVAILABLE', this.#silence(`${status} ${reason}`));
    }
    const message = `Kafka Connect (KAFKA_CONNECT_URL=${this.url}) refused ${method} ${path}: ${status} ${reason}`;
    throw new RollguardError('CONNECT_REFUSED', message, { context: { status } });
  }

  #understand<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    const message = `KAFKA_CONNECT_URL=${this.url} answers, but not as Kafka Connect does; is it the REST port of a Connect worker?`;
    throw new RollguardError('CONNECT_REFUSED', message, { cause: result.error });
  }

  #silence(reason: string): string {
    return `Kafka Connect (KAFKA_CONNECT_URL=${this.url}) does not answer: ${reason}; is a worker running there?`;
  }
}

function offsetOf(offset: Readonly<Record<string, unknown>>): ConnectorOffset {
  const { lsn, snapshot_completed: completed } = offset;
  return {
    lsn: typeof lsn === 'number' || typeof lsn === 'string' ? BigInt(lsn) : undefined,
    // While it reads the tables it says how; afterwards it says nothing of it, or that it is over.
    isStreaming: offset['snapshot'] === undefined || completed === true,
  };
}

function component(status: z.output<typeof statusSchema>['connector']): ComponentStatus {
  const { state, worker_id: worker, trace } = status;
  return { state, worker, ...(trace === undefined ? {} : { trace }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Connect puts its reason into `message`; anything else is quoted from its beginning. */
function refusalOf(text: string): string {
  const answer = z.object({ message: z.string() }).safeParse(parseJson(text));
  return answer.success ? answer.data.message : text.slice(0, 300);
}

/** A refusal may quote the configuration that was sent. */
function withoutSecrets(reason: string, config: ConnectConfig): string {
  const masked = maskSecrets(config);
  return Object.entries(config)
    .filter(([key, value]) => masked[key] !== value)
    .reduce((text, [, value]) => text.replaceAll(value, '********'), reason);
}

/** `fetch` only says "fetch failed"; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } }).cause;
  return typeof cause?.code === 'string' ? cause.code : messageOf(error);
}
