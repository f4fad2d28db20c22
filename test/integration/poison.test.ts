import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../kernel/clock.ts';
import { avroReader, avroWriter, type AvroSchema } from '../../schemas/avro-codec.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { unframe } from '../../schemas/wire-format.ts';
import { readDeadLetters, type DeadLetter } from '../../streams/dead-letter-reader.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const waitMs = 60_000;
const topic = 'platform.public.reservations';
const deadLetterTopic = 'roll-service-shadow-dlq';
const key = Buffer.from('poison');
const { signal } = systemOptions;

type Row = Record<string, unknown>;

describe('poison on a captured topic', () => {
  let system: System;
  let port: KafkaPort;
  let folder: string;
  let good: Buffer;
  let envelope: { after: Row };
  let write: (value: unknown) => Buffer;
  let before: number;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'rollguard-poison-'));
    system = await startSystem(systemOptions);
    port = portOn(system.stack, 'poison-test');
    const { platformAdminDatabaseUrl: databaseUrl, schemaRegistryUrl: url } =
      system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(Date.now() / 1_000), days: 2 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    await system.application.ready(signal);
    good = await someRecord();
    const { schemaId, payload } = unframe(good);
    const registry = createRegistryClient({ url, clock: systemClock });
    const schema = JSON.parse(await registry.schemaById(schemaId)) as AvroSchema;
    envelope = avroReader(schema)(payload) as { after: Row };
    write = avroWriter(schema, schemaId);
    before = (await letters()).length;
    await takeLargeRecords();
  }, timeoutMs);

  afterAll(async () => {
    await port.close();
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, timeoutMs);

  test(
    'F26 F28 F30: ten kinds end in the dead letters byte for byte, a tombstone is passed over, the next good record is processed',
    async () => {
      const kinds: readonly (readonly [string, Buffer])[] = [
        ['WIRE_FORMAT', Buffer.from('{"not":"Avro"}')],
        ['WIRE_FORMAT', Buffer.alloc(0)],
        ['WIRE_FORMAT', Buffer.concat([Buffer.from([1]), good.subarray(1)])],
        ['SCHEMA_UNKNOWN_ID', withId(good, 999_999)],
        ['DECODE_FAILED', good.subarray(0, 5)],
        ['DECODE_FAILED', good.subarray(0, Math.floor(good.length / 2))],
        ['DECODE_FAILED', withId(good, await idOf('roll.events.shadow-value'))],
        ['DECODE_FAILED', row({ id: 'no uuid' })],
        ['DECODE_FAILED', row({ room_rate: 'a lot' })],
        ['DECODE_FAILED', Buffer.concat([good.subarray(0, 5), Buffer.alloc(2_000_000, 0xff)])],
      ];
      for (const [, value] of kinds) await append(value);
      await append(null);
      const reservation = randomUUID();
      await append(row(cancelled(reservation)));

      expect(await ledgerOf(reservation)).toEqual(['CANCEL']);
      const found = (await letters()).slice(before);
      expect(found.map(({ code }) => code)).toEqual(kinds.map(([code]) => code));
      expect(
        found.map(({ value }) => kinds.findIndex(([, bytes]) => bytes.equals(value!))),
      ).toEqual(kinds.map((_, index) => index));
      expect(found.every((letter) => letter.key?.equals(key) && letter.from.topic === topic)).toBe(
        true,
      );
      expect(found.every(({ headers }) => headers[0]?.key === 'trace')).toBe(true);
    },
    timeoutMs,
  );

  test('a null key cannot come: the topic is compacted, and the broker refuses it', async () => {
    expect(await errorCodeOf(append(good, null))).toBe('KAFKA_FATAL');
  });

  test(
    'a dead letter that was mended is put back by `dlq redrive` and processed',
    async () => {
      const reservation = randomUUID();
      const mended = row(cancelled(reservation));
      await append(mended.subarray(0, mended.length - 20));
      const letter = await until(async () =>
        (await letters()).find(({ value }) =>
          value?.equals(mended.subarray(0, mended.length - 20)),
        ),
      );
      const file = path.join(folder, 'mended.bin');
      writeFileSync(file, mended);
      const [exitCode, out] = await cli(
        'dlq',
        'redrive',
        '--offset',
        String(letter.offset),
        '--value-file',
        file,
      );

      expect(out).toContain('1 put back');
      expect(exitCode).toBe(0);
      expect(await ledgerOf(reservation)).toEqual(['CANCEL']);
      expect(
        (await letters()).find(({ offset }) => offset === letter.offset)?.redrivenAtMs,
      ).toBeDefined();
    },
    timeoutMs,
  );

  function row(changes: Row): Buffer {
    return write({ ...envelope, after: { ...envelope.after, ...changes } });
  }

  /** Nobody came, whatever the record was that it is made of. */
  function cancelled(id: string): Row {
    const stay = { actual_check_in: null, actual_check_out: null };
    return { id, status: 'CANCELLED', cancellation_date: Date.now() * 1_000, ...stay };
  }

  async function append(value: Buffer | null, recordKey: Buffer | null = key): Promise<void> {
    const producer = await port.openProducer({
      transactionalId: 'poison-test',
      transactionTimeoutMs: 30_000,
    });
    const headers = [{ key: 'trace', value: Buffer.from([0, 255]) }];
    const record = { key: recordKey, value, timestampMs: Date.now(), headers };
    await producer.produce([{ topic, partition: 0, records: [record] }]);
    await producer.commit();
    await producer.close();
  }

  async function someRecord(): Promise<Buffer> {
    return until(async () => {
      let found: Buffer | undefined;
      await readRanges(port, await wholeTopics(port, [topic]), ({ value }) => {
        found = value ?? undefined;
        return found === undefined;
      });
      return found;
    });
  }

  async function letters(): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    await readDeadLetters(port, deadLetterTopic, (letter) => found.push(letter) > 0);
    return found;
  }

  async function ledgerOf(reservation: string): Promise<string[]> {
    const url = `${system.application.url}/v1/ledgers/${reservation}`;
    const headers = { 'x-tenant-id': String(envelope.after['tenant_id']) };
    return until(async () => {
      const response = await fetch(url, { headers });
      if (!response.ok) return undefined;
      const { entries } = (await response.json()) as { entries: { rollType: string }[] };
      return entries.length === 0 ? undefined : entries.map(({ rollType }) => rollType);
    });
  }

  async function idOf(subject: string): Promise<number> {
    const url = `${system.stack.endpoints.schemaRegistryUrl}/subjects/${subject}/versions/latest`;
    return ((await (await fetch(url)).json()) as { id: number }).id;
  }

  async function takeLargeRecords(): Promise<void> {
    const brokers = system.stack.endpoints.kafkaBrokers.split(',');
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    // This request sets all that is not a default: what the topic was made with has to be in it.
    const configEntries = [
      { name: 'max.message.bytes', value: '4000000' },
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'min.compaction.lag.ms', value: '604800000' },
    ];
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    });
    await admin.disconnect();
  }

  async function cli(...args: string[]): Promise<[number, string]> {
    let out = '';
    const write = (text: string): void => void (out += text);
    const context: CliContext = {
      ...{ version: '0', clock: systemClock, exitCode: 0 },
      env: { KAFKA_BROKERS: system.stack.endpoints.kafkaBrokers },
      ...{ out: write, err: write, progress: write },
    };
    return [await runCli(args, context), out];
  }
});

function withId(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(id, 1);
  return copy;
}

async function until<Value>(read: () => Promise<Value | undefined>): Promise<Value> {
  const deadlineMs = systemClock.monotonicMs() + waitMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error('it did not come to that');
    await systemClock.sleep(200);
  }
}
