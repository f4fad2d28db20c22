import { kafkaPortContract } from '../contract/kafka-port.ts';
import { plainProducerContract } from '../contract/plain-producer.ts';
import type { PortUnderTest } from '../contract/port-bench.ts';
import { deleteRecordsBefore } from '../support/delete-records.ts';
import { portOn, testStack } from './test-system.ts';

const open = async (): Promise<PortUnderTest> => {
  const stack = await testStack();
  const [host = '', port] = stack.endpoints.kafkaBrokers.split(':');
  let clients = 0;
  return {
    client: () => portOn(stack, `contract-${(clients += 1)}`),
    deleteBefore: (position) => deleteRecordsBefore({ host, port: Number(port) }, position),
    recoversOpenTransactions: true,
    prefix: `contract-${process.pid}-${Date.now()}`,
  };
};

kafkaPortContract('a real broker', open);
plainProducerContract('a real broker', open);
