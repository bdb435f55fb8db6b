import * as ddb from '@aws-appsync/utils/dynamodb'
export const request = (ctx) => ddb.query({ query: { feed: { eq: ctx.args.feed }, at: { ge: ctx.args.at } } })
export const response = (ctx) => ctx.result.items.map((each) => each.at)
