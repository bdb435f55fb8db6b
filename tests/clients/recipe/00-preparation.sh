# Set environment variables
export AWS_REGION=$(aws configure get region)
export AWS_ACCOUNT_ID=$(aws sts get-caller-identity \
    --query Account --output text)

# Generate unique identifiers for resources
RANDOM_SUFFIX=$(aws secretsmanager get-random-password \
    --exclude-punctuation --exclude-uppercase \
    --password-length 6 --require-each-included-type \
    --output text --query RandomPassword)

export TABLE_NAME="RealTimeData-${RANDOM_SUFFIX}"
export LAMBDA_FUNCTION_NAME="AppSyncNotifier-${RANDOM_SUFFIX}"
export APPSYNC_API_NAME="RealTimeSyncAPI-${RANDOM_SUFFIX}"

echo "✅ Environment configured with unique resource names"
