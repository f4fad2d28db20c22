/** What may be configured, what may not, and that nothing is lost on the way to Connect and back. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  fromConnect,
  parseDebeziumPostgres,
  toConnect,
  type DebeziumPostgresInput,
} from '../../connectors/debezium-postgres.ts';
import { capturedTopics } from '../../connectors/debezium-topics.ts';
import { maskSecrets } from '../../connectors/connector-config.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { isRollguardError } from '../../kernel/errors.ts';

const minimal: DebeziumPostgresInput = {
  name: 'rollguard-platform',
  database: { host: 'db', name: 'platform', user: 'cdc', password: '${env:CDC_PASSWORD}' },
  topicPrefix: 'platform',
  tables: ['public.reservations'],
  registryUrl: 'http://registry:8080/apis/registry/v2',
};

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (isRollguardError(error, 'CONNECTOR_INVALID')) {
      return error.context['problems'] as readonly string[];
    }
    throw error;
  }
  return [];
}

const withDatabase = (database: Record<string, unknown>): unknown => ({
  ...minimal,
  database: { ...minimal.database, ...database },
});

describe('a connector configuration', () => {
  test.each<[string, unknown]>([
    ['name', { ...minimal, name: 'with space' }],
    ['database.host', withDatabase({ host: '' })],
    ['database.port', withDatabase({ port: 70_000 })],
    ['database.name', withDatabase({ name: '' })],
    ['database.user', withDatabase({ user: 'Robert"; DROP' })],
    ['database.password', withDatabase({ password: undefined })],
    ['database.sslMode', withDatabase({ sslMode: 'maybe' })],
    ['topicPrefix', { ...minimal, topicPrefix: 'a/b' }],
    ['tables', { ...minimal, tables: [] }],
    ['tables', { ...minimal, tables: ['public.rooms', 'public.rooms'] }],
    ['tables.0', { ...minimal, tables: ['rooms'] }],
    ['excludedColumns.0', { ...minimal, excludedColumns: ['public.reservations'] }],
    ['publication', { ...minimal, publication: 'with-dash' }],
    ['slot', { ...minimal, slot: 'UPPER' }],
    ['snapshot', { ...minimal, snapshot: 'when_needed' }],
    ['heartbeatIntervalMs', { ...minimal, heartbeatIntervalMs: 0 }],
    ['registryUrl', { ...minimal, registryUrl: 'http://registry:8080' }],
    ['topics.partitions', { ...minimal, topics: { partitions: 0 } }],
    ['throughput.batchRecordsMax', { ...minimal, throughput: { batchRecordsMax: 1.5 } }],
    ['throughput.queueRecordsMax', { ...minimal, throughput: { queueRecordsMax: 8192 } }],
    ['configuration', { ...minimal, 'exactly.once.support': 'requested' }],
  ])('that is wrong is refused by the name of the field: %s', (field, input) => {
    const problems = problemsOf(() => parseDebeziumPostgres(input));

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${field}: .+`));
  });

  test('names every wrong field at once', () => {
    const problems = problemsOf(() =>
      parseDebeziumPostgres({ ...minimal, topicPrefix: '', tables: [], slot: '' }),
    );

    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'topicPrefix',
      'tables',
      'slot',
    ]);
  });

  test.each(['geheim', '${unknown:x}', 'x${env:A}', '${env:A}${env:B}', '${env:}', ''])(
    'takes no password but by reference: %p',
    (password) => {
      const problems = problemsOf(() => parseDebeziumPostgres(withDatabase({ password })));

      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^database\.password: must be a reference/);
    },
  );

  test.each([
    '${env:CDC}',
    '${file:/run/secrets/cdc.properties:password}',
    '${directory:/run:cdc}',
  ])('takes the reference %p and passes it on as it is', (password) => {
    const parsed = parseDebeziumPostgres(withDatabase({ password }));

    expect(toConnect(parsed).config['database.password']).toBe(password);
  });
});

describe('the configuration sent to Connect', () => {
  const { config } = toConnect(parseDebeziumPostgres(minimal));

  test('requires exactly-once and one task', () => {
    expect(config).toMatchObject({ 'exactly.once.support': 'required', 'tasks.max': '1' });
  });

  test('asks for no right beyond reading: nothing is created, the heartbeat needs no table', () => {
    expect(config['publication.autocreate.mode']).toBe('disabled');
    expect(config['heartbeat.action.query']).toBe(
      "SELECT pg_logical_emit_message(false, 'rollguard-heartbeat', now()::text)",
    );
    expect(config['message.prefix.include.list']).toBe('rollguard-heartbeat');
    expect(Object.keys(config).filter((key) => key.startsWith('signal.'))).toEqual([]);
  });

  test('stops at a lost slot instead of skipping what it held', () => {
    expect(config).toMatchObject({
      'offset.mismatch.strategy': 'trust_offset',
      'snapshot.mode': 'initial',
      'event.converting.failure.handling.mode': 'fail',
    });
  });

  test('keeps money out of floating point', () => {
    expect(config['decimal.handling.mode']).toBe('string');
  });

  test('compacts the tables’ topics and lets heartbeats go', () => {
    expect(config).toMatchObject({
      'topic.creation.default.cleanup.policy': 'compact',
      'topic.creation.heartbeat.cleanup.policy': 'delete',
      'topic.creation.heartbeat.include': '__debezium-heartbeat\\.platform,platform\\.message',
    });
  });

  test('holds Debezium’s own proportion of queue to batch', () => {
    expect(config).toMatchObject({
      'max.batch.size': '8192',
      'max.queue.size': '32768',
      'poll.interval.ms': '50',
      'snapshot.fetch.size': '10240',
    });
  });

  test('names tables literally: a dot is a dot', () => {
    expect(config['table.include.list']).toBe('public\\.reservations');
    expect(config).not.toHaveProperty('column.exclude.list');
  });
});

const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/);
const table = fc.tuple(name, name).map((parts) => parts.join('.'));
const column = fc.tuple(name, name, name).map((parts) => parts.join('.'));
const count = fc.integer({ min: 1, max: 1_000_000 });
const connector = fc
  .record({
    name: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
    database: fc.record({
      host: fc.domain(),
      port: fc.integer({ min: 1, max: 65_535 }),
      name: fc.string({ minLength: 1 }),
      user: name,
      password: fc.constantFrom('${env:A}', '${file:/a/b.properties:password}'),
      sslMode: fc.constantFrom('disable', 'prefer', 'require', 'verify-ca', 'verify-full'),
    }),
    topicPrefix: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
    tables: fc.uniqueArray(table, { minLength: 1, maxLength: 5 }),
    excludedColumns: fc.uniqueArray(column, { maxLength: 5 }),
    publication: name,
    slot: name,
    snapshot: fc.constantFrom('initial', 'no_data'),
    heartbeatIntervalMs: count,
    topics: fc.record({
      partitions: fc.integer({ min: 1, max: 1000 }),
      replicationFactor: fc.integer({ min: -1, max: 5 }),
    }),
    throughput: fc.record({
      batchRecordsMax: count,
      queueRecordsMax: fc.integer({ min: 1_000_001, max: 9_000_000 }),
      queueBytesMax: count,
      pollIntervalMs: count,
      snapshotFetchRows: count,
    }),
  })
  .map((value) => parseDebeziumPostgres({ ...value, registryUrl: minimal.registryUrl }));

describe('the topics of captured tables', () => {
  test('are the same whether made before the first row or by Connect with it', () => {
    const connector = parseDebeziumPostgres(minimal);
    const { config } = toConnect(connector);
    const [topic] = capturedTopics(connector);

    expect(capturedTopics(connector)).toHaveLength(connector.tables.length);
    expect(topic?.name).toBe(`${connector.topicPrefix}.${connector.tables[0] ?? ''}`);
    for (const [name, value] of Object.entries({
      ...topic?.configs,
      partitions: String(topic?.partitionCount),
      'replication.factor': String(topic?.replicationFactor),
    })) {
      expect(config[`topic.creation.default.${name}`]).toBe(value);
    }
  });
});

describe('a configuration read back from Connect', () => {
  test('is the one that was sent', () => {
    fc.assert(
      fc.property(connector, (wanted) => {
        expect(fromConnect(toConnect(wanted))).toEqual(wanted);
      }),
    );
  });

  test('is refused when somebody put a password into it', () => {
    const { name: sentName, config } = toConnect(parseDebeziumPostgres(minimal));
    const edited = { name: sentName, config: { ...config, 'database.password': 'geheim' } };
    const problems = problemsOf(() => fromConnect(edited));

    expect(problems.join()).toContain('database.password');
    expect(problems.join()).not.toContain('geheim');
  });
});

describe('what is shown of a configuration', () => {
  test('hides secrets and shows references', () => {
    const shown = maskSecrets({
      'database.password': 'geheim',
      'producer.override.sasl.jaas.config': 'geheim',
      'api.key': 'geheim',
      'other.password': '${env:OTHER}',
      'database.user': 'cdc',
    });

    expect(shown).toEqual({
      'database.password': '********',
      'producer.override.sasl.jaas.config': '********',
      'api.key': '********',
      'other.password': '${env:OTHER}',
      'database.user': 'cdc',
    });
  });
});

describe('the platform’s connector', () => {
  const settings = {
    databaseUrl: 'postgres://somebody:geheim@db.example:6543/plat%20form',
    passwordReference: '${env:CDC}',
    registryUrl: 'http://registry:8080/apis/ccompat/v7/',
  };

  test('takes host, port and name of the URL, and neither its user nor its password', () => {
    const { database, registryUrl } = platformConnector(settings);

    expect(database).toMatchObject({
      host: 'db.example',
      port: 6543,
      name: 'plat form',
      user: 'rollguard_cdc',
      password: '${env:CDC}',
    });
    expect(registryUrl).toBe('http://registry:8080/apis/registry/v2');
  });

  test('leaves who the guest is in the database', () => {
    const { config } = toConnect(platformConnector(settings));

    expect(config['column.exclude.list']).toContain('public\\.reservations\\.guest_email');
  });

  test('lets overrides reach single fields of the database', () => {
    const overrides = { slot: 'other', database: { host: 'as-the-worker-sees-it' } };
    const { slot, database } = platformConnector({ ...settings, overrides });

    expect(slot).toBe('other');
    expect(database).toMatchObject({ host: 'as-the-worker-sees-it', port: 6543 });
  });

  test('refuses a URL of another database', () => {
    expect(() => platformConnector({ ...settings, databaseUrl: 'mysql://db/x' })).toThrow(
      /PLATFORM_DATABASE_URL: must be a URL such as postgres:/,
    );
  });
});
