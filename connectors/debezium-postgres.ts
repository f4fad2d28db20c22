/**
 * The Debezium Postgres connector (3.7) as typed configuration: our words to Connect's flat map and
 * back. What a user may choose is in the schema; what must hold for ledgers to be right is fixed in
 * `fixedSettings` and cannot be configured away. Values are checked here first, so that an error
 * names our field, and by Connect's own validation afterwards.
 */
import { z } from 'zod';
import {
  parseConnector,
  secretReference,
  type ConnectConfig,
  type ConnectorDefinition,
} from './connector-config.ts';
import { captureEpochHeader, epochMax, firstEpoch } from '../schemas/capture-epoch.ts';
import { literalPattern, topicPartitions, topicSettings } from './debezium-topics.ts';

export const debeziumPostgresClass = 'io.debezium.connector.postgresql.PostgresConnector';

const postgresName = z
  .string()
  .regex(
    /^[a-z_][a-z0-9_]{0,62}$/,
    'must be lower-case letters, digits and underscores, at most 63',
  );
const port = z.int('must be a port number').min(1, 'must be at least 1').max(65_535);
const count = z.int('must be a whole number').min(1, 'must be at least 1');
const milliseconds = z.int('must be a whole number of milliseconds').min(1, 'must be at least 1');

const databaseSchema = z.strictObject({
  host: z.string().min(1, 'must be the host as the Connect worker sees it'),
  port: port.default(5432),
  name: z.string().min(1, 'must be the name of a database'),
  user: postgresName,
  password: secretReference,
  sslMode: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer'),
});

/**
 * Larger than Debezium's defaults in the same proportion (a queue of four batches); not tuned by
 * measurement yet: docs/adr/0005-connector-settings.md.
 */
const throughputSchema = z.strictObject({
  batchRecordsMax: count.default(8192),
  queueRecordsMax: count.default(32_768),
  queueBytesMax: count.default(67_108_864),
  pollIntervalMs: milliseconds.default(50),
  snapshotFetchRows: count.default(10_240),
});

export const debeziumPostgresSchema = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, dots, dashes'),
    database: databaseSchema,
    /** First part of the topics' names: `<prefix>.<schema>.<table>`. */
    topicPrefix: z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, dots, dashes'),
    tables: z
      .array(
        z
          .string()
          .regex(
            /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/,
            'must be <schema>.<table> in lower case, such as public.reservations',
          ),
      )
      .min(1, 'must name at least one table'),
    /** Columns that stay in the database, `<schema>.<table>.<column>`. */
    excludedColumns: z
      .array(
        z
          .string()
          .regex(
            /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2}$/,
            'must be <schema>.<table>.<column> in lower case',
          ),
      )
      .default([]),
    /** Made by `prepare-database.ts`, never by Debezium: it would take all tables. */
    publication: postgresName.default('rollguard'),
    /** Made by Debezium with the snapshot, so that stream and snapshot meet without gap. */
    slot: postgresName.default('rollguard'),
    /** Both leave a lost slot a visible failure; modes that snapshot again would hide a gap. */
    snapshot: z.enum(['initial', 'no_data'], 'must be initial or no_data').default('initial'),
    /** Which reading of the tables this is: raised when a lost slot is made anew, never by hand. */
    epoch: z.int().min(firstEpoch).max(epochMax).default(firstEpoch),
    heartbeatIntervalMs: milliseconds.default(5000),
    /** The registry's own API (Apicurio), which the worker's Avro converter speaks. */
    registryUrl: z
      .url('must be a URL')
      .regex(/\/apis\/registry\/v2$/, "must be Apicurio's API: http://host:port/apis/registry/v2"),
    topics: z
      .strictObject({
        partitions: topicPartitions.default(4),
        /** −1 takes the broker's default. */
        replicationFactor: z.int().min(-1).default(-1),
      })
      .prefault({}),
    throughput: throughputSchema.prefault({}),
  })
  .superRefine((value, context) => {
    const { batchRecordsMax, queueRecordsMax } = value.throughput;
    if (queueRecordsMax <= batchRecordsMax) {
      const path = ['throughput', 'queueRecordsMax'];
      const message = `must be larger than throughput.batchRecordsMax (${batchRecordsMax})`;
      context.addIssue({ code: 'custom', path, message });
    }
    if (new Set(value.tables).size < value.tables.length) {
      context.addIssue({ code: 'custom', path: ['tables'], message: 'must name each table once' });
    }
  });

export type DebeziumPostgres = z.output<typeof debeziumPostgresSchema>;
export type DebeziumPostgresInput = z.input<typeof debeziumPostgresSchema>;

/** The prefix of the heartbeat's logical messages in the WAL. */
const heartbeatMessagePrefix = 'rollguard-heartbeat';

/** Not for choice. */
const fixedSettings = {
  'connector.class': debeziumPostgresClass,
  // One slot is one ordered stream, so there is one task.
  'tasks.max': '1',
  'plugin.name': 'pgoutput',
  'publication.autocreate.mode': 'disabled',
  // A slot that was dropped and made anew lies ahead of the stored offset: stop, do not skip.
  'offset.mismatch.strategy': 'trust_offset',
  'exactly.once.support': 'required',
  // Money must not pass through floating point.
  'decimal.handling.mode': 'string',
  // timestamptz → ISO string, timestamp → microseconds, date → days.
  'time.precision.mode': 'adaptive',
  'tombstones.on.delete': 'true',
  // A truncate has no key, and a compacted topic takes no record without one.
  'skipped.operations': 't',
  'event.converting.failure.handling.mode': 'fail',
  // Any prefix makes a legal Avro namespace.
  'schema.name.adjustment.mode': 'avro',
  // A logical message needs no table and no right to write in the platform's database.
  'heartbeat.action.query': `SELECT pg_logical_emit_message(false, '${heartbeatMessagePrefix}', now()::text)`,
  'message.prefix.include.list': heartbeatMessagePrefix,
  // A database that is away is asked for again, as often as it takes: nobody has to restart the task.
  'errors.max.retries': '-1',
  'retriable.restart.connector.wait.ms': '3000',
  // Both cost time for every record, and nobody reads them.
  'extended.headers.enabled': 'false',
  'statistics.metrics.enabled': 'false',
} as const satisfies ConnectConfig;

/** Confluent wire format out of Apicurio's converter, readable by any Confluent client. */
// What a schema's id means never changes: once known, no registry is needed for it. The converter's own
// default asks again after 30 s, and the task fails for good when the registry is away just then. A new
// schema waits for the registry, within the time-out of the task's transaction (60 s).
const converterSettings: ConnectConfig = {
  'apicurio.registry.check-period-ms': String(365 * 86_400_000),
  'apicurio.registry.retry-count': '100',
  'apicurio.registry.retry-backoff-ms': '500',
  'apicurio.registry.auto-register': 'true',
  'apicurio.registry.find-latest': 'true',
  'apicurio.registry.as-confluent': 'true',
  'apicurio.registry.use-id': 'contentId',
  'apicurio.registry.headers.enabled': 'false',
};
const converterClass = 'io.apicurio.registry.utils.converter.AvroConverter';

/** @throws CONNECTOR_INVALID naming each field and what it must be. */
export function parseDebeziumPostgres(input: unknown): DebeziumPostgres {
  return parseConnector(debeziumPostgresSchema, input);
}

/** What is sent to Connect. */
export function toConnect(connector: DebeziumPostgres): ConnectorDefinition {
  const { database, throughput } = connector;
  const config = {
    ...fixedSettings,
    'database.hostname': database.host,
    'database.port': String(database.port),
    'database.dbname': database.name,
    'database.user': database.user,
    'database.password': database.password,
    'database.sslmode': database.sslMode,
    'topic.prefix': connector.topicPrefix,
    'table.include.list': patterns(connector.tables),
    ...(connector.excludedColumns.length === 0
      ? {}
      : { 'column.exclude.list': patterns(connector.excludedColumns) }),
    'publication.name': connector.publication,
    'slot.name': connector.slot,
    'snapshot.mode': connector.snapshot,
    'snapshot.fetch.size': String(throughput.snapshotFetchRows),
    'heartbeat.interval.ms': String(connector.heartbeatIntervalMs),
    'max.batch.size': String(throughput.batchRecordsMax),
    'max.queue.size': String(throughput.queueRecordsMax),
    'max.queue.size.in.bytes': String(throughput.queueBytesMax),
    'poll.interval.ms': String(throughput.pollIntervalMs),
    ...converter('key', connector.registryUrl),
    ...converter('value', connector.registryUrl),
    ...topicSettings(connector.topicPrefix, connector.topics),
    ...epochSettings(connector.epoch),
  };
  return { name: connector.name, config };
}

const epochSetting = 'transforms.epoch.value.literal';

/** Every record says which epoch it is of; those of the first need not. */
function epochSettings(epoch: number): ConnectConfig {
  if (epoch === firstEpoch) return {};
  return {
    transforms: 'epoch',
    'transforms.epoch.type': 'org.apache.kafka.connect.transforms.InsertHeader',
    'transforms.epoch.header': captureEpochHeader,
    [epochSetting]: String(epoch),
  };
}

/** That of a deployed connector. */
export function deployedEpoch(config: ConnectConfig | undefined): number {
  return Number(config?.[epochSetting] ?? firstEpoch);
}

/** The connector as it would be in that epoch. */
export function inEpoch({ name, config }: ConnectorDefinition, epoch: number): ConnectorDefinition {
  const others = Object.entries(config).filter(([key]) => !/^transforms(\.epoch\.|$)/.test(key));
  return { name, config: { ...Object.fromEntries(others), ...epochSettings(epoch) } };
}

/** Debezium's lists are regular expressions. */
function patterns(names: readonly string[]): string {
  return names.map(literalPattern).join(',');
}

function names(patterns: string | undefined): readonly string[] | undefined {
  return patterns?.split(',').map((pattern) => pattern.replaceAll('\\.', '.'));
}

function converter(side: 'key' | 'value', registryUrl: string): ConnectConfig {
  const settings = { 'apicurio.registry.url': registryUrl, ...converterSettings };
  const entries = Object.entries(settings).map(
    ([key, value]) => [`${side}.converter.${key}`, value] as const,
  );
  return { [`${side}.converter`]: converterClass, ...Object.fromEntries(entries) };
}

/**
 * A deployed connector in our words: the inverse of `toConnect`. Settings that `toConnect` does not
 * write are not looked at; `reconcile.ts` compares them.
 * @throws CONNECTOR_INVALID when a value is not one that `toConnect` could have written.
 */
export function fromConnect({ name, config }: ConnectorDefinition): DebeziumPostgres {
  const partitions = config['topic.creation.default.partitions'];
  const replicationFactor = config['topic.creation.default.replication.factor'];
  return parseDebeziumPostgres({
    name,
    database: {
      host: config['database.hostname'],
      port: Number(config['database.port']),
      name: config['database.dbname'],
      user: config['database.user'],
      password: config['database.password'],
      sslMode: config['database.sslmode'],
    },
    topicPrefix: config['topic.prefix'],
    tables: names(config['table.include.list']),
    excludedColumns: names(config['column.exclude.list']),
    publication: config['publication.name'],
    slot: config['slot.name'],
    snapshot: config['snapshot.mode'],
    epoch: deployedEpoch(config),
    heartbeatIntervalMs: Number(config['heartbeat.interval.ms']),
    registryUrl: config['value.converter.apicurio.registry.url'],
    topics: { partitions: Number(partitions), replicationFactor: Number(replicationFactor) },
    throughput: {
      batchRecordsMax: Number(config['max.batch.size']),
      queueRecordsMax: Number(config['max.queue.size']),
      queueBytesMax: Number(config['max.queue.size.in.bytes']),
      pollIntervalMs: Number(config['poll.interval.ms']),
      snapshotFetchRows: Number(config['snapshot.fetch.size']),
    },
  });
}
