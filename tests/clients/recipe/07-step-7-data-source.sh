   # Create service role for AppSync DynamoDB access
   aws iam create-role \
       --role-name AppSyncDynamoDBRole-${RANDOM_SUFFIX} \
       --assume-role-policy-document '{
         "Version": "2012-10-17",
         "Statement": [
           {
             "Effect": "Allow",
             "Principal": {
               "Service": "appsync.amazonaws.com"
             },
             "Action": "sts:AssumeRole"
           }
         ]
       }'
   
   # Create and attach DynamoDB access policy
   aws iam put-role-policy \
       --role-name AppSyncDynamoDBRole-${RANDOM_SUFFIX} \
       --policy-name DynamoDBAccess \
       --policy-document '{
         "Version": "2012-10-17",
         "Statement": [
           {
             "Effect": "Allow",
             "Action": [
               "dynamodb:GetItem",
               "dynamodb:PutItem",
               "dynamodb:UpdateItem",
               "dynamodb:DeleteItem",
               "dynamodb:Query",
               "dynamodb:Scan"
             ],
             "Resource": "arn:aws:dynamodb:'${AWS_REGION}':'${AWS_ACCOUNT_ID}':table/'${TABLE_NAME}'"
           }
         ]
       }'
   
   # Wait for role propagation
   sleep 10
   
   # Get role ARN for data source creation
   export APPSYNC_ROLE_ARN=$(aws iam get-role \
       --role-name AppSyncDynamoDBRole-${RANDOM_SUFFIX} \
       --query 'Role.Arn' --output text)
   
   # Create DynamoDB data source
   aws appsync create-data-source \
       --api-id ${APPSYNC_API_ID} \
       --name DynamoDBDataSource \
       --type AMAZON_DYNAMODB \
       --service-role-arn ${APPSYNC_ROLE_ARN} \
       --dynamodb-config tableName=${TABLE_NAME},awsRegion=${AWS_REGION}
   
   echo "✅ DynamoDB data source created"
