import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.put({ key: { id: ctx.args.id }, item: { stock: ctx.args.stock } })
export const response = (ctx) => ctx.result
