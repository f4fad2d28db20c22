/** The simulated network: what reaches a process, and what does not. */
import { expect, test } from '@jest/globals';
import { seededRandom } from '../../kernel/random.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { simulatedSend } from '../../testing/simulator/network.ts';
import { SimulatedProcess } from '../../testing/simulator/simulated-process.ts';
import { VirtualTime } from '../../testing/simulator/virtual-time.ts';

test.each(['killed', 'paused'])(
  'the answer to a request that was long under way does not reach a process %s meanwhile: seed 1021790',
  async (what) => {
    const { time, process, ask } = slowRequest(5_000);
    const reached: string[] = [];
    void ask.then((answer) => reached.push(answer));
    time.after(2_000, () => (what === 'killed' ? process.kill() : process.pause()));

    await time.runUntil(time.startMs + 10_000);
    expect(reached).toEqual([]);

    process.resume();
    await time.runUntil(time.startMs + 20_000);
    expect(reached).toEqual(what === 'killed' ? [] : ['answer']);
  },
);

function slowRequest(requestDelayMs: number) {
  const random = seededRandom(1);
  const time = new VirtualTime(random);
  const process = new SimulatedProcess(time, random, 0);
  const passage = { fault: 'ok', lateMs: 0, requestDelayMs, answerDelayMs: 0 } as const;
  const send = simulatedSend(process, {
    ...{ time, random, passage: () => passage, sent: () => undefined },
    cluster: new InProcessKafka(process),
  });
  return { time, process, ask: send('TxnOffsetCommit', () => 'answer') };
}
