/** `rollguard dlq list|redrive`: records that could not be used, and putting them back. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { deadLetterTopic } from '../../streams/dead-letter.ts';
import { readDeadLetters, type DeadLetter } from '../../streams/dead-letter-reader.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { Settings } from '../../kernel/settings.ts';
import { rollApplicationId } from '../../topology/roll/roll-names.ts';
import { applicationSettings, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { matches, type DeadLetterFilter } from '../dlq/dead-letter-filter.ts';
import { redrive } from '../dlq/redrive.ts';
import { interruptible } from '../interruptible.ts';

interface Flags {
  readonly service: 'roll' | 'guard';
  readonly brokers?: string;
  readonly application?: string;
  readonly topic?: string;
  readonly stage?: string;
  readonly code?: string;
  readonly offset?: readonly number[];
  readonly since?: number;
  readonly limit: number;
  readonly json?: true;
}

interface ListFlags extends Flags {
  readonly pending?: true;
}

interface RedriveFlags extends Flags {
  readonly all?: true;
  readonly again?: true;
  readonly dryRun?: true;
  readonly keyFile?: string;
  readonly valueFile?: string;
}

const listLimit = 100;
const redriveLimit = 10_000;
const shownMessageLength = 160;

/** @param openPort Kafka for the command; another one in tests. */
export function dlqCommand(cli: CliContext, openPort = commandPort): Command {
  const dlq = new Command('dlq').description('records that could not be used (dead letters)');
  withFilter(dlq.command('list'), listLimit)
    .description('show dead letters: where each came from, why it could not be used')
    .option('--pending', 'only those that were not put back')
    .addHelpText('after', listExamples)
    .action((flags: ListFlags) => list(flags, cli, openPort));
  withFilter(dlq.command('redrive'), redriveLimit)
    .description(
      'put dead letters back where they came from; each once, marked in the same transaction',
    )
    .option('--all', 'every letter that was not put back')
    .option('--again', 'also those that were put back before')
    .option('--value-file <file>', 'these bytes instead of the value (of one letter, see --offset)')
    .option('--key-file <file>', 'these bytes instead of the key (of one letter)')
    .option('--dry-run', 'only say what would be put back')
    .addHelpText('after', redriveExamples)
    .action((flags: RedriveFlags) => putBack(flags, cli, openPort));
  return dlq;
}

function withFilter(command: Command, limit: number): Command {
  return command
    .addOption(
      new Option('--service <service>', 'whose dead letters')
        .choices(['roll', 'guard'])
        .default('roll'),
    )
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option(
      '--application <id>',
      'those in <id>-dlq (default: roll-service with its suffix; guard: INVENTORY_EVENTS_DLQ_TOPIC)',
    )
    .option('--topic <name>', 'only records of this topic')
    .addOption(
      new Option('--stage <stage>', 'only failures of this stage').choices([
        'deserialize',
        'process',
        'produce',
      ]),
    )
    .option('--code <code>', 'only failures with this error code, e.g. SCHEMA_UNKNOWN_ID')
    .option('--offset <offset…>', 'only these offsets of the dead-letter topic', offsets)
    .option('--since <time>', 'only records of this time or later (ISO 8601)', time)
    .option('--limit <count>', 'at most so many letters', count, limit)
    .option('--json', 'print one JSON object on stdout');
}

const listExamples = `
Examples:
  rollguard dlq list --pending
  rollguard dlq list --service guard
  rollguard dlq list --topic platform.public.reservations --code SCHEMA_UNKNOWN_ID --json

With --json, keys and values are base64. Without KAFKA_BROKERS a running local stack is used.`;

const redriveExamples = `
Examples:
  rollguard dlq redrive --code SCHEMA_UNKNOWN_ID --dry-run
  rollguard dlq redrive --all
  rollguard dlq redrive --service guard --topic platform.public.rooms
  rollguard dlq redrive --offset 17 --value-file mended.bin

A letter that fails again is dead-lettered again, as a new letter. Interrupted or failed: run it again,
what was put back is marked and stays out.`;

type OpenPort = typeof commandPort;

async function list(flags: ListFlags, cli: CliContext, openPort: OpenPort): Promise<void> {
  await onTopic(flags, cli, openPort, async (port, topic) => {
    const filter = { ...filterOf(flags), withRedriven: flags.pending !== true };
    const letters: DeadLetter[] = [];
    await readDeadLetters(port, topic, (letter) => {
      if (matches(letter, filter)) letters.push(letter);
      return letters.length <= flags.limit;
    });
    const isMore = letters.splice(flags.limit).length > 0;
    if (flags.json === true) {
      cli.out(`${JSON.stringify({ topic, letters: letters.map(asJson), isMore })}\n`);
      return;
    }
    cli.out(letters.length === 0 ? `no dead letters in ${topic}\n` : letters.map(asText).join(''));
    if (isMore) cli.progress(`dlq: more than ${flags.limit}; raise --limit or narrow the filter`);
  });
}

async function putBack(flags: RedriveFlags, cli: CliContext, openPort: OpenPort): Promise<void> {
  const filter = { ...filterOf(flags), withRedriven: flags.again === true };
  const isNarrow = Object.values(filterOf(flags)).some((value) => value !== undefined);
  if (!isNarrow && flags.all !== true) {
    throw new RollguardError(
      'USAGE',
      'what to put back: give --all, or a filter such as --code or --offset',
    );
  }
  const mended = mendedRecord(flags);
  const interrupted = 'interrupted between two transactions; run it again to go on';
  await interruptible(interrupted, (signal) =>
    onTopic(flags, cli, openPort, async (port, topic) => {
      const letters = await redrive({
        ...{ port, topic, filter, mended, limit: flags.limit, clock: cli.clock },
        ...{ dryRun: flags.dryRun === true, progress: cli.progress, signal },
      });
      if (flags.json === true) {
        const dryRun = flags.dryRun === true;
        cli.out(`${JSON.stringify({ topic, dryRun, letters: letters.map(asJson) })}\n`);
      } else {
        const verb = flags.dryRun === true ? 'would be put back' : 'put back';
        cli.out(`${letters.map(asText).join('')}${letters.length} ${verb}\n`);
      }
    }),
  );
}

function mendedRecord({ keyFile, valueFile, offset }: RedriveFlags) {
  if (keyFile === undefined && valueFile === undefined) return {};
  if (offset?.length !== 1) {
    throw new RollguardError(
      'USAGE',
      '--value-file and --key-file mend one letter: name it with --offset',
    );
  }
  return {
    ...(keyFile === undefined ? {} : { key: readBytes('--key-file', keyFile) }),
    ...(valueFile === undefined ? {} : { value: readBytes('--value-file', valueFile) }),
  };
}

function readBytes(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new RollguardError('INPUT_INVALID', `${flag} ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function onTopic(
  flags: Flags,
  cli: CliContext,
  openPort: OpenPort,
  work: (port: KafkaPort, topic: string) => Promise<void>,
): Promise<void> {
  // The registry is not asked; its address only has to be there.
  const registryUrl = cli.env['SCHEMA_REGISTRY_URL'];
  const withRegistry =
    flags.brokers === undefined && cli.env['KAFKA_BROKERS'] === undefined
      ? {}
      : { registryUrl: registryUrl ?? 'http://unused' };
  const settings = applicationSettings('dlq', { ...flags, ...withRegistry }, cli);
  const topic = topicOf(flags, settings);
  const port = openPort(settings, cli);
  try {
    if ((await port.admin.describeTopics([topic])).length === 0) {
      throw new RollguardError(
        'TOPIC_MISSING',
        `there is no dead-letter topic ${topic}; name the service with --service, or the application with --application`,
      );
    }
    await work(port, topic);
  } finally {
    await port.close();
  }
}

function topicOf({ service, application }: Flags, settings: Settings): string {
  if (application !== undefined) return deadLetterTopic({ applicationId: application });
  return service === 'guard'
    ? settings.INVENTORY_EVENTS_DLQ_TOPIC
    : deadLetterTopic({ applicationId: rollApplicationId(settings) });
}

function filterOf({
  topic,
  stage,
  code,
  offset,
  since,
}: Flags): Omit<DeadLetterFilter, 'withRedriven'> {
  return { topic, stage, code, offsets: offset, sinceMs: since };
}

function asText(letter: DeadLetter): string {
  const { partition, offset, from, stage, code, message, attempt, redrivenAtMs, value } = letter;
  const state =
    redrivenAtMs === undefined ? '' : `  put back ${new Date(redrivenAtMs).toISOString()}`;
  const tries = attempt > 1 ? ` after ${attempt} attempts` : '';
  return (
    `${partition}@${offset}  ${from.topic}-${from.partition}@${from.offset}  ${stage} ${code}${tries}  ` +
    `${value === null ? 'no value' : `${value.length} bytes`}${state}\n    ${message.slice(0, shownMessageLength)}\n`
  );
}

function asJson({ key, value, headers, timestampMs, redrivenAtMs, ...letter }: DeadLetter): object {
  const base64 = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null;
  return {
    ...letter,
    timestamp: new Date(timestampMs).toISOString(),
    redrivenAt: redrivenAtMs === undefined ? null : new Date(redrivenAtMs).toISOString(),
    key: base64(key),
    value: base64(value),
    headers: headers.map((header) => ({ key: header.key, value: base64(header.value) })),
  };
}

function offsets(text: string, earlier: readonly number[] = []): readonly number[] {
  const more = text.split(',').map((part) => {
    if (/^\d{1,15}$/.test(part)) return Number(part);
    throw new InvalidArgumentError('It must be a whole number, or several with commas.');
  });
  return [...earlier, ...more];
}

function time(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('It must be a time like 2026-11-23T10:00:00Z.');
  return ms;
}

function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}
