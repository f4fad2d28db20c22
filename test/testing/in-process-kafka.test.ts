import { systemClock } from '../../kernel/clock.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { kafkaPortContract } from '../contract/kafka-port.ts';
import { plainProducerContract } from '../contract/plain-producer.ts';
import type { PortUnderTest } from '../contract/port-bench.ts';

const open = (): Promise<PortUnderTest> => {
  const kafka = new InProcessKafka(systemClock);
  return Promise.resolve({
    client: () => kafka.client(),
    deleteBefore: (position) => {
      kafka.log(position).truncateBefore(position.offset);
      return Promise.resolve();
    },
    recoversOpenTransactions: true,
    prefix: 'contract',
  });
};

kafkaPortContract('in process', open);
plainProducerContract('in process', open);
