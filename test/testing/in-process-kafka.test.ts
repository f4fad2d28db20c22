import { systemClock } from '../../kernel/clock.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { kafkaPortContract } from '../contract/kafka-port.ts';

kafkaPortContract('in process', () => {
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
});
