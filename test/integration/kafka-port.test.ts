import { kafkaPortContract } from '../contract/kafka-port.ts';
import { portOn, testStack } from './test-system.ts';

kafkaPortContract('a real broker', async () => {
  const stack = await testStack();
  let clients = 0;
  return {
    client: () => portOn(stack, `contract-${(clients += 1)}`),
    prefix: `contract-${process.pid}-${Date.now()}`,
  };
});
