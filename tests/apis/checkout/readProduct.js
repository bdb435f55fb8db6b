import { util } from '@aws-appsync/utils'
import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.get({ key: { id: ctx.args.product } })
export function response(ctx) {
  if (!ctx.result) util.error('No such product', 'NotFound')
  if (ctx.result.stock < ctx.args.count) util.error('Too few', 'OutOfStock', { id: ctx.result.id }, { stock: ctx.result.stock })
  return ctx.result
}
