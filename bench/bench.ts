/** `npm run bench -- <what>`: measures against peers, on this machine, in one run. */
import { Command } from 'commander';
import { createCliContext } from '../tools/cli-context.ts';
import { runCommand } from '../tools/cli.ts';
import { backfillBenchCommand } from './backfill/backfill-bench-command.ts';
import { eosBenchCommand } from './eos/eos-bench-command.ts';
import { guardBenchCommand } from './guard/guard-bench-command.ts';
import { instancesBenchCommand } from './instances/instances-bench-command.ts';
import { projectorBenchCommand } from './projector/projector-bench-command.ts';
import { reconciliationBenchCommand } from './reconciliation/reconciliation-bench-command.ts';
import { replayBenchCommand } from './replay/replay-bench-command.ts';
import { restoreBenchCommand } from './restore/restore-bench-command.ts';
import { soakBenchCommand } from './soak/soak-bench-command.ts';
import { streamsBenchCommand } from './streams/streams-bench-command.ts';
import { transportBenchCommand } from './transport/transport-bench-command.ts';

/** Returns the exit code: 0 measured, 1 failed, 2 usage, 3 a room was sold twice. */
export function bench(args: readonly string[], cli = createCliContext()): Promise<number> {
  const program = new Command('npm run bench --').description(
    'figures beside peers, taken on this machine in the same run',
  );
  program.addCommand(guardBenchCommand(cli));
  program.addCommand(transportBenchCommand(cli));
  program.addCommand(eosBenchCommand(cli));
  program.addCommand(streamsBenchCommand(cli));
  program.addCommand(restoreBenchCommand(cli));
  program.addCommand(replayBenchCommand(cli));
  program.addCommand(backfillBenchCommand(cli));
  program.addCommand(projectorBenchCommand(cli));
  program.addCommand(reconciliationBenchCommand(cli));
  program.addCommand(soakBenchCommand(cli));
  program.addCommand(instancesBenchCommand(cli));
  return runCommand(program, args, cli);
}
