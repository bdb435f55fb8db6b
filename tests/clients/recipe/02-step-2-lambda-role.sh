   # Create Lambda execution role
   aws iam create-role \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --assume-role-policy-document '{
         "Version": "2012-10-17",
         "Statement": [
           {
             "Effect": "Allow",
             "Principal": {
               "Service": "lambda.amazonaws.com"
             },
             "Action": "sts:AssumeRole"
           }
         ]
       }'
   
   # Attach basic Lambda execution policy
   aws iam attach-role-policy \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
   
   # Attach DynamoDB streams policy
   aws iam attach-role-policy \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole
   
   # Wait for role propagation
   sleep 10
   
   # Get role ARN for Lambda function creation
   export LAMBDA_ROLE_ARN=$(aws iam get-role \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --query 'Role.Arn' --output text)
   
   echo "✅ IAM role created for Lambda function"
   echo "Role ARN: ${LAMBDA_ROLE_ARN}"
