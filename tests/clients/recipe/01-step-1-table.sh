   # Create DynamoDB table with streams enabled
   aws dynamodb create-table \
       --table-name ${TABLE_NAME} \
       --attribute-definitions \
           AttributeName=id,AttributeType=S \
       --key-schema \
           AttributeName=id,KeyType=HASH \
       --stream-specification \
           StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES \
       --billing-mode PAY_PER_REQUEST \
       --tags Key=Project,Value=AppSyncRealTimeSync
   
   # Wait for table to become active
   aws dynamodb wait table-exists --table-name ${TABLE_NAME}
   
   # Get stream ARN for Lambda configuration
   export STREAM_ARN=$(aws dynamodb describe-table \
       --table-name ${TABLE_NAME} \
       --query 'Table.LatestStreamArn' --output text)
   
   echo "✅ DynamoDB table created with streams enabled"
   echo "Stream ARN: ${STREAM_ARN}"
