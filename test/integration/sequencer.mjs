// The campaign first: in the end it reads all that its stack holds, and later that is all that the others have written.
import Sequencer from '@jest/test-sequencer';

const first = /faults\.test\.ts$/;

export default class CampaignFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isFirst = ({ path }) => first.test(path);
    return [...sorted.filter(isFirst), ...sorted.filter((test) => !isFirst(test))];
  }
}
