export const request = (ctx) => ({ operation: 'BatchInvoke', payload: { source: ctx.source } })
export const response = (ctx) => ctx.result.data
