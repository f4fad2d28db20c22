import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { BrokerConnection, type BrokerAddress } from '../../streams/kafka/broker-connection.ts';
import type { PartitionOffset } from '../../streams/kafka/port.ts';
import type { Message } from '../../streams/kafka/protocol/message.ts';

const timeoutMs = 10_000;

/** Kafka's DeleteRecords: the log begins at the offset afterwards. Asked of the partition's leader. */
export async function deleteRecordsBefore(
  leader: BrokerAddress,
  position: PartitionOffset,
): Promise<void> {
  const connection = new BrokerConnection(leader, {
    ...{ clientId: 'delete-records', ssl: undefined, sasl: undefined },
    ...{ connectionTimeoutMs: timeoutMs, clock: systemClock, logger: silentLogger },
  });
  try {
    const errorCode = await connection.send(deleteRecordsRequest(position), timeoutMs);
    if (errorCode !== 0) throw new Error(`DeleteRecords was answered with error ${errorCode}`);
  } finally {
    await connection.close('done');
  }
}

function deleteRecordsRequest({ topic, partition, offset }: PartitionOffset): Message<number> {
  return {
    api: { key: 21, name: 'DeleteRecords', minVersion: 1, maxVersion: 1, flexible: false },
    encode: (writer) => {
      writer.array([topic], (name) => {
        writer.string(name);
        writer.array([partition], (number) => {
          writer.int32(number);
          writer.int64(offset);
        });
      });
      writer.int32(timeoutMs);
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const codes = reader.array(() => {
        reader.string(); // topic
        return reader.array(() => {
          reader.int32(); // partition
          reader.int64(); // log start
          return reader.int16();
        });
      });
      return codes[0]?.[0] ?? -1;
    },
  };
}
