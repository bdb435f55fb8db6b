import { util } from '@aws-appsync/utils'
import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.put({
  key: { id: ctx.args.id }, item: { text: ctx.args.text, version: 1 }, condition: { id: { attributeExists: false } },
})
export const response = (ctx) => ctx.error ? util.error(ctx.error.message, ctx.error.type, ctx.result) : ctx.result
