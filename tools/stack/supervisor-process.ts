/** The supervisor's process: wires the supervisor to signals and to its starter's IPC channel. */
import { systemClock } from '../../kernel/clock.ts';
import { isRollguardError, messageOf } from '../../kernel/errors.ts';
import { identify } from './processes.ts';
import { stackFolders } from './stack-folders.ts';
import { Supervisor } from './supervisor.ts';
import { repairSignal, type FromSupervisor, type SupervisorTask } from './supervisor-messages.ts';

const logCheckIntervalMs = 5_000;

function tell(message: FromSupervisor): void {
  // A starter that is gone hears nothing; that it is gone is noticed by `disconnect`.
  if (process.connected) process.send?.(message, () => undefined);
}

function progress(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  tell({ kind: 'progress', line });
}

async function main(task: SupervisorTask): Promise<void> {
  const self = identify(process.pid);
  const owner = identify(process.ppid);
  // The starter was gone before this began.
  if (self === undefined || owner === undefined || !process.connected) return;
  const { root, stateDir, timeoutMs, parts } = task;
  const folders = stackFolders({ root, stateDir, env: process.env });
  const clock = systemClock;
  const supervisor = new Supervisor({
    ...{ folders, env: process.env, clock, progress, self, owner, timeoutMs, parts },
  });
  let isKept = false;
  const stop = (): void => void supervisor.stop().finally(() => process.exit(0));
  process.on('message', () => {
    isKept = true;
    supervisor.keep();
    process.disconnect();
  });
  process.on('disconnect', () => {
    if (!isKept) stop();
  });
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on(repairSignal, () => {
    supervisor.repair().catch((error: unknown) => progress(`repair failed: ${messageOf(error)}`));
  });
  setInterval(() => supervisor.boundLogs(), logCheckIntervalMs);
  await supervisor.start();
  tell({ kind: 'ready' });
}

main(JSON.parse(process.argv[2] ?? '{}') as SupervisorTask).catch((error: unknown) => {
  const code = isRollguardError(error) ? error.code : 'STACK_START';
  process.stderr.write(`${messageOf(error)}\n`);
  if (!isRollguardError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  const failed: FromSupervisor = { kind: 'failed', code, message: messageOf(error) };
  if (process.connected) process.send?.(failed, () => process.exit(1));
  else process.exit(1);
});
