/** Our side, in a process of its own: `node --import tsx rollguard-peer.ts <settings file>`. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../kernel/clock.ts';
import { createLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { KafkaStreams } from '../../streams/index.ts';
import { rounded } from '../measure.ts';
import { countIn, readModifyWrite, servesAll } from '../read-modify-write.ts';
import { readSettings } from './peer-settings.ts';
import { servePeer } from './serve-peer.ts';

const pollIntervalMs = 5;
const delayResolutionMs = 10;

const settings = readSettings(process.argv[2] ?? '');
const { applicationId, brokers, input, output, stateDir, commitIntervalMs } = settings;
const clock = systemClock;
const write = (line: string): void => void process.stderr.write(line);
const logger = createLogger({ level: 'warn', clock, write });
const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
delay.enable();
const port = createKafkajsPort({ brokers, clientId: applicationId, clock, logger });
const streams = new KafkaStreams({
  ...{ topology: readModifyWrite({ input, output }), port, stateDir, stateKind: 'rocksdb' },
  options: {
    ...{ applicationId, commitIntervalMs },
    cacheBytesMax: settings.cacheMb * 1024 * 1024,
  },
  ...{ clock, logger, metrics: noMetrics },
});
streams.start();
while (!servesAll(streams)) {
  if (streams.status === 'error') throw streams.error as Error;
  await clock.sleep(pollIntervalMs);
}
delay.disable();
// The histogram holds the time from one tick of its timer to the next.
const delayMs = (nanos: number): number => rounded(Math.max(0, nanos / 1e6 - delayResolutionMs));
const peer = {
  count: (key: string) => countIn(streams, key),
  stop: async () => {
    await streams.close();
    await port.close();
  },
};
await servePeer(peer, {
  eventLoopDelayP99Ms: delayMs(delay.percentile(99)),
  eventLoopDelayMaxMs: delayMs(delay.max),
});
