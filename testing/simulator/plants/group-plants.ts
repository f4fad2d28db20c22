/** Bugs of the group: who is given what, who follows it, and where a call goes. */
import { RollguardError, isRollguardError } from '../../../kernel/errors.ts';
import type {
  FetchedPartition,
  GroupOptions,
  GroupShare,
  KafkaPort,
  PartitionReader,
} from '../../../streams/kafka/port.ts';
import type { Plant } from '../plant.ts';

export const taskGivenTwice: Plant = {
  summary: 'the leader gives the tasks of one member to another one as well',
  port: (port) =>
    withAssignor(port, (shares) => {
      const [one, two] = [...shares];
      if (one === undefined || two === undefined) return shares;
      const [memberId, share] = two;
      const partitions = [...share.partitions, ...one[1].partitions];
      return new Map([...shares, [memberId, { ...share, partitions }]]);
    }),
};

export const taskGivenToNobody: Plant = {
  summary: 'the leader forgets the tasks of a member where there are three',
  port: (port) =>
    withAssignor(port, (shares) => {
      const [last] = [...shares].slice(2);
      if (last === undefined) return shares;
      const [memberId, share] = last;
      return new Map([...shares, [memberId, { ...share, partitions: [] }]]);
    }),
};

export const standbyForgotten: Plant = {
  summary: 'a member that is to follow a task is not told',
  port: (port) =>
    withAssignor(
      port,
      (shares) =>
        new Map(
          [...shares].map(([memberId, share]) => {
            const told = JSON.parse(String(share.userData)) as object;
            const userData = Buffer.from(JSON.stringify({ ...told, follows: [] }));
            return [memberId, { ...share, userData }];
          }),
        ),
    ),
};

export const standbyTorn: Plant = {
  summary: 'a standby is read in the middle of a transaction',
  port: (port) => ({
    ...others(port),
    openMember: (options) => port.openMember(options),
    openReader: () => wholeReader(port.openReader()),
  }),
};

/** Says that whatever it has fetched is all there is. */
function wholeReader(reader: PartitionReader): PartitionReader {
  return {
    assign: (positions) => reader.assign(positions),
    unassign: (partitions) => reader.unassign(partitions),
    pause: (partitions) => reader.pause(partitions),
    resume: (partitions) => reader.resume(partitions),
    wakeUp: () => reader.wakeUp(),
    close: () => reader.close(),
    poll: async (maxWaitMs) => {
      const polled = await reader.poll(maxWaitMs);
      return polled.map((fetched): FetchedPartition => {
        return { ...fetched, lastStableOffset: fetched.nextOffset };
      });
    },
  };
}

export const forwardRefused: Plant = {
  summary: 'a call that another machine did not answer is told to be refused',
  forwarded: (answer) =>
    answer.catch((error: unknown) => {
      if (!isRollguardError(error, 'OUTCOME_UNKNOWN')) throw error;
      throw new RollguardError('NOT_READY', 'the owner gave no answer', { cause: error });
    }),
};

export const forwardRepeated: Plant = {
  summary: 'a call that another machine did not answer is sent to it once more',
  forwarded: (answer, again) =>
    answer.catch((error: unknown) => {
      if (!isRollguardError(error, 'OUTCOME_UNKNOWN')) throw error;
      return again();
    }),
};

function withAssignor(
  port: KafkaPort,
  changed: (shares: ReadonlyMap<string, GroupShare>) => ReadonlyMap<string, GroupShare>,
): KafkaPort {
  return {
    ...others(port),
    openReader: () => port.openReader(),
    openMember: (options: GroupOptions) =>
      port.openMember({ ...options, assignor: (members) => changed(options.assignor(members)) }),
  };
}

function others(
  port: KafkaPort,
): Pick<KafkaPort, 'admin' | 'openPlainProducer' | 'openProducer' | 'close'> {
  return {
    admin: port.admin,
    openPlainProducer: () => port.openPlainProducer(),
    openProducer: (options) => port.openProducer(options),
    close: () => port.close(),
  };
}
