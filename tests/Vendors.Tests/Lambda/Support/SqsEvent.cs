using System.Text.Json;

namespace ControlPlane.Tests.Lambda;

/// <summary>An event with queue messages, as documented in the AWS Lambda Developer Guide.</summary>
static class SqsEvent
{
    public static string Of(params (string Id, string Body)[] messages) => JsonSerializer.Serialize(new
    {
        Records = messages.Select(message => new
        {
            messageId = message.Id,
            receiptHandle = "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
            body = message.Body,
            attributes = new { ApproximateReceiveCount = "1", SentTimestamp = "1545082649183", SenderId = "AIDAIENQZJOLO23YVJ4VO", ApproximateFirstReceiveTimestamp = "1545082649185" },
            messageAttributes = new { myAttribute = new { stringValue = "myValue", stringListValues = Array.Empty<string>(), binaryListValues = Array.Empty<string>(), dataType = "String" } },
            md5OfBody = "e4e68fb7bd0e697a0ae8f1bb342846b3",
            eventSource = "aws:sqs",
            eventSourceARN = "arn:aws:sqs:eu-central-1:111122223333:queue",
            awsRegion = "eu-central-1",
        }),
    });
}
