// First those that read in the end all that the stack holds: later that is all that the others have written.
import Sequencer from '@jest/test-sequencer';

const first = ['faults', 'failpoints', 'guard'].map((name) => `/integration/${name}.test.ts`);

export default class VerifiersFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const at = first.findIndex((name) => path.endsWith(name));
      return at === -1 ? first.length : at;
    };
    return super.sort(tests).toSorted((left, right) => rank(left) - rank(right));
  }
}
