/** The broker: KRaft, broker and controller in one process, settings for a single node. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkKafka } from '../kafka-probe.ts';
import { runTool } from '../run-tool.ts';
import type { Ports } from '../identity.ts';
import { javaEnvironment, propertiesText, type JavaPartContext, type Part } from './part.ts';

const formatTimeoutMs = 60_000;
/** One node cannot replicate; few partitions of internal topics make start-up quick. */
const internalTopicPartitions = 4;

export const kafkaPart: Part<JavaPartContext> = {
  name: 'kafka',
  ports: ({ identity: { ports } }) => ({ kafka: ports.kafka, controller: ports.kafkaController }),
  prepare: async (context) => {
    const { folders, identity, artifacts, java } = context;
    const folder = path.join(folders.data, 'kafka');
    const settingsFile = path.join(folder, 'server.properties');
    const logFolder = path.join(folder, 'log');
    mkdirSync(folder, { recursive: true });
    writeFileSync(settingsFile, propertiesText(brokerSettings(identity.ports, logFolder)));
    const classPath = ['-cp', `${artifacts.kafkaJars}/*`];
    const env = javaEnvironment(context);
    if (!existsSync(path.join(logFolder, 'meta.properties'))) {
      await runTool({
        command: java,
        args: [
          ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...classPath],
          ...['kafka.tools.StorageTool', 'format'],
          ...['--cluster-id', identity.clusterId, '--config', settingsFile, '--ignore-formatted'],
        ],
        ...{ env, cwd: folder, signal: context.signal, timeoutMs: formatTimeoutMs },
        ...{ install: 'a JDK', code: 'STACK_START' },
      });
    }
    const args = [...brokerFlags, ...classPath, 'kafka.Kafka', settingsFile];
    return { command: java, args, env, cwd: folder };
  },
  check: ({ url }) => checkKafka(url),
};

const brokerFlags = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];

/** server.properties as name and value. */
export function brokerSettings(ports: Ports, logFolder: string): Record<string, string | number> {
  const kafka = `127.0.0.1:${ports.kafka}`;
  const controller = `127.0.0.1:${ports.kafkaController}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${kafka},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${kafka}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': logFolder,
    'auto.create.topics.enable': 'false',
    'num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': internalTopicPartitions,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': internalTopicPartitions,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': internalTopicPartitions,
  };
}
