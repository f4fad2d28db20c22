/** Counts by key: in tumbling windows, in sessions, and since the key was last quiet for a while. */
import { stringSerde } from '../../stores/serde.ts';
import {
  TopologyBuilder,
  jsonSerde,
  keyValueStore,
  sessionStore,
  windowStore,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type SessionStore,
  type StreamRecord,
  type Topology,
  type WindowStore,
} from '../../streams/index.ts';

export const windowSizeMs = 60_000;
export const retentionMs = 3 * windowSizeMs;
export const sessionGapMs = 30_000;
const openSessionsMax = 100;

class CountInWindows implements Processor<string, string> {
  #context!: ProcessorContext;
  #windows!: WindowStore<string, number>;
  #sessions!: SessionStore<string, number>;
  #recent!: KeyValueStore<string, number>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#windows = context.store('windows');
    this.#sessions = context.store('sessions');
    this.#recent = context.store('recent');
  }

  async process(record: StreamRecord<string, string>): Promise<void> {
    const { key, timestampMs } = record;
    const recent = ((await this.#recent.get(key)) ?? 0) + 1;
    this.#recent.put(key, recent);
    const window = await this.#countInWindow(key, timestampMs);
    const session = await this.#countInSession(key, timestampMs);
    const value = `window ${window}, session ${session}, recent ${recent}`;
    await this.#context.forward({ ...record, value });
  }

  async #countInWindow(key: string, timestampMs: number): Promise<string> {
    const startMs = timestampMs - (timestampMs % windowSizeMs);
    const count = ((await this.#windows.get(key, startMs)) ?? 0) + 1;
    return this.#windows.put(key, count, startMs) ? String(count) : 'late';
  }

  async #countInSession(key: string, timestampMs: number): Promise<string> {
    const [fromMs, toMs] = [timestampMs - sessionGapMs, timestampMs + sessionGapMs];
    const limit = openSessionsMax;
    const joined = await this.#sessions.findSessions(key, fromMs, toMs, { limit });
    const count = joined.reduce((sum, [, each]) => sum + each, 1);
    const session = {
      key,
      startMs: Math.min(timestampMs, ...joined.map(([{ startMs }]) => startMs)),
      endMs: Math.max(timestampMs, ...joined.map(([{ endMs }]) => endMs)),
    };
    for (const [each] of joined) this.#sessions.remove(each);
    return this.#sessions.put(session, count) ? String(count) : 'late';
  }
}

export function windowedCounts(): Topology {
  const builder = new TopologyBuilder();
  const format = { key: stringSerde, value: jsonSerde<number>() };
  builder
    .subTopology('count')
    .source<string, string>('lines', {
      topics: ['lines'],
      deserialize: ({ key, value, timestampMs }) => {
        if (key === null || value === null) return undefined;
        return { key: key.toString(), value: value.toString(), timestampMs };
      },
    })
    .store(windowStore({ name: 'windows', ...format, windowSizeMs, retentionMs }))
    .store(sessionStore({ name: 'sessions', ...format, retentionMs }))
    .store(keyValueStore({ name: 'recent', ...format, ttlMs: retentionMs }))
    .processor('counter', {
      parents: ['lines'],
      supplier: () => new CountInWindows(),
      stores: ['windows', 'sessions', 'recent'],
    })
    .sink<string, string>('counts', {
      parents: ['counter'],
      topic: 'counts',
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }),
    });
  return builder.build();
}
