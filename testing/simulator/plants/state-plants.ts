/** Bugs of a store and its restore: what is taken for committed, and how far. */
import { forwardedAdmin } from '../../../streams/kafka/forwarded-admin.ts';
import type { KafkaAdmin, KafkaPort } from '../../../streams/kafka/port.ts';
import { distrustOf } from '../../../stores/state-directory.ts';
import { PartitionLog } from '../../in-process/partition-log.ts';
import { applicationId } from '../machine.ts';
import type { Plant } from '../plant.ts';
import { realDiskRules } from '../simulated-disk.ts';

class UnfilteredLog extends PartitionLog {
  protected override isShown(): boolean {
    return true;
  }
}

export const abortedApplied: Plant = {
  summary: 'a reader hands over records of aborted transactions',
  newLog: () => new UnfilteredLog(),
};

export const staleCheckpointTrusted: Plant = {
  summary: "after a crash a store keeps its last position, though that batch's content is lost",
  disk: {
    ...realDiskRules,
    afterCrash: (batches, kept) => {
      const last = batches.at(-1);
      const whole = batches.slice(0, kept);
      if (last === undefined || kept === batches.length) return whole;
      return [...whole, { changes: [], position: last.position }];
    },
  },
};

export const tombstonesForgotten: Plant = {
  summary: 'a checkpoint older than the retention of tombstones is trusted',
  disk: {
    ...realDiskRules,
    distrust: (position, rules, nowMs) =>
      distrustOf(position, { ...rules, ageMaxMs: Infinity }, nowMs),
  },
};

/** Records that the last fetch of a hasty restore leaves out. */
const leftOut = 2;

export const restoreStopsEarly: Plant = {
  summary: 'a restore ends below the high watermark',
  port: (port): KafkaPort => ({
    admin: hasty(port.admin),
    openReader: () => port.openReader(),
    openPlainProducer: () => port.openPlainProducer(),
    openMember: (options) => port.openMember(options),
    openProducer: (options) => port.openProducer(options),
    close: () => port.close(),
  }),
};

function hasty(admin: KafkaAdmin): KafkaAdmin {
  return forwardedAdmin(admin, {
    listOffsets: async (partitions, which) => {
      const offsets = await admin.listOffsets(partitions, which);
      if (which !== 'latest') return offsets;
      return offsets.map(({ topic, partition, offset }) => {
        const isChangelog = topic.startsWith(applicationId) && topic.endsWith('-changelog');
        return { topic, partition, offset: isChangelog ? Math.max(0, offset - leftOut) : offset };
      });
    },
  });
}
