import { systemClock } from '../../kernel/clock.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { kafkaPortContract } from '../contract/kafka-port.ts';

kafkaPortContract('in process', () => {
  const kafka = new InProcessKafka(systemClock);
  return Promise.resolve({ client: () => kafka.client(), prefix: 'contract' });
});
