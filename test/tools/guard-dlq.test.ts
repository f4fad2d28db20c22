/** `rollguard dlq --service guard`: what the guard's intake could not use, in the topic it shares with the platform. */
import { Command } from 'commander';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TopologyTestDriver } from '../../testing/topology-test-driver.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCommand } from '../../tools/cli.ts';
import { dlqCommand } from '../../tools/commands/dlq.ts';
import { askGuard, captureHotel, hotel, startGuard } from '../support/guard-driver.ts';

const rooms = 'platform.public.rooms';
const deadLetters = 'inventory.events.dlq';
const newRoomId = '44444444-4444-4444-8444-444444444443';
let driver: TopologyTestDriver;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-guard-dlq-'));
  // As the platform makes it.
  const topics = { [deadLetters]: 3 };
  driver = await startGuard({ topics, options: { deadLetterTopic: deadLetters } });
  await captureHotel(driver);
  driver.pipe(rooms, { key: newRoomId, value: 'no row', partition: 1 });
  driver.kafka.append(deadLetters, { key: null, value: Buffer.from('theirs'), timestampMs: 1 }, 0);
  await driver.advance(10_000);
});

afterEach(async () => {
  await driver.close();
  rmSync(folder, { recursive: true, force: true });
});

async function dlq(...args: string[]) {
  let out = '';
  let err = '';
  const cli: CliContext = {
    version: '0.0.0',
    env: { KAFKA_BROKERS: 'unused:1' },
    clock: driver.clock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const program = new Command('rollguard').addCommand(
    dlqCommand(cli, () => driver.kafka.client('cli')),
  );
  const [verb = '', ...rest] = args;
  const line = ['dlq', verb, '--service', 'guard', ...rest];
  return { exitCode: await runCommand(program, line, cli), out, err };
}

interface Letters {
  readonly topic: string;
  readonly letters: readonly { readonly offset: number; readonly redrivenAt: string | null }[];
}

async function capacity(): Promise<number | undefined> {
  const { tenantId, roomTypeId } = hotel;
  const range = { from: '2026-05-01', to: '2026-05-02' };
  const [night] = await askGuard(driver, { kind: 'availability', tenantId, roomTypeId, ...range });
  return night?.capacity;
}

describe('rollguard dlq --service guard', () => {
  test('lists what the intake could not read, and nothing that others wrote to the topic', async () => {
    const { exitCode, out } = await dlq('list');
    const json = JSON.parse((await dlq('list', '--json')).out) as Letters;

    expect(exitCode).toBe(0);
    expect(out).toMatch(/^0@\d+ {2}platform\.public\.rooms-1@1 {2}deserialize \S+ {2}6 bytes\n/);
    expect(json).toMatchObject({ topic: deadLetters, letters: [{ redrivenAt: null }] });
    expect((await dlq('list', '--json', '--topic', 'platform.public.properties')).out).toContain(
      '"letters":[]',
    );
  });

  test('a dry run puts nothing back; a mended row is put back once, marked, and its room sold', async () => {
    const [letter] = (JSON.parse((await dlq('list', '--json')).out) as Letters).letters;
    const file = path.join(folder, 'mended.json');
    const { tenantId: tenant_id, propertyId: property_id, roomTypeId: room_type_id } = hotel;
    const after = { id: newRoomId, tenant_id, property_id, room_type_id };
    writeFileSync(file, JSON.stringify({ op: 'r', after, source: { snapshot: 'true', lsn: 99 } }));
    const mended = ['--offset', String(letter?.offset), '--value-file', file];
    const dry = await dlq('redrive', ...mended, '--dry-run');
    await driver.advance(10_000);
    const before = await capacity();
    const done = await dlq('redrive', ...mended);
    const again = await dlq('redrive', '--all');
    await driver.advance(10_000);

    expect(dry.out).toContain('1 would be put back');
    expect(before).toBe(2);
    expect(done.out).toContain('1 put back');
    expect(again.out).toBe('0 put back\n');
    expect(await capacity()).toBe(3);
    expect((await dlq('list', '--pending')).out).toBe(`no dead letters in ${deadLetters}\n`);
    expect((await dlq('list')).out).toContain('put back 2026-');
  });

  test('of a service without letters it says how to name another', async () => {
    const { exitCode, err } = await dlq('list', '--service', 'roll');

    expect(exitCode).toBe(1);
    expect(err).toContain('no dead-letter topic roll-service-shadow-dlq; name the service with');
  });
});
