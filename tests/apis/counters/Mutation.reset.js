import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.update({ key: { id: ctx.args.id }, update: { count: 0, seen: ddb.operations.remove() } })
export const response = (ctx) => ctx.result
