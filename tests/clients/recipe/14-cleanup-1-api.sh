   # Delete AppSync API (removes schema, resolvers, and data sources)
   aws appsync delete-graphql-api --api-id ${APPSYNC_API_ID}
   
   # Delete AppSync service role
   aws iam delete-role-policy \
       --role-name AppSyncDynamoDBRole-${RANDOM_SUFFIX} \
       --policy-name DynamoDBAccess
   
   aws iam delete-role --role-name AppSyncDynamoDBRole-${RANDOM_SUFFIX}
   
   echo "✅ AppSync API and service role deleted"
