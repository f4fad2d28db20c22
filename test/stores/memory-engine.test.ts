import { MemoryEngine } from '../../stores/memory-engine.ts';
import { describeStateEngine } from '../contract/state-engine.ts';

describeStateEngine('MemoryEngine', {
  open: () => Promise.resolve(new MemoryEngine()),
  reopen: (engine) => Promise.resolve(engine),
});
