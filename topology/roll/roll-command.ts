/** The commands that leave an entry in the ledger. */
import {
  isPlainlyReadable,
  lifecycleTable,
  readLifecycleRow,
  type Command,
  type LifecycleColumns,
  type LifecycleReading,
} from '../captured/lifecycle-row.ts';
import { rowProblem, type Read } from '../captured/row-problem.ts';

const rollTypeOfCommand = {
  'reservation.check_out': 'CHECKOUT',
  'reservation.cancel': 'CANCEL',
  'reservation.no_show': 'NO_SHOW',
} as const;
export type CommandRollType = (typeof rollTypeOfCommand)[keyof typeof rollTypeOfCommand];

/** The kind of entry that a command leaves once it is APPLIED; undefined: none, it is skipped. */
export function rollTypeOf(commandName: string): CommandRollType | undefined {
  return Object.hasOwn(rollTypeOfCommand, commandName)
    ? rollTypeOfCommand[commandName as keyof typeof rollTypeOfCommand]
    : undefined;
}

/**
 * True for most commands: they leave no entry, whatever becomes of them, as a command never changes its
 * name, and do not say at which property the stay is.
 */
export function saysNothing({ commandName, stay }: Command): boolean {
  return stay?.propertyId === undefined && rollTypeOf(commandName) === undefined;
}

/** The same of a row whose JSON nobody has read: false where that has to be read to know. */
export function plainlySaysNothing(row: LifecycleColumns): boolean {
  const { command_name: name, metadata } = row;
  const tellsStay = typeof metadata === 'string' ? metadata.includes('"stay"') : metadata !== null;
  return !tellsStay && rollTypeOf(name) === undefined && isPlainlyReadable(row);
}

/** Reads a captured row; a command that leaves an entry must name its reservation. */
export function readRollCommand(row: LifecycleColumns): Read<LifecycleReading> {
  const read = readLifecycleRow(row);
  if (read.problem !== undefined || read.value.reservationId !== undefined) return read;
  const { commandName } = read.value.command;
  if (rollTypeOf(commandName) === undefined) return read;
  const message = `an entry of ${commandName} needs the reservation it belongs to`;
  return rowProblem({
    table: lifecycleTable,
    field: 'reservation_id',
    reason: 'unreadable',
    message,
  });
}
