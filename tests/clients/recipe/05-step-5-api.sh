   # Create AppSync API
   aws appsync create-graphql-api \
       --name ${APPSYNC_API_NAME} \
       --authentication-type API_KEY \
       --tags Project=AppSyncRealTimeSync
   
   # Get API details
   export APPSYNC_API_ID=$(aws appsync list-graphql-apis \
       --query 'graphqlApis[?name==`'${APPSYNC_API_NAME}'`].apiId' \
       --output text)
   
   export APPSYNC_API_URL=$(aws appsync get-graphql-api \
       --api-id ${APPSYNC_API_ID} \
       --query 'graphqlApi.uris.GRAPHQL' --output text)
   
   # Create API key for authentication
   aws appsync create-api-key \
       --api-id ${APPSYNC_API_ID} \
       --description "Development API key for real-time sync" \
       --expires $(date -d "+1 month" +%s)
   
   export APPSYNC_API_KEY=$(aws appsync list-api-keys \
       --api-id ${APPSYNC_API_ID} \
       --query 'apiKeys[0].id' --output text)
   
   echo "✅ AppSync GraphQL API created"
   echo "API ID: ${APPSYNC_API_ID}"
   echo "API URL: ${APPSYNC_API_URL}"
