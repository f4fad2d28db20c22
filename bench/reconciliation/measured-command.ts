/**
 * One command of the command line in a process of its own, measured from within: the time to load the
 * program is not in its figures. `node --import tsx measured-command.ts <arguments>` prints one line.
 */
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
}

const bytesPerMegabyte = 1024 * 1024;
const kilobytesPerMegabyte = 1024;

let out = '';
const baseRssMb = Math.round(process.memoryUsage.rss() / bytesPerMegabyte);
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
const exitCode = await runCli(process.argv.slice(2), {
  ...createCliContext(),
  out: (text) => void (out += text),
});
const { user, system } = process.cpuUsage(cpuBefore);
const measured: MeasuredCommand = {
  ...{ exitCode, out, baseRssMb },
  seconds: rounded((performance.now() - startedMs) / 1_000),
  cpuSeconds: rounded((user + system) / 1e6),
  peakRssMb: Math.round(process.resourceUsage().maxRSS / kilobytesPerMegabyte),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
