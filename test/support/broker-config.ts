/** Kafka's IncrementalAlterConfigs: sets one of the settings that every broker of a cluster shares. */
import type { BrokerConnection } from '../../streams/kafka/broker-connection.ts';
import type { Message } from '../../streams/kafka/protocol/message.ts';

const timeoutMs = 10_000;
const [brokerResource, setOperation, allBrokers] = [4, 0, ''];

export async function setBrokerConfig(
  connection: BrokerConnection,
  name: string,
  value: string,
): Promise<void> {
  const errorCode = await connection.send(alterConfigRequest(name, value), timeoutMs);
  if (errorCode !== 0) throw new Error(`${name} was refused with error ${errorCode}`);
}

function alterConfigRequest(name: string, value: string): Message<number> {
  return {
    api: {
      ...{ key: 44, name: 'IncrementalAlterConfigs', flexible: true },
      ...{ minVersion: 1, maxVersion: 1 },
    },
    encode: (writer) => {
      writer.compactArray([name], () => {
        writer.int8(brokerResource);
        writer.compactString(allBrokers);
        writer.compactArray([value], (text) => {
          writer.compactString(name);
          writer.int8(setOperation);
          writer.compactNullableString(text);
          writer.noTags();
        });
        writer.noTags();
      });
      writer.boolean(false); // only validate
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const codes = reader.compactArray(() => {
        const errorCode = reader.int16();
        reader.compactNullableString(); // message
        reader.int8(); // resource type
        reader.compactString(); // resource name
        reader.skipTags();
        return errorCode;
      });
      return codes[0] ?? -1;
    },
  };
}
