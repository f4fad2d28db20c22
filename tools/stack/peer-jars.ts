/** Kafka Streams for the JVM, the peer of `npm run bench -- streams` and `restore`; only they fetch it. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { providePinnedJars, type FetchOptions, type PinnedJars } from './pinned-jars.ts';

const profile = 'streams';

export const peerJars: PinnedJars = {
  name: 'streams-peer',
  pomFile: fileURLToPath(new URL('../../bench/peers/jvm/pom.xml', import.meta.url)),
  shaListFile: fileURLToPath(new URL('../../bench/peers/jvm/jars.sha256', import.meta.url)),
  profiles: [profile],
};

/** The folder of its jars. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD */
export async function providePeerJars(options: FetchOptions): Promise<string> {
  return path.join(await providePinnedJars(peerJars, options), profile);
}
