import * as ddb from '@aws-appsync/utils/dynamodb'
export function request(ctx) {
  const { feed, limit, nextToken, latest } = ctx.args
  return ddb.query({ query: { feed: { eq: feed } }, limit, nextToken, scanIndexForward: !latest })
}
export const response = (ctx) => ({ items: ctx.result.items, nextToken: ctx.result.nextToken })
