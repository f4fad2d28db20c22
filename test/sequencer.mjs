// First those that read in the end all that the stack holds: later that is all that the others have written. The
// faults after those that hold answers against moments: they set a clock minutes ahead, and decisions are never
// dated back behind it. And the longest of the unit tests, which Jest begins late for its few lines: one core would
// wait for it.
import Sequencer from '@jest/test-sequencer';

const first = [
  ...['integration/guard', 'integration/guard.full', 'integration/failpoints'],
  ...['integration/failpoints.full', 'integration/promote.full', 'integration/faults'],
  ...['simulation/simulator', 'stores/timed-stores', 'guard/guard-history', 'guard/late-rooms'],
].map((name) => `/${name}.test.ts`);

export default class InOurOrder extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const at = first.findIndex((name) => path.endsWith(name));
      return at === -1 ? first.length : at;
    };
    return super.sort(tests).toSorted((left, right) => rank(left) - rank(right));
  }
}
