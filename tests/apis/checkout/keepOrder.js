import * as ddb from '@aws-appsync/utils/dynamodb'
export function request(ctx) {
  const { id, product, count } = ctx.args
  return ddb.put({ key: { id }, item: { product, count, total: ctx.stash.total } })
}
export const response = (ctx) => ctx.result
