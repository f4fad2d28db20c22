/** `rollguard schemas …` as a shell sees it: output, exit code, what the registry was asked. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import type { AvroSchemaObject } from '../../schemas/avro-codec.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { renderContractTypes, renderTypes } from '../../tools/generate/avro-types.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const committed = fileURLToPath(new URL('../../schemas/roll', import.meta.url));
let folder: string;
let contract: string;
let history: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-schemas-'));
  cpSync(committed, path.join(folder, 'roll'), { recursive: true });
  contract = path.join(folder, 'roll', 'roll-event.avsc');
  history = path.join(folder, 'roll', 'history', 'roll-event');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env,
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['schemas', ...args], context);
  return { exitCode, out, err };
}

const check = (...args: string[]): Promise<Ended> => run(['check', '--dir', folder, ...args]);

type Fields = Record<string, unknown>[];

/** Rewrites the contract; as the next version too when `asVersion` is given. */
function edit(change: (fields: Fields) => Fields, asVersion?: number): void {
  const schema = JSON.parse(readFileSync(contract, 'utf8')) as AvroSchemaObject;
  const fields = change(schema.fields as unknown as Fields);
  const text = JSON.stringify({ ...schema, fields }, undefined, 2);
  writeFileSync(contract, text);
  if (asVersion !== undefined) writeFileSync(path.join(history, `v${asVersion}.avsc`), text);
}

const replaceField =
  (name: string, change: object) =>
  (fields: Fields): Fields =>
    fields.map((field) => (field['name'] === name ? { ...field, ...change } : field));
const addField =
  (field: Record<string, unknown>) =>
  (fields: Fields): Fields => [...fields, field];

describe('schemas check', () => {
  test('the committed contracts are recorded and compatible', async () => {
    const ended = await run(['check']);

    expect(ended).toMatchObject({ exitCode: 0, err: '' });
    expect(ended.out).toMatch(
      /^ok {3}\S*inventory-event\.avsc reads.*\nok {3}\S*roll-event\.avsc reads.*\n$/,
    );
  });

  test('a changed type ends with 3, and with file, version, path and reason', async () => {
    edit(replaceField('revision', { type: 'int' }), 2);
    const ended = await check();

    expect(ended.exitCode).toBe(3);
    expect(ended.out).toBe(
      `FAIL ${contract} cannot read v1: RollEvent.revision: written as string, read as int\n`,
    );
  });

  test('a new field that lost its default breaks the versions before it', async () => {
    edit(addField({ name: 'channel', type: 'string', default: '' }), 2);
    expect(await check()).toMatchObject({ exitCode: 0 });

    edit(replaceField('channel', { default: undefined }), 3);
    const ended = await check();
    expect(ended.exitCode).toBe(3);
    expect(ended.out).toBe(
      `FAIL ${contract} cannot read v1: RollEvent.channel: the writer does not write this field and it has no default\n`,
    );
  });

  test('versions are held against in the order of their numbers, all of them', async () => {
    for (let version = 2; version <= 10; version += 1) {
      edit(addField({ name: `f${version}`, type: 'int', default: 0 }), version);
    }
    edit(replaceField('f10', { type: 'string', default: '' }), 11);
    const ended = await check('--json');

    const { isOk, contracts } = JSON.parse(ended.out) as { isOk: boolean; contracts: object[] };
    expect(isOk).toBe(false);
    expect(contracts).toEqual([
      {
        ...{ file: contract, versions: 11 },
        problems: [
          {
            kind: 'incompatible',
            message: expect.stringContaining('v10'),
            ...{ version: 10, path: 'RollEvent.f10', reason: 'written as int, read as string' },
          },
        ],
      },
    ]);
  });

  test('a compatible change that is in no version has to be recorded as the next', async () => {
    edit(addField({ name: 'channel', type: 'string', default: '' }));
    const ended = await check();

    expect(ended.exitCode).toBe(3);
    expect(ended.out).toContain('no version up to v1 equals it');
    expect(ended.out).toContain(`cp ${contract} ${path.join(history, 'v2.avsc')}`);
  });

  test('how a file is laid out is no change', async () => {
    writeFileSync(contract, JSON.stringify(JSON.parse(readFileSync(contract, 'utf8'))));

    expect(await check()).toMatchObject({ exitCode: 0 });
  });

  test('a contract without a history says how to add it', async () => {
    rmSync(history, { recursive: true });
    const ended = await check();

    expect(ended.exitCode).toBe(3);
    expect(ended.out).toContain('it has no history');
    expect(ended.out).toContain(`mkdir -p ${history} && cp ${contract}`);
  });

  test('a history whose contract is gone is told', async () => {
    rmSync(contract);
    const ended = await check();

    expect(ended.exitCode).toBe(3);
    expect(ended.out).toContain(`the contract of ${history} is gone`);
  });

  test('a version that would not be looked at is told', async () => {
    writeFileSync(path.join(history, 'V2.avsc'), '"string"');
    const ended = await check();

    expect(ended.exitCode).toBe(3);
    expect(ended.out).toContain('name it v<number>.avsc');
  });

  test.each([
    ['no JSON', '{"type":'],
    ['no Avro', '{"type":"record","name":"R","fields":[{"name":"f","type":"strnig"}]}'],
  ])('a file that is %s is named', async (_what, text) => {
    writeFileSync(contract, text);
    const ended = await check();

    expect(ended.exitCode).toBe(1);
    expect(ended.err).toContain(`${contract} is no valid Avro schema`);
    expect(ended.err).toContain('[SCHEMA_INVALID]');
  });

  test.each(['', 'missing'])('a folder with nothing to check does not pass (%j)', async (name) => {
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    const ended = await run(['check', '--dir', path.join(empty, name)]);

    expect(ended.exitCode).toBe(1);
    expect(ended.err).toContain('[INPUT_INVALID]');
  });
});

describe('schemas register', () => {
  let server: Server;
  let url: string;
  let asked: string[];
  let registerStatus: number;

  beforeEach(async () => {
    asked = [];
    registerStatus = 200;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
      request.on('end', () => {
        const isConfig = request.method === 'PUT';
        asked.push(`${request.method} ${request.url}${isConfig ? ` ${body}` : ''}`);
        const isKnown = request.method !== 'GET';
        response.statusCode = request.method === 'POST' ? registerStatus : isKnown ? 200 : 404;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(response.statusCode === 200 ? { id: 12 } : { message: 'no' }));
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  test('registers under the topic with its suffix and sets BACKWARD_TRANSITIVE', async () => {
    const ended = await run(['register', '--topic-suffix', '.shadow'], {
      SCHEMA_REGISTRY_URL: url,
    });

    expect(ended).toMatchObject({ exitCode: 0, err: '' });
    expect(ended.out).toBe(
      [
        'inventory.events.shadow-value registered with id 12 (BACKWARD_TRANSITIVE)\n',
        'roll.events.shadow-value registered with id 12 (BACKWARD_TRANSITIVE)\n',
      ].join(''),
    );
    expect(asked).toEqual(
      ['inventory.events.shadow-value', 'roll.events.shadow-value'].flatMap((subject) => [
        `GET /config/${subject}`,
        `POST /subjects/${subject}/versions`,
        `PUT /config/${subject} {"compatibility":"BACKWARD_TRANSITIVE"}`,
      ]),
    );
  });

  test('a contract the registry finds incompatible ends with 3', async () => {
    registerStatus = 409;
    const ended = await run(['register', '--registry-url', url]);

    expect(ended.exitCode).toBe(3);
    expect(ended.err).toContain('[SCHEMA_INCOMPATIBLE]');
  });

  test('a dry run says the subjects and asks nobody', async () => {
    const ended = await run(['register', '--dry-run', '--json']);

    expect(ended.exitCode).toBe(0);
    expect(JSON.parse(ended.out)).toEqual({
      subjects: [
        { subject: 'inventory.events-value', compatibility: 'BACKWARD_TRANSITIVE' },
        { subject: 'roll.events-value', compatibility: 'BACKWARD_TRANSITIVE' },
      ],
    });
    expect(asked).toEqual([]);
  });

  test.each([
    [[], 'set SCHEMA_REGISTRY_URL or give --registry-url'],
    [['--registry-url', 'localhost:8081'], 'must be an http(s) URL'],
  ])('without a usable address (%j) it says which setting to mend', async (args, message) => {
    const ended = await run(['register', ...args]);

    expect(ended.exitCode).toBe(1);
    expect(ended.err).toContain(message);
  });
});

describe('the generated types', () => {
  test('are what the contracts say', () => {
    for (const { name, text } of renderContractTypes()) {
      const file = new URL(`../../schemas/generated/${name}`, import.meta.url);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  test('render every kind of type as the codec decodes it', () => {
    const field = (name: string, type: unknown): object => ({ name, type });
    const fields = [
      field('maybe', ['null', 'string']),
      field('count', 'long'),
      field('hash', { type: 'fixed', name: 'Hash', size: 4 }),
      field('tags', { type: 'array', items: ['null', 'int'] }),
      field('byName', { type: 'map', values: 'HotelBooking' }),
      field('guest', { type: 'record', name: 'Guest', fields: [field('isAdult', 'boolean')] }),
    ] as unknown as NonNullable<AvroSchemaObject['fields']>;
    const { name, text } = renderTypes({ type: 'record', name: 'HotelBooking', fields }, 'a test');

    expect(name).toBe('hotel-booking.ts');
    expect(text.split('\n').slice(2)).toEqual([
      'export interface HotelBooking {',
      '  readonly maybe: string | null;',
      '  readonly count: number | bigint;',
      '  readonly hash: Buffer;',
      '  readonly tags: readonly (number | null)[];',
      '  readonly byName: Readonly<Record<string, HotelBooking>>;',
      '  readonly guest: Guest;',
      ...['}', '', 'interface Guest {', '  readonly isAdult: boolean;', '}', ''],
    ]);
  });
});
