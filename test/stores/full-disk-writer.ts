/** Writes until there is no room for more, and says as what that was told: run under `ulimit -f`. */
import { RocksDbEngine } from '../../stores/rocksdb-engine.ts';

const [folder = ''] = process.argv.slice(2);
const engine = await RocksDbEngine.open(folder);
try {
  for (let offset = 1; offset < 1_000; offset += 1) {
    const changes = [{ key: Buffer.from(`key-${offset}`), value: Buffer.alloc(10_000) }];
    await engine.write(changes, { topicId: 't', offset, writtenAtMs: 1 });
  }
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
}
