/**
 * The captured tables' topics beside the tables: the newest version of every row in its topic says what the
 * row says now, and no row is in one of both alone. Rows are read by SQL, records by our decoder; neither
 * knows of a recovery.
 */
import { openDatabase } from '../../database/connection.ts';
import { DebeziumDecoder, type ChangeEvent } from '../../schemas/debezium-envelope.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { FetchedRecord, KafkaPort } from '../../streams/kafka/port.ts';
import { compareVersions, rowVersionOf } from '../../topology/captured/row-version.ts';
import { withEpoch } from '../../topology/captured/row-change.ts';

export interface CompareTopicsOptions {
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  readonly databaseUrl: string;
  readonly topicPrefix: string;
}

/** Table, key, and what is compared. */
const compared: readonly (readonly [table: string, key: string, content: string])[] = [
  ['reservations', 'id', 'status'],
  ['reservation_command_lifecycle', 'event_id', 'current_state'],
  ['rooms', 'id', 'room_number'],
  ['properties', 'id', 'timezone'],
];
const shownMax = 3;

interface Known {
  readonly version: string;
  readonly content: string | undefined;
}

export interface TopicComparison {
  /** Of the tables. */
  readonly rows: number;
  /** In words. */
  readonly differences: readonly string[];
}

export async function compareTopics(options: CompareTopicsOptions): Promise<TopicComparison> {
  const differences: string[] = [];
  let count = 0;
  for (const [table, key, content] of compared) {
    const rows = await rowsOf(options, table, [key, content]);
    const captured = await newestOf(options, table, [key, content]);
    count += rows.size;
    const wrong: string[] = [];
    for (const [id, text] of rows) {
      const known = captured.get(id)?.content;
      if (known !== text) wrong.push(`${id} is ${text}, captured as ${known ?? 'not there'}`);
    }
    for (const [id, known] of captured) {
      if (known.content !== undefined && !rows.has(id))
        wrong.push(`${id} is gone, captured as ${known.content}`);
    }
    const shown = wrong.slice(0, shownMax).join('; ');
    if (wrong.length > 0) differences.push(`V7 ${table}: ${wrong.length} rows: ${shown}`);
  }
  return { rows: count, differences };
}

async function rowsOf(
  { databaseUrl }: CompareTopicsOptions,
  table: string,
  [key, content]: readonly [string, string],
): Promise<ReadonlyMap<string, string>> {
  const names = { setting: 'PLATFORM_ADMIN_DATABASE_URL', applicationName: 'rollguard drill' };
  const database = await openDatabase({ url: databaseUrl, ...names, isReadOnly: true });
  try {
    const text = `SELECT ${key}::text AS key, ${content}::text AS content FROM public.${table}`;
    const { rows } = await database.query(text);
    return new Map(rows.map((row) => [row['key'] as string, row['content'] as string]));
  } finally {
    await database.close();
  }
}

async function newestOf(
  { port, registry, topicPrefix }: CompareTopicsOptions,
  table: string,
  [key, content]: readonly [string, string],
): Promise<ReadonlyMap<string, Known>> {
  const decoder = new DebeziumDecoder({ registry, columns: { [table]: [key, content] } });
  const newest = new Map<string, Known>();
  const add = (record: FetchedRecord, change: ChangeEvent<Record<string, string>>): void => {
    const id = (change.after ?? change.before)?.[key] ?? '';
    const version = rowVersionOf(table, withEpoch(change, record).source).value ?? '';
    const known = newest.get(id);
    if (known !== undefined && compareVersions(version, known.version) < 0) return;
    newest.set(id, { version, content: change.after?.[content] });
  };
  const records: FetchedRecord[] = [];
  const topic = `${topicPrefix}.public.${table}`;
  await readRanges(port, await wholeTopics(port, [topic]), (record) => records.push(record) > 0);
  for (const record of records) {
    if (record.value !== null) add(record, await decoder.decode(table, record.value));
  }
  return newest;
}
