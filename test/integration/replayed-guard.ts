/**
 * A guard on the real stack that has decided what callers, commands, the platform and the time asked of it,
 * with topics, tables and an application id of its own, and what a replay must leave as it was.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { hashOfRecords } from './hash-of-records.ts';
import { runCli } from '../../tools/cli.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { createRooms, type SampleType } from '../../tools/load/sample-rooms.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { until } from './projected.ts';
import { portOn, root, systemOptions } from './test-system.ts';
import { testSchema } from './test-schema.ts';

const { signal } = systemOptions;
const nights = 20;
const roomCount = 4;

/** As `rollguard replay offsets --json` prints it. */
export interface PrintedReport {
  readonly outcome: string;
  readonly plan: { readonly isFull: boolean; readonly again: number };
  readonly emitted: number;
  readonly notes: readonly string[];
  readonly before: readonly { readonly task: string; readonly entries: number }[];
  readonly after: PrintedReport['before'];
}

export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export class ReplayedGuard {
  readonly system: System;
  readonly port: KafkaPort;
  readonly tables: Database;
  readonly applicationId: string;
  /** Of the application, and of the command. */
  readonly settings: Readonly<Record<string, string>>;
  readonly #type: SampleType;
  /** When half of it was done. */
  middleMs = 0;

  private constructor(
    system: System,
    parts: Pick<ReplayedGuard, 'port' | 'tables' | 'applicationId' | 'settings'>,
    type: SampleType,
  ) {
    this.system = system;
    this.port = parts.port;
    this.tables = parts.tables;
    this.applicationId = parts.applicationId;
    this.settings = parts.settings;
    this.#type = type;
  }

  /** One that runs and has captured its rooms. */
  static async start(name: string): Promise<ReplayedGuard> {
    const suffix = `-${name}-${systemClock.nowMs()}`;
    const url = await testSchema(name);
    const tables = await openDatabase({ url, setting: 'X_URL', applicationName: 'test' });
    const system = await startSystem({ ...systemOptions, isBare: true });
    const port = portOn(system.stack, name);
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs() / 1_000), days: 2 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    const type = await createRooms(databaseUrl, roomCount);
    const settings = {
      ...{ ROLLGUARD_SERVICES: 'guard', KAFKA_CONSUMER_GROUP_SUFFIX: suffix },
      // Beside the other guards of the stack: their commands, letters, messages and events are theirs.
      ...{ SHADOW_MODE: 'false', GUARD_UNKNOWN_CAPACITY: 'allow' },
      COMMAND_CENTER_TOPIC: `commands${suffix}`,
      INVENTORY_EVENTS_DLQ_TOPIC: `letters${suffix}`,
      AVAILABILITY_GUARD_NOTIFICATION_TOPIC: `notes${suffix}`,
      ROLLGUARD_DATABASE_URL: url,
      // The chain's stays are over; the guard is to remember them.
      LOCK_IDEMPOTENCY_RETENTION_DAYS: '36500',
    };
    await port.admin.createTopics([
      { name: settings.COMMAND_CENTER_TOPIC, partitionCount: 2, configs: {} },
    ]);
    system.startApplication(settings);
    await system.application.ready(signal);
    const applicationId = `availability-guard${suffix}`;
    const guard = new ReplayedGuard(system, { port, tables, applicationId, settings }, type);
    await until(async () => (await guard.lock('first', 0, { ttlSeconds: 1 })) === 200);
    return guard;
  }

  async stop(): Promise<void> {
    await this.port.close();
    await this.tables.close();
    await this.system.stop();
  }

  /** Holds by callers and by commands; some released, some expired, some refused; the platform's own beside. */
  async live(): Promise<void> {
    for (let night = 0; night < nights; night += 1) {
      if (night === nights / 2) {
        await systemClock.sleep(50);
        this.middleMs = systemClock.nowMs();
      }
      await this.lock(`kept-${night}`, night);
      await this.lock(`kept-${night}`, night, { metadata: { again: 'yes' } });
      await this.lock(`brief-${night}`, night, { ttlSeconds: 1 });
      await this.lock(`gone-${night}`, night);
      if (night % 2 === 0) await this.#release(`gone-${night}`);
      await this.lock(`more-${night}`, night);
      await this.lock(`refused-${night}`, night);
    }
    const commands = Array.from({ length: nights }, (_, night) => this.#command(night));
    // Some come twice, one has no name and is refused.
    await this.#send([
      ...commands,
      ...commands.slice(0, 5),
      this.#command(3, { idempotencyKey: '' }),
    ]);
    await until(async () => (await this.#audited(`command-${nights - 1}`)) > 0);
    await systemClock.sleep(1_500);
    // Sold out for one night.
    for (let room = 0; room < roomCount; room += 1) await this.lock(`full-${room}`, 3);
    await this.settled();
  }

  /** The status of the answer. */
  async lock(key: string, night: number, more: object = {}): Promise<number> {
    const { status } = await this.#ask('POST', '/v1/locks', { ...this.#wish(key, night), ...more });
    return status;
  }

  /** Waits until the tables show all that was decided. */
  async settled(): Promise<void> {
    let last = '';
    await until(async () => {
      await systemClock.sleep(500);
      const now = JSON.stringify([await this.tableHashes(), await this.topicHashes()]);
      const isSame = now === last;
      last = now;
      return isSame;
    });
  }

  /** Of each table that the guard's projector writes: its rows. */
  async tableHashes(): Promise<Readonly<Record<string, string>>> {
    const hashes: Record<string, string> = {};
    for (const table of ['inventory_locks_shadow', 'inventory_lock_audits', 'room_state_shadow']) {
      const { rows } = await this.tables.query(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(line, E'\\n' ORDER BY line)), '') AS hash
         FROM (SELECT t::text AS line FROM ${table} t) AS lines`,
      );
      hashes[table] = String(rows[0]?.['hash']);
    }
    return hashes;
  }

  /** Of everything that goes out, and of the decisions: this guard's own topics whole, of events its tenant's. */
  async topicHashes(): Promise<Readonly<Record<string, string>>> {
    const own = [
      `${this.applicationId}-decisions`,
      this.settings['INVENTORY_EVENTS_DLQ_TOPIC'] ?? '',
      this.settings['AVAILABILITY_GUARD_NOTIFICATION_TOPIC'] ?? '',
      'inventory.events',
    ];
    const hashes: Record<string, string> = {};
    for (const topic of own) {
      hashes[topic] = await hashOfRecords(this.port, topic);
    }
    return hashes;
  }

  /** The same, counted. */
  async decisions(): Promise<number> {
    let count = 0;
    const ranges = await wholeTopics(this.port, [`${this.applicationId}-decisions`]);
    await readRanges(this.port, ranges, () => {
      count += 1;
      return true;
    });
    return count;
  }

  get environment(): Readonly<Record<string, string>> {
    const { endpoints } = this.system.stack;
    return {
      ...this.settings,
      KAFKA_BROKERS: endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
      ROLLGUARD_STATE_DIR: this.system.stateFolder,
    };
  }

  /** The same command as a process, to be killed. */
  spawn(...flags: readonly string[]): ChildProcess {
    return spawn(process.execPath, ['tools/rollguard.mjs', ...replayArguments, ...flags], {
      cwd: root,
      env: { ...process.env, ...this.environment },
      stdio: 'ignore',
    });
  }

  async replay(...flags: readonly string[]): Promise<Ended & { readonly report: PrintedReport }> {
    let out = '';
    let err = '';
    const cli: CliContext = {
      ...{ version: '0.0.0', env: this.environment, clock: systemClock, exitCode: 0 },
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      progress: (line) => void (err += `${line}\n`),
    };
    const exitCode = await runCli([...replayArguments, ...flags], cli);
    const report = (out === '' ? undefined : JSON.parse(out)) as PrintedReport;
    return { exitCode, out, err, report };
  }

  #wish(key: string, night: number) {
    const { roomTypeId } = this.#type;
    const [stayStart, stayEnd] = [dateOf(night), dateOf(night + 1)];
    return { roomTypeId, idempotencyKey: key, reason: 'HOLD', stayStart, stayEnd };
  }

  async #release(key: string): Promise<void> {
    const id = await this.#lockIdOf(key);
    await this.#ask('DELETE', `/v1/locks/${id}`, { reason: 'not wanted' });
  }

  async #lockIdOf(key: string): Promise<string> {
    const night = Number(key.split('-').at(-1));
    const { body } = await this.#ask('POST', '/v1/locks', this.#wish(key, night));
    return (body as { readonly lock: { readonly lockId: string } }).lock.lockId;
  }

  #command(night: number, more: object = {}): string {
    const { roomTypeId, tenantId } = this.#type;
    const metadata = {
      ...{ commandId: randomUUID(), commandName: 'inventory.lock.room', tenantId },
      targetService: 'availability-guard-service',
      ...{ correlationId: 'replay', issuedAt: new Date(systemClock.nowMs()).toISOString() },
    };
    const payload = {
      ...{ roomTypeId, idempotencyKey: `command-${night}`, reason: 'RESERVATION_CREATE' },
      ...{ stayStart: dateOf(night + 100), stayEnd: dateOf(night + 101), ...more },
    };
    return JSON.stringify({ metadata, payload });
  }

  async #send(texts: readonly string[]): Promise<void> {
    const topic = this.settings['COMMAND_CENTER_TOPIC'] ?? '';
    const producer = await this.port.openPlainProducer();
    const records = texts.map((text, at) => ({
      ...{ key: Buffer.from(`request ${at}`), value: Buffer.from(text) },
      timestampMs: systemClock.nowMs(),
    }));
    await producer.produce([{ topic, partition: 1, records }]);
    await producer.close();
  }

  /** How many audit rows the hold of a key has in the tables. */
  async #audited(key: string): Promise<number> {
    const { rows } = await this.tables.query(
      `SELECT count(*)::int AS count FROM inventory_locks_shadow WHERE slot = $1`,
      [`key:${key}`],
    );
    return Number(rows[0]?.['count']);
  }

  async #ask(method: string, route: string, body?: object) {
    const response = await fetch(`${this.system.application.url}${route}`, {
      method,
      headers: {
        ...{ 'x-tenant-id': this.#type.tenantId },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }
}

export const replayArguments = [
  ...['replay', 'offsets', '--application', 'availability-guard', '--json'],
] as const;

function dateOf(night: number): string {
  return new Date(Date.parse('2031-05-01') + night * 86_400_000).toISOString().slice(0, 10);
}
