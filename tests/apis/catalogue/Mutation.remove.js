import { util } from '@aws-appsync/utils'
export const request = (ctx) => ({
  operation: 'BatchDeleteItem', tables: { 'TABLE(items)': ctx.args.ids.map((id) => util.dynamodb.toMapValues({ id })) },
})
export const response = (ctx) => ctx.result.data['TABLE(items)'].map((each) => (each ? each.id : null))
