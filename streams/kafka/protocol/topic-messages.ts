/** CreateTopics, DeleteTopics, DescribeConfigs. */
import type { NewTopic } from '../port.ts';
import type { ByteReader } from './byte-reader.ts';
import type { Api, Message } from './message.ts';

export interface TopicResult {
  readonly topic: string;
  readonly errorCode: number;
  /** The broker's own words, where it has some. */
  readonly errorMessage: string | null;
}

export interface TopicConfigs extends TopicResult {
  readonly effective: Readonly<Record<string, string>>;
  /** Set for the topic itself, not the broker's. */
  readonly own: Readonly<Record<string, string>>;
}

const create: Api = {
  key: 19,
  name: 'CreateTopics',
  minVersion: 4,
  maxVersion: 4,
  flexible: false,
};
const remove: Api = {
  key: 20,
  name: 'DeleteTopics',
  minVersion: 1,
  maxVersion: 3,
  flexible: false,
};
const describe: Api = {
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 1,
  maxVersion: 2,
  flexible: false,
};
const topicResource = 2;
const ofTopic = 1;

export function createTopicsRequest(
  topics: readonly NewTopic[],
  timeoutMs: number,
): Message<readonly TopicResult[]> {
  return {
    api: create,
    encode: (writer) => {
      writer.array(topics, (topic) => {
        writer.string(topic.name);
        writer.int32(topic.partitionCount);
        writer.int16(topic.replicationFactor ?? -1);
        writer.int32(0); // no manual assignments
        writer.array(Object.entries(topic.configs), ([name, value]) => {
          writer.string(name);
          writer.nullableString(value);
        });
      });
      writer.int32(timeoutMs);
      writer.boolean(false); // validate only
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return reader.array(() => ({
        topic: reader.string(),
        errorCode: reader.int16(),
        errorMessage: reader.nullableString(),
      }));
    },
  };
}

export function deleteTopicsRequest(
  names: readonly string[],
  timeoutMs: number,
): Message<readonly TopicResult[]> {
  return {
    api: remove,
    encode: (writer) => {
      writer.array(names, (name) => writer.string(name));
      writer.int32(timeoutMs);
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return reader.array(() => ({
        topic: reader.string(),
        errorCode: reader.int16(),
        errorMessage: null,
      }));
    },
  };
}

export function describeConfigsRequest(names: readonly string[]): Message<readonly TopicConfigs[]> {
  return {
    api: describe,
    encode: (writer) => {
      writer.array(names, (name) => {
        writer.int8(topicResource);
        writer.string(name);
        writer.int32(-1); // every setting
      });
      writer.boolean(false); // include synonyms
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      return reader.array(() => readConfigs(reader));
    },
  };
}

function readConfigs(reader: ByteReader): TopicConfigs {
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  reader.int8(); // resource type
  const topic = reader.string();
  const entries = reader.array(() => {
    const name = reader.string();
    const value = reader.nullableString();
    reader.boolean(); // read only
    const source = reader.int8();
    reader.boolean(); // sensitive: its value is null
    reader.array(() => [reader.string(), reader.nullableString(), reader.int8()]); // synonyms
    return { name, value, source };
  });
  const told = (chosen: typeof entries): Record<string, string> =>
    Object.fromEntries(
      chosen.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const])),
    );
  const own = told(entries.filter(({ source }) => source === ofTopic));
  return { topic, errorCode, errorMessage, effective: told(entries), own };
}
