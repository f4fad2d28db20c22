/**
 * A process to be killed: writes batch after batch into the folder it is given and says each number
 * when it is written. Batch n sets its own keys, overwrites the shared one and deletes batch n − 1's.
 */
import { RocksDbEngine } from '../../stores/rocksdb-engine.ts';
import { numberedBatch } from './numbered-batch.ts';

const [folder = ''] = process.argv.slice(2);
const engine = await RocksDbEngine.open(folder);
for (let n = 1; ; n += 1) {
  await engine.write(numberedBatch(n), { topicId: 'topic', offset: n, writtenAtMs: 0 });
  process.stdout.write(`${n}\n`);
}
