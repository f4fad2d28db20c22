/** `rollguard ledger …` as a shell sees it, against the Roll Service's HTTP front and topology in this process. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { startHttpServer, type HttpServer } from '../../api/http-server.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { RollQueries } from '../../topology/roll/roll-queries.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCommand } from '../../tools/cli.ts';
import { ledgerCommand } from '../../tools/commands/ledger.ts';
import { RollingHotel } from '../support/rolling-hotel.ts';
import {
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from '../topology/roll/roll-fixtures.ts';

let hotel: RollingHotel;
let server: HttpServer;

beforeEach(async () => {
  hotel = new RollingHotel({ startsAt: '2026-05-12T09:00:00Z' });
  await hotel.start();
  hotel.captureProperty('Europe/Helsinki');
  const actual_check_in = micros('2026-05-10T12:00:00Z');
  hotel.capture('reservations', reservationColumns({ status: 'CHECKED_IN', actual_check_in }));
  hotel.captureClosed('2026-05-09');
  await hotel.settle();
  const queries: RollQueries = {
    ledger: () => hotel.ledger(),
    property: (query) => hotel.property(query),
  };
  const front = { host: '127.0.0.1', port: 0, clock: systemClock, logger: silentLogger };
  server = await startHttpServer({ ...front, routes: [ledgerRoutes(queries)] });
});

afterEach(async () => {
  await server.close();
  await hotel.close();
});

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function ledger(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: {
      ...{ ROLLGUARD_URL: `http://127.0.0.1:${server.port}`, ROLLGUARD_TENANT_ID: tenantId },
      ...{ KAFKA_BROKERS: 'here:1', SCHEMA_REGISTRY_URL: 'http://here', ...env },
    },
    clock: hotel.clock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const openPort = () => hotel.kafka.client('command');
  const program = new Command('rollguard').addCommand(ledgerCommand(context, openPort));
  const over = new AbortController();
  const ended = runCommand(program, ['ledger', ...args], context).finally(() => over.abort());
  while (!over.signal.aborted) await hotel.settle(200);
  return { exitCode: await ended, out, err };
}

const roll = (date: string, ...more: readonly string[]): Promise<Ended> =>
  ledger(['roll', '--property', propertyId, '--date', date, '--application', 'test', ...more]);

describe('rollguard ledger roll', () => {
  test('closes a date, and every one before it that is open, and says so once it has', async () => {
    const { exitCode, out, err } = await roll('2026-05-11');

    expect([exitCode, out, err]).toEqual([0, '2026-05-10 to 2026-05-11 closed\n', '']);
    expect(await hotel.said()).toEqual(['EOD 2026-05-10', 'EOD 2026-05-11']);
    expect(hotel.closings()).toEqual(['2026-05-09', '2026-05-10', '2026-05-11']);
  });

  test('says that a date had closed before, and writes nothing', async () => {
    const { exitCode, out } = await roll('2026-05-09', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: 'had-closed-before', closes: null });
    expect(hotel.read('test-closed-dates')).toEqual([]);
  });

  test('only says what would close with --dry-run', async () => {
    const { exitCode, out } = await roll('2026-05-10', '--dry-run');

    expect([exitCode, out]).toEqual([0, '2026-05-10 would close\n']);
    expect(hotel.read('test-closed-dates')).toEqual([]);
  });

  test.each([
    ['2026-05-13', 'it is 2026-05-12 at the property (Europe/Helsinki)', 1],
    ['2016-13-01', 'It must be a date', 2],
  ])('refuses %s', async (date, says, code) => {
    const { exitCode, err } = await roll(date);

    expect(exitCode).toBe(code);
    expect(err).toContain(says);
    expect(hotel.read('test-closed-dates')).toEqual([]);
  });

  test('refuses a date too far from the last closed one: a mistyped year would be for ever', async () => {
    hotel.clock.leapTo('2046-05-12T09:00:00Z');
    await hotel.settle();
    const { exitCode, err } = await roll('2046-05-11');

    expect(exitCode).toBe(1);
    expect(err).toContain('more than 3660 days after 2026-05-09; check the year');
  });

  test('refuses a property that nobody knows, and a topic that is not there', async () => {
    const other = ['--property', tenantId, '--application', 'test'];
    const unknown = await ledger(['roll', '--date', '2026-05-10', ...other]);
    const elsewhere = await roll('2026-05-10', '--application', 'other');

    expect(unknown).toMatchObject({ exitCode: 1 });
    expect(unknown.err).toContain(`no property ${tenantId} is known for this tenant`);
    expect(elsewhere.err).toContain('other-closed-dates does not exist');
  });

  test('says where to look when the service does not read it in time', async () => {
    const [streams] = hotel.instances;
    const asked = hotel.property.bind(hotel);
    hotel.property = (query) => asked(query).catch(() => answer);
    const answer = await asked();
    await hotel.stop(streams!);
    const { exitCode, out, err } = await roll('2026-05-10', '--wait', '2');
    await hotel.start('two');

    expect([exitCode, out]).toEqual([0, '2026-05-10 will close: it is written down\n']);
    expect(err).toContain(`rollguard ledger days --property ${propertyId} --from 2026-05-10`);
    expect(await hotel.said()).toEqual(['EOD 2026-05-10']);
  });
});

describe('rollguard ledger', () => {
  test('get prints the entries of a reservation, days the dates of a property', async () => {
    await roll('2026-05-11');
    await hotel.settle();
    const got = await ledger(['get', reservationId]);
    const range = ['--from', '2026-05-01', '--to', '2026-05-31'];
    const days = await ledger(['days', '--property', propertyId, ...range]);
    const json = await ledger(['days', '--property', propertyId, ...range, '--json']);

    expect(got.out).toMatch(/\nEOD {7}2026-05-10 {8}7550 {2}EUR {2}2026-05-11T00:00:00.000Z\n/);
    expect(days.out).toContain('Europe/Helsinki, closed to 2026-05-11\n');
    expect(days.out).toMatch(/\ntotal .* 15100 EUR\n$/);
    expect(JSON.parse(json.out)).toMatchObject({ lastClosedDate: '2026-05-11' });
  });

  test('names the service that does not run there, and a tenant that is missing', async () => {
    const nobody = await ledger(['get', reservationId], { ROLLGUARD_TENANT_ID: '' });

    expect(nobody).toMatchObject({ exitCode: 1 });
    expect(nobody.err).toContain('give --tenant, or set ROLLGUARD_TENANT_ID');
  });
});
