/**
 * One command of the command line in a process of its own, measured from within: the time to load the
 * program is not in its figures. `node --import tsx measured-command.ts <arguments>` prints one line.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { rounded } from '../measure.ts';

export interface MeasuredCommand {
  readonly exitCode: number;
  /** What it wrote on stdout. */
  readonly out: string;
  readonly seconds: number;
  /** Of this process, all its threads. */
  readonly cpuSeconds: number;
  /** Resident set before it began, MiB. */
  readonly baseRssMb: number;
  /** Highest resident set, MiB. */
  readonly peakRssMb: number;
  /** How long nothing else could have been done at a time: what an instance's callers would have waited. */
  readonly blockedP99Ms: number;
  readonly blockedMaxMs: number;
}

const bytesPerMegabyte = 1024 * 1024;
const kilobytesPerMegabyte = 1024;
const delayResolutionMs = 5;

let out = '';
const baseRssMb = Math.round(process.memoryUsage.rss() / bytesPerMegabyte);
const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
delay.enable();
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
const exitCode = await runCli(process.argv.slice(2), {
  ...createCliContext(),
  out: (text) => void (out += text),
});
delay.disable();
// The histogram holds the time from one tick of its timer to the next.
const blockedMs = (nanos: number): number =>
  Math.round(Math.max(0, nanos / 1e6 - delayResolutionMs));
const { user, system } = process.cpuUsage(cpuBefore);
const measured: MeasuredCommand = {
  ...{ exitCode, out, baseRssMb },
  seconds: rounded((performance.now() - startedMs) / 1_000),
  cpuSeconds: rounded((user + system) / 1e6),
  peakRssMb: Math.round(process.resourceUsage().maxRSS / kilobytesPerMegabyte),
  blockedP99Ms: blockedMs(delay.percentile(99)),
  blockedMaxMs: blockedMs(delay.max),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
