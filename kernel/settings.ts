/**
 * The application's settings, one row each: name in the environment, default, meaning. Values come
 * from flag > environment > `.env` file > default; `main.ts` and `tools/` do the reading, this file
 * only checks. `.env.example` is written from this table (a test compares them).
 */
import { z } from 'zod';
import { adminTokens } from './admin-tokens.ts';
import { RollguardError } from './errors.ts';

interface Setting {
  /** What it is for, in a line of `.env.example`. */
  readonly about: string;
  /** Shown in `.env.example`; undefined: it has to be set. */
  readonly fallback?: string;
  readonly parse: z.ZodType<unknown, string>;
  /** An error does not show what was set. */
  readonly isSecret?: true;
}

/** Entries of one setting. */
const wordsMax = 100;
const text = z.string().min(1, 'must not be empty');
const url = z.url('must be a URL');
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be at most 65535');
const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'must be a whole number above 0')
  .transform(Number);
const countOrNone = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);
/** Milliseconds, up to 31 years. */
const retention = z
  .string()
  .regex(/^(-1|[1-9]\d{0,11})$/, 'must be -1, or milliseconds above 0')
  .transform(Number);
const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true');

const topic = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be the name of a topic');
/** Words between commas or blanks. */
const words = z
  .string()
  .transform((value) => [...new Set(value.split(/[\s,]+/).filter((word) => word !== ''))])
  .refine((found) => found.length <= wordsMax, `must be at most ${wordsMax}`);

const failurePolicy = z.enum(
  ['dead-letter', 'continue', 'fail'],
  'must be dead-letter, continue or fail',
);

export const settingsTable = {
  KAFKA_BROKERS: {
    about: 'Kafka bootstrap servers, host:port, comma separated',
    parse: z
      .string()
      .regex(/^[^\s,]+:\d+(,[^\s,]+:\d+)*$/, 'must be host:port, comma separated')
      .transform((value) => value.split(',')),
  },
  SCHEMA_REGISTRY_URL: { about: 'Schema Registry with the Confluent API', parse: url },
  KAFKA_CONNECT_URL: {
    about: "Kafka Connect's REST address, for the connectors commands and the look at the capture",
    fallback: '',
    parse: z.string(),
  },
  PLATFORM_DATABASE_URL: {
    about:
      "the platform's Postgres: the backfill and the look at the capture read it, never write; empty: neither",
    fallback: '',
    parse: z.string(),
  },
  ROLLGUARD_DATABASE_URL: {
    about: 'our own Postgres, for ledgers and holds as tables; empty: there are none',
    fallback: '',
    parse: z.string().regex(/^$|^postgres(ql)?:\/\//, 'must be postgres://…, or empty'),
    isSecret: true,
  },
  ROLLGUARD_PUSHGATEWAY_URL: {
    about: "Prometheus' Pushgateway, which a replay report pushes its counts to; empty: nobody",
    fallback: '',
    parse: z.string().regex(/^$|^https?:\/\/./, 'must be http(s)://…, or empty'),
    isSecret: true,
  },
  ROLL_SERVICE_CONSUMER_ENABLED: {
    about: 'false: this instance writes no tables, whatever ROLLGUARD_DATABASE_URL names',
    fallback: 'true',
    parse: flag,
  },
  PLATFORM_TOPIC_PREFIX: {
    about: "first part of the captured tables' topics",
    fallback: 'platform',
    parse: text,
  },
  ROLLGUARD_CAPTURE_SLOT: {
    about: "replication slot of the capture, which is looked at in the platform's Postgres",
    fallback: 'rollguard',
    parse: text,
  },
  ROLLGUARD_CAPTURE_CONNECTOR: {
    about: 'connector of the capture, as Kafka Connect calls it',
    fallback: 'rollguard-platform',
    parse: text,
  },
  ROLLGUARD_SERVICES: {
    about: 'what this instance runs',
    fallback: 'roll,guard',
    parse: z
      .enum(['roll', 'guard', 'roll,guard', 'guard,roll'], 'must be roll,guard, roll or guard')
      .transform((value) => value.split(',')),
  },
  ROLLGUARD_STATE_DIR: {
    about: 'folder of the local state stores',
    fallback: '.rollguard/state',
    parse: text,
  },
  ROLLGUARD_PARTITIONS: {
    about: 'partitions of ledgers and holds; fixed for the life of an application id',
    fallback: '4',
    parse: count,
  },
  ROLL_SERVICE_BUSINESS_DATES: {
    about:
      "what closes business dates: captured (the platform's business_dates) or clock (03:00 of the next day, property-local)",
    fallback: 'captured',
    parse: z.enum(['captured', 'clock'], 'must be captured or clock'),
  },
  ROLL_SERVICE_EVENTS_ENABLED: {
    about:
      "true: the Roll Service also reads the platform's and the guard's events, counts and compares them",
    fallback: 'false',
    parse: flag,
  },
  RESERVATION_EVENTS_TOPIC: {
    about: "topic of the platform's reservation events",
    fallback: 'reservations.events',
    parse: topic,
  },
  RESERVATION_DLQ_TOPIC: {
    about: "topic of the reservation events that the platform's consumers gave up",
    fallback: 'reservations.events.dlq',
    parse: topic,
  },
  ROCKSDB_MEMORY_MB: {
    about: 'memory of all stores together for what they read and write, beside caches of entries',
    fallback: '128',
    parse: count,
  },
  SHADOW_MODE: {
    about: 'true: events carry the suffix .shadow and nothing downstream acts on them',
    fallback: 'true',
    parse: flag,
  },
  KAFKA_CONSUMER_GROUP_SUFFIX: {
    about: 'ends the application id: group, transactional ids, internal topics, state folder',
    fallback: '-shadow',
    parse: z.string().regex(/^[A-Za-z0-9._-]*$/, 'must be letters, digits, dots, dashes'),
  },
  EVENTS_RETENTION_MS: {
    about:
      'how long roll.events and inventory.events are made to keep their records; -1: for ever, so that tables can be made anew from them',
    fallback: '-1',
    parse: retention,
  },
  INVENTORY_EVENTS_DLQ_TOPIC: {
    about: "where the guard's intake puts records that it cannot use",
    fallback: 'inventory.events.dlq',
    parse: topic,
  },
  COMMAND_CENTER_TOPIC: {
    about: "topic of the platform's commands; empty: the guard takes none from Kafka",
    fallback: 'commands.primary',
    parse: z.string().regex(/^[A-Za-z0-9._-]{0,249}$/, 'must be the name of a topic, or empty'),
  },
  COMMAND_CENTER_TARGET_SERVICE_ID: {
    about: 'targetService of the commands that are for the guard',
    fallback: 'availability-guard-service',
    parse: text,
  },
  CLOCK_OFFSET_MAX_MS: {
    about:
      "an instance whose clock is further from the broker's decides nothing by it: it takes no task of the guard, nor closes dates; 0: clocks are not compared",
    fallback: '500',
    parse: countOrNone,
  },
  COMMIT_INTERVAL_MS: {
    about: 'longest time a result waits for its commit',
    fallback: '500',
    parse: count,
  },
  SESSION_TIMEOUT_MS: {
    about: 'an instance that is silent for so long loses its tasks (brokers allow 6000 and more)',
    fallback: '10000',
    parse: count,
  },
  HEARTBEAT_INTERVAL_MS: {
    about: 'how often an instance gives a sign of life; at most a third of SESSION_TIMEOUT_MS',
    fallback: '2000',
    parse: count,
  },
  MAX_POLL_INTERVAL_MS: {
    about: 'an instance too busy to do anything else for so long loses its tasks',
    fallback: '300000',
    parse: count,
  },
  GROUP_INSTANCE_ID: {
    about:
      "a name of this instance's own, kept over restarts: until SESSION_TIMEOUT_MS is over its tasks wait for it; empty: it leaves",
    fallback: '',
    parse: z.string().regex(/^[A-Za-z0-9._-]{0,249}$/, 'must be letters, digits, . _ or -'),
  },
  NUM_STANDBY_REPLICAS: {
    about: 'other instances that follow the state of each task, to take it over at once',
    fallback: '0',
    parse: z.string().regex(/^\d$/, 'must be 0 to 9').transform(Number),
  },
  ACCEPTABLE_RECOVERY_LAG: {
    about: 'a task moves only to an instance whose state is at most so many records behind',
    fallback: '10000',
    parse: countOrNone,
  },
  MAX_WARMUP_REPLICAS: {
    about: 'tasks whose state is copied to another instance at a time, before they move',
    fallback: '2',
    parse: count,
  },
  CLOSE_DRAIN_MS: {
    about: 'when it is stopped: how long calls that have come are still answered',
    fallback: '3000',
    parse: countOrNone,
  },
  HTTP_HOST: { about: 'address the HTTP API listens on', fallback: '127.0.0.1', parse: text },
  HTTP_PORT: {
    about: 'port of the HTTP API (of roll alone: 3900); 0 picks a free one',
    fallback: '3800',
    parse: port,
  },
  GRPC_HOST: { about: 'address the gRPC API listens on', fallback: '127.0.0.1', parse: text },
  GRPC_PORT: {
    about: 'port of the gRPC API (of roll alone: 4401); 0 picks a free one',
    fallback: '4400',
    parse: port,
  },
  ROLLGUARD_ADVERTISED_ADDRESS: {
    about: 'host:port at which other instances reach the gRPC API; empty: as it listens',
    fallback: '',
    parse: z
      .string()
      .regex(/^$|^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'must be host:port, or empty'),
  },
  REQUIRE_CORRELATION_ID: {
    about: 'true: HTTP writes without x-correlation-id are refused; else one is made',
    fallback: 'false',
    parse: flag,
  },
  LOCK_DEFAULT_TTL_SECONDS: {
    about: 'how long a hold lives whose request does not say',
    fallback: '7200',
    parse: count,
  },
  LOCK_MAX_TTL_SECONDS: {
    about: 'the longest a hold lives unconfirmed',
    fallback: '86400',
    parse: count,
  },
  LOCK_IDEMPOTENCY_RETENTION_DAYS: {
    about: "how long after a stay's end repeats of its requests are known",
    fallback: '30',
    parse: count,
  },
  GUARD_EXPIRY_MAX_CDC_LAG_SECONDS: {
    about: 'holds do not expire while the capture was not heard of for so long; 0: they always do',
    fallback: '60',
    parse: z
      .string()
      .regex(/^\d{1,6}$/, 'must be a whole number')
      .transform(Number),
  },
  GUARD_UNKNOWN_CAPACITY: {
    about: 'while rooms are not captured: allow or reject; empty: allow in shadow mode only',
    fallback: '',
    parse: z
      .enum(['', 'allow', 'reject'], 'must be allow, reject or empty')
      .transform((value) => (value === '' ? undefined : value)),
  },
  AVAILABILITY_GUARD_ADMIN_TOKENS: {
    about:
      'who may release by hand and read the audit: <id>:<SHA-256 of the token, hex>:<tenant>+<tenant>, comma or blank between entries; empty: nobody',
    fallback: '',
    parse: adminTokens,
    isSecret: true,
  },
  AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED: {
    about: 'false: nothing is released by hand (503)',
    fallback: 'true',
    parse: flag,
  },
  AVAILABILITY_GUARD_NOTIFICATIONS_ENABLED: {
    about: 'false: nobody is told of a release by hand',
    fallback: 'true',
    parse: flag,
  },
  AVAILABILITY_GUARD_NOTIFICATION_TOPIC: {
    about: 'where releases by hand are told',
    fallback: 'availability-guard.notifications',
    parse: topic,
  },
  AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS: {
    about: 'who is told of every release by hand, comma or blank between them',
    fallback: '',
    parse: words,
  },
  ROLL_SERVICE_BACKFILL_ENABLED: {
    about: 'false: no instance reads the platform by itself (rollguard backfill run still does)',
    fallback: 'true',
    parse: flag,
  },
  ROLL_SERVICE_BACKFILL_BATCH_SIZE: {
    about: 'commands that the backfill reads and publishes at a time',
    fallback: '5000',
    parse: count.refine((value) => value <= 50_000, 'must be at most 50000'),
  },
  ROLL_SERVICE_BACKFILL_INTERVAL_MS: {
    about: 'between two passes of the backfill',
    fallback: '60000',
    parse: count,
  },
  ROLL_SERVICE_BACKFILL_ROWS_PER_SECOND: {
    about: 'commands a second that the backfill reads at most; 0: as many as it can',
    fallback: '0',
    parse: countOrNone,
  },
  ROLL_SERVICE_BACKFILL_LATE_WINDOW_SECONDS: {
    about: 'no transaction of the platform is open longer; what is, waits for the nightly sweep',
    fallback: '86400',
    parse: count,
  },
  ROLL_SERVICE_BACKFILL_NIGHTLY_AT: {
    about: 'when, HH:MM in UTC, the backfill looks for late rows of any age; empty: never',
    fallback: '04:00',
    parse: z
      .string()
      .regex(/^$|^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM, or empty')
      .transform((value) => (value === '' ? undefined : value)),
  },
  RECONCILIATION_ENABLED: {
    about:
      'false: no instance compares with the platform by itself (rollguard reconcile run still does)',
    fallback: 'true',
    parse: flag,
  },
  RECONCILIATION_INTERVAL_MS: {
    about: 'between two runs of the reconciliation, whichever instance makes them',
    fallback: '3600000',
    parse: count,
  },
  RECONCILIATION_TENANTS: {
    about: 'whose tables the scheduled reconciliation compares, comma or blank between; empty: all',
    fallback: '',
    parse: words,
  },
  RECONCILIATION_PAYMENTS_ENABLED: {
    about: "true: the platform's payments are compared with what was earned too",
    fallback: 'false',
    parse: flag,
  },
  RECONCILIATION_GRACE_MS: {
    about: 'what differs is looked at again after it, before it is drift',
    fallback: '5000',
    parse: count,
  },
  RECONCILIATION_BEHIND_AFTER_MS: {
    about: 'how long what the platform wrote may take to be stored; then a run ends as behind',
    fallback: '120000',
    parse: count,
  },
  DESERIALIZATION_FAILURE: {
    about: 'a record whose bytes cannot be read: dead-letter, continue (without it) or fail (stop)',
    fallback: 'dead-letter',
    parse: failurePolicy,
  },
  PROCESSING_FAILURE: {
    about: 'a record that fails PROCESSING_ATTEMPTS_MAX times: dead-letter, continue or fail',
    fallback: 'dead-letter',
    parse: failurePolicy,
  },
  PROCESSING_ATTEMPTS_MAX: {
    about: 'how often a record is tried that fails in processing',
    fallback: '2',
    parse: count,
  },
  PRODUCTION_FAILURE: {
    about: 'a record whose results cannot be written: dead-letter, continue or fail',
    fallback: 'dead-letter',
    parse: failurePolicy,
  },
  LOG_LEVEL: {
    about: 'debug, info, warn or error',
    fallback: 'info',
    parse: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error'),
  },
} as const satisfies Record<string, Setting>;

/** Where the two services run apart, they have the platform's ports of each. */
const ofRollAlone: Readonly<Record<string, string>> = { HTTP_PORT: '3900', GRPC_PORT: '4401' };

export type SettingName = keyof typeof settingsTable;
export type Settings = {
  readonly [Name in SettingName]: z.output<(typeof settingsTable)[Name]['parse']>;
};

/**
 * Checks one set of values.
 * @throws CONFIG_INVALID naming the setting and what it must be.
 */
export function parseSettings(values: Readonly<Record<string, string | undefined>>): Settings {
  const defaults = values['ROLLGUARD_SERVICES'] === 'roll' ? ofRollAlone : {};
  const entries = Object.entries(settingsTable as Record<string, Setting>).map(
    ([name, setting]) => {
      const value = values[name] ?? defaults[name] ?? setting.fallback;
      if (value === undefined) {
        throw new RollguardError('CONFIG_INVALID', `${name} is not set: ${setting.about}`);
      }
      const result = setting.parse.safeParse(value);
      if (!result.success) {
        const message = result.error.issues[0]?.message ?? 'is not valid';
        const shown = setting.isSecret === true ? name : `${name}=${value}`;
        throw new RollguardError('CONFIG_INVALID', `${shown}: ${message}`);
      }
      return [name, result.data] as const;
    },
  );
  return Object.freeze(Object.fromEntries(entries)) as Settings;
}

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  const lines = Object.entries(settingsTable as Record<string, Setting>).flatMap(
    ([name, setting]) => [
      `# ${setting.about}`,
      setting.fallback === undefined ? `${name}=` : `# ${name}=${setting.fallback}`,
      '',
    ],
  );
  return ['# Settings of Rollguard. A commented line shows the default.', '', ...lines].join('\n');
}
