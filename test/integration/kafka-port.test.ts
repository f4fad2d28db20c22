import { kafkaPortContract } from '../contract/kafka-port.ts';
import { deleteRecordsBefore } from '../support/delete-records.ts';
import { portOn, testStack } from './test-system.ts';

kafkaPortContract('a real broker', async () => {
  const stack = await testStack();
  const [host = '', port] = stack.endpoints.kafkaBrokers.split(':');
  let clients = 0;
  return {
    client: () => portOn(stack, `contract-${(clients += 1)}`),
    deleteBefore: (position) => deleteRecordsBefore({ host, port: Number(port) }, position),
    recoversOpenTransactions: true,
    prefix: `contract-${process.pid}-${Date.now()}`,
  };
});
