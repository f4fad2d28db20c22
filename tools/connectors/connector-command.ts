/** What the verbs of `rollguard connectors` have in common. */
import { Command, InvalidArgumentError } from 'commander';
import { interruptible } from '../interruptible.ts';

export const defaultWaitSeconds = 90;

/** A verb with the settings that all of them take. */
export function commandWithSettings(name: string): Command {
  return new Command(name)
    .option('--connect-url <url>', "Kafka Connect's REST address (default: KAFKA_CONNECT_URL)")
    .option(
      '--database-url <url>',
      "the platform's Postgres as the worker sees it (default: PLATFORM_DATABASE_URL)",
    )
    .option('--registry-url <url>', 'the registry (default: SCHEMA_REGISTRY_URL)')
    .option(
      '--password-reference <reference>',
      'where the worker finds the password (default: ROLLGUARD_CDC_PASSWORD_REFERENCE, else ${env:ROLLGUARD_CDC_PASSWORD})',
    )
    .option('--config <file>', "JSON that overrides the connector's settings")
    .option('--json', 'print one JSON object on stdout');
}

export const localStackNote = `
Without any address, flag or setting, a running local stack (\`rollguard stack up\`) is used.`;

/** Ctrl-C ends the wait; what Connect was told stays as it is. */
export async function untilInterrupted<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const message = 'interrupted; what was sent to Connect stays, apply again to go on';
  return interruptible(message, async (signal) => {
    try {
      return await work(signal);
    } catch (error) {
      // A request that was cut off reports the address as silent, which is not what happened.
      signal.throwIfAborted();
      throw error;
    }
  });
}

/** An option's whole number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}
