/** `rollguard stack up|down|status|logs`: the real Postgres, Kafka, Connect and registry, without Docker. */
import { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';

export function stackCommand(_cli: CliContext): Command {
  return new Command('stack').description('start, stop and look at the local stack');
}
