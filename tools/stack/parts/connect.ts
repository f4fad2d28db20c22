/** The Kafka Connect worker, distributed mode, one worker, exactly-once sources, Debezium on board. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkHttp } from '../http-probe.ts';
import type { Ports } from '../identity.ts';
import { javaEnvironment, propertiesText, type JavaPartContext, type Part } from './part.ts';

export const connectPart: Part<JavaPartContext> = {
  name: 'connect',
  ports: ({ identity }) => ({ http: identity.ports.connect }),
  prepare: (context) => {
    const { folders, identity, artifacts } = context;
    const folder = path.join(folders.data, 'connect');
    mkdirSync(folder, { recursive: true });
    mkdirSync(folders.secrets, { recursive: true, mode: 0o700 });
    const settingsFile = path.join(folder, 'connect.properties');
    const settings = workerSettings({
      ports: identity.ports,
      plugins: artifacts.connectPlugins,
      secrets: folders.secrets,
    });
    writeFileSync(settingsFile, propertiesText(settings));
    const args = [
      ...workerFlags,
      ...['-cp', `${artifacts.kafkaJars}/*`],
      ...['org.apache.kafka.connect.cli.ConnectDistributed', settingsFile],
    ];
    return Promise.resolve({
      command: context.java,
      args,
      env: javaEnvironment(context),
      cwd: folder,
    });
  },
  check: ({ url }) => checkHttp(`${url}/health`),
};

const workerFlags = [
  '-Xms256m',
  '-Xmx768m',
  '-XX:+UseSerialGC',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.io.debezium=info',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];

export interface WorkerOptions {
  readonly ports: Ports;
  readonly plugins: string;
  readonly secrets: string;
}

/** connect.properties as name and value. Converters are each connector's own setting. */
export function workerSettings(options: WorkerOptions): Record<string, string | number> {
  const { ports, plugins, secrets } = options;
  const topic = (kind: string, partitions?: number): Record<string, string | number> => ({
    [`${kind}.storage.topic`]: `rollguard-connect-${kind}`,
    [`${kind}.storage.replication.factor`]: 1,
    ...(partitions === undefined ? {} : { [`${kind}.storage.partitions`]: partitions }),
  });
  const provider = 'org.apache.kafka.common.config.provider';
  return {
    'bootstrap.servers': `127.0.0.1:${ports.kafka}`,
    'group.id': 'rollguard-connect',
    ...topic('config'),
    ...topic('offset', 1),
    ...topic('status', 1),
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'exactly.once.source.support': 'enabled',
    'scheduled.rebalance.max.delay.ms': 0,
    'plugin.path': plugins,
    listeners: `http://127.0.0.1:${ports.connect}`,
    'rest.advertised.host.name': '127.0.0.1',
    'config.providers': 'file,directory',
    'config.providers.file.class': `${provider}.FileConfigProvider`,
    'config.providers.file.param.allowed.paths': secrets,
    'config.providers.directory.class': `${provider}.DirectoryConfigProvider`,
    'config.providers.directory.param.allowed.paths': secrets,
  };
}
