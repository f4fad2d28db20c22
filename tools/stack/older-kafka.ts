/** Brokers of older versions, for tests of what we ask them: one profile of their pom for each. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { providePinnedJars, type FetchOptions, type PinnedJars } from './pinned-jars.ts';

export const olderKafkaVersions = ['3.5.2', '3.9.2'] as const;
export type OlderKafkaVersion = (typeof olderKafkaVersions)[number];

export const olderKafkaJars: PinnedJars = {
  name: 'older-kafka',
  pomFile: fileURLToPath(new URL('./older-kafka.pom.xml', import.meta.url)),
  shaListFile: fileURLToPath(new URL('./older-kafka.sha256', import.meta.url)),
  profiles: olderKafkaVersions,
};

/** The folder of a broker's jars. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD */
export async function provideOlderKafka(
  version: OlderKafkaVersion,
  options: FetchOptions,
): Promise<string> {
  return path.join(await providePinnedJars(olderKafkaJars, options), version);
}
