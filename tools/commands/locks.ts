/** `rollguard locks …`: the guard, asked over its HTTP API. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type {
  AvailabilityBody,
  LockBody,
  LockRoomBody,
  LocksBody,
  ReleasedBody,
} from '../../api/guard/lock-body.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { ApiClient } from '../api-client.ts';
import { showAnswer, tenantNote, type ApiVerbFlags } from '../api-verb.ts';
import {
  renderAvailability,
  renderConflict,
  renderLock,
  renderLocks,
} from '../locks/lock-report.ts';
import {
  lockPath,
  partialOption,
  tellMissing,
  verb,
  wholeNumber,
  write,
  writeVerb,
  type WriteFlags,
} from '../locks/lock-verbs.ts';
import { auditCommand, manualReleaseCommand } from './locks-by-hand.ts';

const conflictExitCode = 1;

export function locksCommand(cli: CliContext): Command {
  return new Command('locks')
    .description('holds on rooms and room types, and what is free')
    .addCommand(getCommand(cli))
    .addCommand(listCommand(cli))
    .addCommand(lockCommand(cli))
    .addCommand(releaseCommand(cli))
    .addCommand(availabilityCommand(cli))
    .addCommand(manualReleaseCommand(cli))
    .addCommand(auditCommand(cli));
}

function getCommand(cli: CliContext): Command {
  return verb('get')
    .description('one lock')
    .argument('<lockId>')
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks get 1c000000-0000-8000-8000-000000000001
  rollguard locks get 1c000000-0000-8000-8000-000000000001 --json
${tenantNote}`,
    )
    .action(async (lockId: string, flags: ApiVerbFlags) => {
      const { body } = await new ApiClient(flags, cli).ask({
        method: 'GET',
        path: lockPath(lockId),
      });
      showAnswer(flags, cli, body, () => renderLock(body as LockBody));
    });
}

interface ListFlags extends ApiVerbFlags {
  readonly room?: string;
  readonly roomType?: string;
  readonly reservation?: string;
  readonly from?: string;
  readonly to?: string;
  readonly status?: string;
  readonly cursor?: string;
  readonly limit?: number;
  readonly partial?: true;
}

function listCommand(cli: CliContext): Command {
  return verb('list')
    .description(
      'the locks of a room, a room type or a reservation; the live ones unless --status says others',
    )
    .option('--room <id>', 'of this room')
    .option('--room-type <id>', 'of this type, with a room or without')
    .option('--reservation <id>', 'of this reservation, of every type')
    .option(
      '--from <time>',
      'only stays that end after this (ISO 8601; a date is its start in UTC)',
    )
    .option('--to <time>', 'only stays that begin before this')
    .addOption(
      new Option('--status <status>', 'only these').choices([
        ...['TENTATIVE', 'CONFIRMED', 'RELEASED', 'EXPIRED'],
      ]),
    )
    .option('--cursor <cursor>', 'where the page before ended')
    .option('--limit <count>', 'at most so many, up to 500', wholeNumber)
    .addOption(partialOption())
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks list --room-type 4e000000-0000-4000-8000-000000000001 --from 2026-05-01 --to 2026-06-01
  rollguard locks list --room 3e000000-0000-4000-8000-000000000001 --status RELEASED --json
${tenantNote}`,
    )
    .action((flags: ListFlags) => list(flags, cli));
}

async function list(flags: ListFlags, cli: CliContext): Promise<void> {
  const { room, roomType, reservation: reservationId, from, to, status, cursor, limit } = flags;
  const which = [room, roomType, reservationId].filter((each) => each !== undefined);
  if (which.length !== 1) {
    const message = 'which locks: give one of --room, --room-type and --reservation';
    throw new RollguardError('USAGE', message);
  }
  const of = { roomId: room, roomTypeId: roomType, reservationId };
  const query = { ...of, from, to, status, cursor, limit, partial: flags.partial };
  const client = new ApiClient(flags, cli);
  const { body } = await client.ask({ method: 'GET', path: '/v1/locks', query });
  showAnswer(flags, cli, body, () => renderLocks(body as LocksBody));
  const { nextCursor, missingPartitions } = body as LocksBody;
  tellMissing(missingPartitions, cli);
  if (nextCursor !== null) cli.progress(`locks: there are more; add --cursor ${nextCursor}`);
}

interface LockFlags extends WriteFlags {
  readonly roomType: string;
  readonly room?: string;
  readonly property?: string;
  readonly from: string;
  readonly to: string;
  readonly key?: string;
  readonly ttl?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

function lockCommand(cli: CliContext): Command {
  return writeVerb('lock')
    .description('hold a room, or a room of a type; exit 1 on a conflict')
    .requiredOption('--room-type <id>', 'the type')
    .option('--room <id>', 'this room (default: any room of the type)')
    .requiredOption('--from <time>', 'arrival: a date, or a time (ISO 8601)')
    .requiredOption('--to <time>', 'departure, not included')
    .option('--reservation <id>', 'whose hold it is')
    .option('--key <text>', "names the slot (default: the reservation's id)")
    .option('--property <id>', 'the property (default: that of the captured rooms)')
    .option('--ttl <seconds>', 'the hold expires after that', wholeNumber)
    .option('--metadata <name=value>', 'kept with the lock; can be repeated', metadataEntry)
    .option('--if-version <number>', "change only if this is the lock's version", wholeNumber)
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks lock --room-type 4e000000-0000-4000-8000-000000000001 --from 2026-05-10 --to 2026-05-12 \\
    --reservation 5e000000-0000-4000-8000-000000000001 --ttl 900
  rollguard locks lock --room-type 4e000000-0000-4000-8000-000000000001 --from 2026-05-10T18:00+02:00 \\
    --to 2026-05-11 --key order:17 --dry-run

The same command again gives the same lock. A conflict is printed like an answer, and exit is 1.
${tenantNote}`,
    )
    .action((flags: LockFlags) => lock(flags, cli));
}

async function lock(flags: LockFlags, cli: CliContext): Promise<void> {
  if (flags.key === undefined && flags.reservation === undefined) {
    throw new RollguardError('USAGE', 'whose hold: give --reservation, or a --key of your own');
  }
  const body = {
    roomTypeId: flags.roomType,
    roomId: flags.room,
    propertyId: flags.property,
    stayStart: flags.from,
    stayEnd: flags.to,
    reservationId: flags.reservation,
    idempotencyKey: flags.key,
    reason: flags.reason,
    ttlSeconds: flags.ttl,
    metadata: flags.metadata,
    version: flags.ifVersion,
  };
  const answer = await write(flags, cli, { method: 'POST', path: '/v1/locks', body });
  if (answer === undefined) return;
  const locked = answer as LockRoomBody;
  if (locked.status === 'CONFLICT') cli.exitCode = conflictExitCode;
  showAnswer(flags, cli, answer, () =>
    locked.status === 'CONFLICT'
      ? renderConflict(locked.conflict)
      : `${locked.isRepeat ? 'LOCKED before' : 'LOCKED'}\n${renderLock(locked.lock)}`,
  );
}

function releaseCommand(cli: CliContext): Command {
  return writeVerb('release')
    .description('end a hold')
    .argument('<lockId>')
    .option('--reservation <id>', "only if it is this reservation's")
    .option('--if-version <number>', "only if this is the lock's version", wholeNumber)
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks release 1c000000-0000-8000-8000-000000000001 --reason GUEST_CANCELLED
  rollguard locks release 1c000000-0000-8000-8000-000000000001 --if-version 17 --json

Releasing again gives the same lock.
${tenantNote}`,
    )
    .action((lockId: string, flags: WriteFlags) => release(lockId, flags, cli));
}

async function release(lockId: string, flags: WriteFlags, cli: CliContext): Promise<void> {
  const { reservation, reason, ifVersion: version } = flags;
  const body = { reservationId: reservation, reason, version };
  const answer = await write(flags, cli, { method: 'DELETE', path: lockPath(lockId), body });
  if (answer === undefined) return;
  const released = answer as ReleasedBody;
  showAnswer(
    flags,
    cli,
    answer,
    () => `${released.isRepeat ? 'had ended before' : 'RELEASED'}\n${renderLock(released.lock)}`,
  );
}

interface AvailabilityFlags extends ApiVerbFlags {
  readonly roomType: string;
  readonly from: string;
  readonly to: string;
}

function availabilityCommand(cli: CliContext): Command {
  return verb('availability')
    .description('how many rooms of a type are free, night by night')
    .requiredOption('--room-type <id>', 'the type')
    .requiredOption('--from <date>', 'the first night (arrival)')
    .requiredOption('--to <date>', 'the night after the last (departure)')
    .addHelpText(
      'after',
      `
Examples:
  rollguard locks availability --room-type 4e000000-0000-4000-8000-000000000001 --from 2026-05-10 --to 2026-05-17
${tenantNote}`,
    )
    .action(async (flags: AvailabilityFlags) => {
      const { roomType, from, to } = flags;
      const query = { roomTypeId: roomType, from, to };
      const client = new ApiClient(flags, cli);
      const { body } = await client.ask({ method: 'GET', path: '/v1/availability', query });
      showAnswer(flags, cli, body, () => renderAvailability(body as AvailabilityBody));
    });
}

function metadataEntry(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
