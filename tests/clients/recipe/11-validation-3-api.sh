   # Get AppSync API details and schema
   aws appsync get-graphql-api --api-id ${APPSYNC_API_ID} \
       --query '{
         Name: graphqlApi.name,
         Status: graphqlApi.apiStatus,
         Endpoint: graphqlApi.uris.GRAPHQL
       }'
   
   # List available resolvers
   aws appsync list-resolvers --api-id ${APPSYNC_API_ID} \
       --type-name Mutation \
       --query 'resolvers[].fieldName'
