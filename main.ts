/**
 * The application: reads the settings, wires every part, serves until SIGTERM or SIGINT (or until the
 * parent that forked it is gone). The one place outside tools/ that reads the environment.
 */
import { existsSync, readFileSync, writeSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { startApplication, type Application } from './api/application.ts';
import { systemClock } from './kernel/clock.ts';
import { messageOf } from './kernel/errors.ts';
import {
  noFailpoints,
  parseFailpoints,
  type FailpointEffects,
  type Failpoints,
} from './kernel/failpoints.ts';
import { createLogger, type Logger } from './kernel/logger.ts';
import { parseSettings } from './kernel/settings.ts';

const envFile = '.env';
const secondSignalExitCode = 130;
const stderr = 2;

const failpointEffects: FailpointEffects = {
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  // The event loop stands still: no heartbeat, no answer, no timer.
  pause: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  // Written at once: a killed process flushes nothing.
  report: (line) => void writeSync(stderr, `${line}\n`),
};

async function main(): Promise<void> {
  const fromFile = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  const settings = parseSettings({ ...fromFile, ...process.env });
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  const logger = createLogger({ level: settings.LOG_LEVEL, clock: systemClock, write });
  const failpoints = armedFailpoints(logger);
  const application = await startApplication({ settings, clock: systemClock, logger, failpoints });
  stopOnSignals(application, logger);
  const { httpPort, grpcPort } = application;
  process.send?.({ httpPort, grpcPort });
  logger.info('serving', { httpPort, grpcPort });
  await application.done();
  await application.close();
  logger.info('stopped', {});
  // Without a parent's channel nothing would keep the process; with it, it has to be let go.
  // That is no signal to stop any more.
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}

/** Not a setting: for whoever works on the engine, and therefore not read from `.env`. */
function armedFailpoints(logger: Logger): Failpoints {
  const text = process.env['ROLLGUARD_FAILPOINTS'] ?? '';
  if (text === '') return noFailpoints;
  const failpoints = parseFailpoints(text, failpointEffects);
  logger.warn('failpoints are armed: this instance will fail on purpose', { failpoints: text });
  return failpoints;
}

function stopOnSignals(application: Application, logger: Logger): void {
  let signals = 0;
  const stop = (reason?: string): void => {
    signals += 1;
    if (signals > 1) process.exit(secondSignalExitCode);
    logger.info('stopping', { reason: reason ?? 'the parent is gone' });
    void application.close();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.once('disconnect', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`rollguard: ${messageOf(error)}\n`);
  process.exit(1);
});
