/**
 * Reads the topic of commands and sends ours on to the partitions that decide them: a lock by the key of
 * its room type, a release by the hash in its lock id, a bulk release in as many parts as partitions
 * have some of its ids. A command that names no target service is for nobody.
 */
import { RollguardError } from '../../../kernel/errors.ts';
import { partitionFor } from '../../../kernel/murmur2.ts';
import type {
  Deserializer,
  FetchedRecord,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../../streams/index.ts';
import type { BulkReleaseCommand } from '../command.ts';
import type { CommandInput } from '../input.ts';
import { partitionKeyOf, partitionOfLock } from '../lock-id.ts';
import { readCommand, targetServiceOf } from './command-envelope.ts';
import { originalOf, type OriginalRecord, type RoutedCommand } from './routed-command.ts';

export interface CommandInboxOptions {
  /** As `metadata.targetService` names the guard. */
  readonly serviceId: string;
  /** Of the guard. */
  readonly partitionCount: number;
  /** The value of an Avro record, in the Confluent wire format. */
  readonly decodeAvro: (value: Buffer) => MaybePromise<unknown>;
}

export interface ReceivedCommand {
  readonly input: CommandInput;
  readonly original: OriginalRecord;
}

export interface CommandRoute {
  readonly partition: number;
  readonly command: RoutedCommand;
}

const targetHeader = 'x-command-target';
/** Of the Confluent wire format. */
const avroMagic = 0;

/** @throws DECODE_FAILED and what decoding Avro throws: the record is dead-lettered. */
export function commandSource(options: CommandInboxOptions): Deserializer<string, ReceivedCommand> {
  return (record, origin) => {
    const { value } = record;
    if (value === null || isForAnother(record, options.serviceId)) return undefined;
    const receive = (envelope: unknown): StreamRecord<string, ReceivedCommand> | undefined => {
      if (targetServiceOf(envelope) !== options.serviceId) return undefined;
      const input = readCommand(envelope, record.timestampMs);
      const original = originalOf(record, origin);
      return { key: input.commandId, value: { input, original }, timestampMs: record.timestampMs };
    };
    if (value[0] !== avroMagic) return receive(jsonOf(value));
    const decoded = options.decodeAvro(value);
    return decoded instanceof Promise ? decoded.then(receive) : receive(decoded);
  };
}

/** Sends each command on, or its parts. */
export class CommandInbox implements Processor<string, ReceivedCommand> {
  readonly #partitionCount: number;
  #context!: ProcessorContext;

  constructor({ partitionCount }: Pick<CommandInboxOptions, 'partitionCount'>) {
    this.#partitionCount = partitionCount;
  }

  init(context: ProcessorContext): void {
    this.#context = context;
  }

  process({ key, value, timestampMs }: StreamRecord<string, ReceivedCommand>): void {
    const { input, original } = value;
    for (const [partition, part] of this.#partsOf(input)) {
      const command: RoutedCommand = { kind: 'routed-command', input: part, original };
      const route: CommandRoute = { partition, command };
      void this.#context.forward({ key, value: route, timestampMs });
    }
  }

  #partsOf(input: CommandInput): ReadonlyMap<number, CommandInput> {
    const { command } = input;
    switch (command.kind) {
      case 'lock': {
        const key = Buffer.from(partitionKeyOf(command));
        return new Map([[partitionFor(key, this.#partitionCount), input]]);
      }
      case 'release': {
        const partition = partitionOfLock(command.lockId, this.#partitionCount);
        if (partition === undefined) throw noLockId(command.lockId);
        return new Map([[partition, input]]);
      }
      case 'bulk-release':
        return this.#bulkParts(input, command);
    }
  }

  #bulkParts(input: CommandInput, command: BulkReleaseCommand): ReadonlyMap<number, CommandInput> {
    const idsOf = new Map<number, string[]>();
    for (const lockId of command.lockIds ?? []) {
      // What is no lock id of ours was never held: nothing is left to be done for it.
      const partition = partitionOfLock(lockId, this.#partitionCount);
      if (partition === undefined) continue;
      const ids = idsOf.get(partition) ?? [];
      ids.push(lockId);
      idsOf.set(partition, ids);
    }
    if (idsOf.size === 0) throw noLockId(command.lockIds?.[0] ?? '');
    return new Map(
      [...idsOf].map(([partition, lockIds]) => [
        partition,
        { ...input, command: { ...command, lockIds } },
      ]),
    );
  }
}

/** Known without its value being read; another service's bytes are not ours to complain of. */
function isForAnother({ headers }: FetchedRecord, serviceId: string): boolean {
  const target = headers.find(({ key }) => key === targetHeader)?.value;
  return target !== undefined && target !== null && String(target) !== serviceId;
}

function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as unknown;
  } catch (error) {
    throw new RollguardError('DECODE_FAILED', 'the command is neither Avro nor JSON in UTF-8', {
      cause: error,
    });
  }
}

function noLockId(lockId: string): RollguardError {
  return new RollguardError('DECODE_FAILED', `payload.lockId: ${lockId} is no id of a lock`);
}
