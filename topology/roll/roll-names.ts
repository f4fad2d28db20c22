/** The Roll Service's names on the broker, as the settings make them. For life, like those of its topics. */

/** Names of the contract and of the topic without a suffix. */
export const rollEventsContract = 'roll.events';

/** Consumer group, prefix of transactional ids and internal topics. */
export function rollApplicationId(settings: {
  readonly KAFKA_CONSUMER_GROUP_SUFFIX: string;
}): string {
  return `roll-service${settings.KAFKA_CONSUMER_GROUP_SUFFIX}`;
}

/** Where events go: nothing downstream reads the shadow topic. */
export function rollEventsTopic(settings: { readonly SHADOW_MODE: boolean }): string {
  return `${rollEventsContract}${settings.SHADOW_MODE ? '.shadow' : ''}`;
}

/** The topic of what the backfill reads, without the application id. */
export const backfillTopicName = 'backfill';

/** Its name on the broker. */
export function backfillTopic(applicationId: string): string {
  return `${applicationId}-${backfillTopicName}`;
}

/** Internal topic of the dates that the clock or a person closed; kept, since they are input. */
export const closedDates = 'closed-dates';

export function closedDatesTopic(applicationId: string): string {
  return `${applicationId}-${closedDates}`;
}
