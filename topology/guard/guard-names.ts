/** The guard's names on the broker, as the settings make them. For life, like those of its topics. */

/** Names of the contract and of the topic without a suffix. */
export const inventoryEventsContract = 'inventory.events';

/** Topics between the guard's sub-topologies, without the application id in front. */
export const guardInternalTopics = {
  catalogue: 'catalogue',
  snapshotEnds: 'snapshot-ends',
  decisions: 'decisions',
  commands: 'commands-repartition',
  reservationFacts: 'reservation-facts-repartition',
  holds: 'holds-repartition',
  orders: 'orders-repartition',
} as const;

/** Consumer group, prefix of transactional ids and internal topics. */
export function guardApplicationId(settings: {
  readonly KAFKA_CONSUMER_GROUP_SUFFIX: string;
}): string {
  return `availability-guard${settings.KAFKA_CONSUMER_GROUP_SUFFIX}`;
}

/** Where events go: nothing downstream reads the shadow topic. */
export function inventoryEventsTopic(settings: { readonly SHADOW_MODE: boolean }): string {
  return `${inventoryEventsContract}${settings.SHADOW_MODE ? '.shadow' : ''}`;
}
