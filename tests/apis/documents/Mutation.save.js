import { util } from '@aws-appsync/utils'
import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.update({
  key: { id: ctx.args.id },
  update: { text: ctx.args.text, version: ddb.operations.increment(1) },
  condition: { version: { eq: ctx.args.version } },
})
export const response = (ctx) => ctx.error ? util.error(ctx.error.message, ctx.error.type, ctx.result) : ctx.result
